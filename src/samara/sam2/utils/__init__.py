"""The official `sam2.utils`."""
