"""Reports made from results; nothing here measures."""
