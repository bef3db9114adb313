"""Annotations in the formats of others."""
