"""Tests of samara.checkpoints."""
