"""Running an annotation: settings, workers, tiles, retries."""
