"""Diagnosis of this machine: which engines run, and whether they agree."""
