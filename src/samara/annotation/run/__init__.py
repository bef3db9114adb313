"""The work itself: settings, workers, tiles, retries."""
