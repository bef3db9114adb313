"""The version, in the lowest layer, so that every module can record it in what it writes."""

__version__ = "0.1.0"
