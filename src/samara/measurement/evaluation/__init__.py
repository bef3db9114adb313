"""Quality of masks: prompts simulated from ground truth, masks compared with it, means with intervals."""
