"""Which network a file is for, found from its keys and shapes."""
