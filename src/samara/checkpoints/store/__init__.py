"""The checkpoints on this machine: downloads, digests, and their folder."""
