"""Class names of detectors: COCO's classes, and sanitising names from files for display."""

from __future__ import annotations

import json

# fmt: off
COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)
# fmt: on
"""The 80 classes of COCO's instances (Lin et al. 2014), in the order of their category ids."""

OBJECT = ("object",)
"""The single class of networks that find everything."""

MAX_LENGTH = 64


def names_in_file(text: str | None) -> tuple[str, ...] | None:
    """Read the class names in a checkpoint file.

    Args:
        text: JSON object from index to name; None for a file without names.

    Returns:
        The names by index, without control characters and at most 64 characters long; None unless the text has one name
        for each of 0, 1, 2, ...
    """
    try:
        stated = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(stated, dict) or set(stated) != {str(index) for index in range(len(stated))}:
        return None
    names = [stated[str(index)] for index in range(len(stated))]
    if not all(isinstance(name, str) for name in names):
        return None
    return tuple(_showable(name) or f"class {index}" for index, name in enumerate(names))


def fitting_names(text: str | None, count: int, usual: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Name the classes of a checkpoint file.

    Args:
        text: names in the file, see `names_in_file`.
        count: number of classes of its network.
        usual: default names, used if the file states none and their number matches.

    Returns:
        One name per class; and a remark on names that are not from the file, e.g. "2 classes without usable names,
        numbered instead", empty if all are.
    """
    stated = names_in_file(text)
    if stated and len(stated) == count:
        return stated, ""
    are_usual = len(usual) == count
    if text is None and are_usual:
        return usual, ""
    what = "without usable names" if stated is None else f"but names for {len(stated)}"
    taken = "default names used instead" if are_usual else "numbered instead"
    classes = f"{count} class{'' if count == 1 else 'es'}"
    return usual if are_usual else numbered(count), f"{classes} {what}, {taken}"


def numbered(count: int) -> tuple[str, ...]:
    """Return names for unknown classes."""
    return tuple(f"class {index}" for index in range(count))


def _showable(name: str) -> str:
    """Sanitise a file's text for terminals and images: no escapes, no line breaks, limited length."""
    return "".join(sign if sign.isprintable() else " " for sign in name[:MAX_LENGTH]).strip()
