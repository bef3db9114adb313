"""What SAM 2 does with videos, and samara does not."""

from __future__ import annotations

from samara.errors import SettingsError


class VideosNotSupported(SettingsError, NotImplementedError):
    """Something was asked for that only videos need; a NotImplementedError too, as the official code raises."""


def refuse(what: str) -> VideosNotSupported:
    """The error that says so."""
    return VideosNotSupported(
        f"{what} is for videos, and samara runs SAM 2 on images only; use build_sam2 and SAM2ImagePredictor frame by "
        "frame, or the sam2 package of its authors"
    )
