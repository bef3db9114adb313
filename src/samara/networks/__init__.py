"""The networks: tensors in, tensors out, torch only.

Attribute names are the published state-dict keys, so the official files load with ``strict=True``.
Nothing here knows files, images, devices or precision, and nothing switches gradients off.
"""
