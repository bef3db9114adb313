"""Speed, memory and size of checkpoints; each measurement runs in its own process."""
