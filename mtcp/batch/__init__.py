"""Many photos to a table of numbers: one row of coherence per photo, resumable, on one core or a cluster."""
