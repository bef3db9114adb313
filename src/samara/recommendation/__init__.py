"""Recommendation of a checkpoint for a machine, task and licence: evidence, estimates, rules, ranking."""
