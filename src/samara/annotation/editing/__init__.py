"""Editing the masks of a store, image by image, as a person works on them."""
