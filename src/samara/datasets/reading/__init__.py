"""Annotations from the formats of others."""
