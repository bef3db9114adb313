"""Measurements whose results are in `results/`; each script says how to run it."""
