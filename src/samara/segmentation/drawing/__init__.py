"""Drawing of masks over their image."""
