"""Which checkpoint for this machine, task and licence, and why: evidence, estimates, rules, ranking."""
