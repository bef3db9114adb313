"""samara as a model inside other programs: CVAT and FiftyOne."""
