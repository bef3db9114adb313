"""Mask and box arithmetic: arrays in, arrays out. Knows no network and no file."""
