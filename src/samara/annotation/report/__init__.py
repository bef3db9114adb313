"""What an annotated data set looks like: statistics, near-duplicates, the page."""
