"""Checkpoint files: the catalogue, downloads, identification, and reading without running their code."""
