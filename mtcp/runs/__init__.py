"""Training runs on disk, read only: found, read, summarised, replayed."""
