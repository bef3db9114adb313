"""How fast a checkpoint is, how much memory it takes and how large it is; each measurement in a process of its own."""
