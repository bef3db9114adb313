"""Fine-tuning: a mask decoder (or more) of one's own, from cached embeddings."""
