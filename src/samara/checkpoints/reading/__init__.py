"""Tensors out of untrusted files; nothing in them is executed."""
