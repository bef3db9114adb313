"""Transforms and building blocks of automatic mask generators, the same as SAM's."""
