"""Samara: every Segment Anything checkpoint behind one interface."""

__version__ = "0.1.0"
