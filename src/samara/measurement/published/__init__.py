"""What others published about the checkpoints, and what is claimed of them: data with sources, nothing measured."""
