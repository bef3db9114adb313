"""`samara serve`: a page to annotate images in, and a server for other programs."""
