"""Images of every kind as 8-bit RGB."""
