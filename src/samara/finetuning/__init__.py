"""Fine-tuning of a mask decoder (or more) on your own data, from cached embeddings."""
