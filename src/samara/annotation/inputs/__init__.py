"""Inputs of annotation: images from any source, and prompts for them."""
