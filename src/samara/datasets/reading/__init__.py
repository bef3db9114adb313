"""Reading of annotations from other formats."""
