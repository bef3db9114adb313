"""The official `sam2.modeling`, for images."""
