"""`samara.Client`: masks from a `samara serve`, on this machine or on one with a GPU."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx
import numpy as np

from samara.errors import ImageError, ServerError, SettingsError
from samara.images.encode import png_bytes
from samara.images.read import ImageSource, read_image
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle
from samara.segmentation.file_settings import MasksPerPrompt
from samara.segmentation.prompts import Numbers, Prompt
from samara.serving.addresses import is_web_address

TIMEOUT_S = 300.0


@dataclass(frozen=True)
class ServedEmbedding:
    """An image that a server has embedded.

    Attributes:
        key: name of the embedding at the server.
        size_hw: (H, W) of the image in pixels, upright.
        checkpoint: name of the checkpoint that embedded it.
    """

    key: str
    size_hw: tuple[int, int]
    checkpoint: str


class Client:
    """Client of a server; close it, or use it as a context manager.

    Args:
        address: what `samara serve` printed, with its token.
        token: the token, if the address has none.
        checkpoint: name of a checkpoint of the server; None for its first.
        timeout_s: most seconds to wait for an answer.

    Raises:
        SettingsError: the address is none.
    """

    def __init__(
        self, address: str, *, token: str | None = None, checkpoint: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        if not is_web_address(address):
            raise SettingsError(f"{address!r:.200} is no address; give the one that the server printed")
        parts = urlsplit(address)
        given = token or parse_qs(parts.query).get("token", [""])[0]
        self._checkpoint = {} if checkpoint is None else {"checkpoint": checkpoint}
        self._http = httpx.Client(
            base_url=f"{parts.scheme}://{parts.netloc}{parts.path}",
            headers={"Authorization": f"Bearer {given}"} if given else {},
            timeout=timeout_s,
        )

    def embed(self, image: ImageSource) -> ServedEmbedding:
        """Embed an image, unless the server has done so before.

        Args:
            image: path, bytes, or anything else that `samara.read_image` takes.

        Raises:
            ImageError: the file cannot be read.
            ServerError: the server refuses the image, or cannot be reached.
        """
        found = self._ask("POST", "embed/file", content=_encoded(image), params=self._checkpoint)
        return ServedEmbedding(found["embedding"], (found["height"], found["width"]), found["checkpoint"])

    def predict(
        self,
        image: ServedEmbedding | int,
        points: Numbers | None = None,
        labels: Numbers | None = None,
        box: Numbers | None = None,
        *,
        answers: MasksPerPrompt = "three",
    ) -> MaskSet:
        """Predict the masks of one object, the best first.

        Args:
            image: result of `embed`, or the number of an image in the server's folder.
            points: (P, 2) as (x, y) in pixels of the upright image.
            labels: (P,), 1 foreground, 0 background; default all foreground.
            box: (4,) xyxy.
            answers: see `samara.segment`.

        Raises:
            PromptError: the prompt is malformed.
            ServerError: the server refuses the prompt, or cannot be reached.
        """
        prompt = Prompt(points, labels, box)
        body = {
            "points": prompt.points_xy.tolist(),
            "labels": prompt.point_labels.tolist(),
            "box": None if prompt.box_xyxy is None else prompt.box_xyxy.tolist(),
            "answers": answers,
        }
        found = self._ask("POST", "predict", json=self._subject(image) | body)
        return _mask_set(found["answers"], found["checkpoint"], image)

    def everything(self, image: ServedEmbedding | int, *, points_per_side: int | None = None) -> MaskSet:
        """Segment everything in an image, with half of the checkpoint's own thresholds.

        Args:
            image: see `predict`.
            points_per_side: points per side of the grid; None for the checkpoint's own.

        Raises:
            ServerError: the server cannot do this, or cannot be reached.
        """
        body = self._subject(image) | {"points_per_side": points_per_side}
        found = self._ask("POST", "everything", json=body)
        return _mask_set(found["proposals"], found["checkpoint"], image)

    def checkpoints(self) -> list[dict[str, Any]]:
        """Describe the checkpoints of the server: what they can do, their thresholds."""
        return list(self._ask("GET", "checkpoints")["checkpoints"])

    def recommend(self, **wanted: str | float | bool) -> dict[str, Any]:
        """Recommend checkpoints for the server's machine; `wanted` are task, domain, ram, vram and commercial."""
        return dict(self._ask("GET", "recommend", params=wanted))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def _subject(self, image: ServedEmbedding | int) -> dict[str, Any]:
        named = {"image": image} if isinstance(image, int) else {"embedding": image.key, "checkpoint": image.checkpoint}
        return named | self._checkpoint

    def _ask(self, method: str, path: str, **content: Any) -> Any:  # Any: arguments of httpx; JSON
        try:
            response = self._http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise ServerError(
                f"{self._http.base_url} cannot be reached ({error!s:.200}); is the server running?"
            ) from error
        if response.status_code >= 400:
            raise ServerError(f"the server refused the request ({response.status_code}): {_sentence(response)}")
        try:
            return response.json()
        except ValueError as error:
            raise ServerError(f"{self._http.base_url} is no samara server; its answer is no JSON") from error


def _encoded(image: ImageSource) -> bytes:
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    if isinstance(image, (str, os.PathLike)):
        try:
            return Path(image).read_bytes()
        except OSError as error:
            raise ImageError(f"{os.fspath(image)!r} cannot be read: {error.strerror or error}") from error
    return png_bytes(read_image(image))


def _sentence(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, LookupError, TypeError):
        return response.text[:200]


def _mask_set(shapes: Sequence[Mapping[str, Any]], checkpoint: str, image: ServedEmbedding | int) -> MaskSet:
    """Return answers as masks."""
    rles = tuple(Rle.from_coco(one["mask"]) for one in shapes)
    size_hw = (rles[0].height, rles[0].width) if rles else (0, 0) if isinstance(image, int) else image.size_hw
    stability = [one["stability"] for one in shapes]
    return MaskSet(
        rles=rles,
        size_hw=size_hw,
        checkpoint=checkpoint,
        predicted_iou=np.array([one["predicted_iou"] for one in shapes], np.float64),
        prompt_index=np.zeros(len(shapes), np.int64),
        stability_score=None if None in stability else np.array(stability, np.float64),
    )
