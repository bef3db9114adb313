"""The networks: functions of tensors, depending only on torch.

Attribute names are the published state-dict keys, so the official files load with ``strict=True``.
Nothing here depends on files, images, devices or precision, and nothing disables gradients.
"""
