"""Masks as images: tinted areas, outlines, labels."""
