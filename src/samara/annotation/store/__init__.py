"""Where annotations live until they are exported: shards that survive a kill."""
