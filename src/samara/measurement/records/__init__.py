"""Measured numbers: metrics, records of single numbers, and record files. Nothing here measures."""
