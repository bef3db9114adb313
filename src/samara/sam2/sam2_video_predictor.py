"""The official `sam2_video_predictor`: a name that programs import, and one error for who uses it."""

from __future__ import annotations

from typing import Any, NoReturn

from samara.sam2.videos import refuse


class SAM2VideoPredictor:
    """Segment videos, which samara does not.

    Raises:
        VideosNotSupported: always.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise refuse("SAM2VideoPredictor")

    @classmethod
    def from_pretrained(cls, model_id: str, **kwargs: Any) -> NoReturn:
        """Raise VideosNotSupported."""
        raise refuse("SAM2VideoPredictor")
