"""Writing of annotations in other formats."""
