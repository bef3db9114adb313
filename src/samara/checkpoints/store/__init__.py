"""The checkpoints on this machine: downloads, digests, the folder they lie in."""
