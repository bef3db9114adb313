"""Masks drawn over their image."""
