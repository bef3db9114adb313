"""Report on an annotated data set: statistics, near duplicates, the page."""
