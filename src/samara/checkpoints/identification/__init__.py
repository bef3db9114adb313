"""Identification of a file's network from its keys and shapes."""
