"""What user code imports from `segment_anything.utils`."""
