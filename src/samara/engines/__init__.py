"""Engines that run a network. The predictor and the generator use only the `Engine` interface."""
