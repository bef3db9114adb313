"""Checkpoint files: which exist, how to get them, what a file is, and how to read it without running it."""
