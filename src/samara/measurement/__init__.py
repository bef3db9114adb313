"""Measurements of checkpoints: time, memory, size and quality, next to published values."""
