"""What is annotated: images wherever they lie, and prompts for them."""
