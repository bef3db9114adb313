"""Published figures and claims about checkpoints, with sources; nothing here measures."""
