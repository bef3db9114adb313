"""Automatic masks: predictions for a grid of points, filtered and de-duplicated."""
