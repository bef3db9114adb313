"""Protocols of annotation tools, so that these use the server as their own."""
