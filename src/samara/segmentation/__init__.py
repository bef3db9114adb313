"""Masks of one image with any checkpoint, from prompts or automatic."""
