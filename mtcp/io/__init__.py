"""Files as they come and go: photos, bounded reading, writing that is whole or not at all, a folder's lock."""
