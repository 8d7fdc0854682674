"""Files in and out: photos, bounded reading, writing that is complete or not at all, a folder's lock."""
