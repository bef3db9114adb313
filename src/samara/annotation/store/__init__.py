"""Storage of annotations until export: shards that survive a kill."""
