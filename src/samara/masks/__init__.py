"""Mask and box arithmetic on arrays, independent of networks and files."""
