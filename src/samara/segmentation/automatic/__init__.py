"""Everything in an image: a grid of points, predicted, filtered, de-duplicated."""
