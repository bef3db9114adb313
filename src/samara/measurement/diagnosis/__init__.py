"""What this machine can run, and whether every engine computes the same."""
