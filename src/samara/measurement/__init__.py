"""What is measured of a checkpoint: time, memory, size and quality, beside what was published."""
