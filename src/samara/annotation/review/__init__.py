"""Review of annotations by people: which masks are doubtful, tasks for annotation tools, corrections."""
