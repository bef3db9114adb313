"""Reading of images of every kind as 8-bit RGB."""
