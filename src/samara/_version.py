"""The version, below everything, so that whatever is written may carry it."""

__version__ = "0.1.0"
