"""Transforms and the parts of automatic mask generators, the same as SAM's."""
