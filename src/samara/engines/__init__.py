"""Where a network runs. The predictor and the generator speak to an `Engine` and know nothing of what is behind it."""
