"""How good masks are: prompts simulated from ground truth, answers compared with it, means with intervals."""
