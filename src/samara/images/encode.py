"""Encoding of images: PNG as bytes, and data URIs for pages."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import numpy.typing as npt


def png_bytes(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode an image as PNG, favouring speed over size.

    Args:
        image: (H, W, 3) RGB.
    """
    _, data = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 3])
    return data.tobytes()


def jpeg_data_uri(image: npt.NDArray[np.uint8], quality: int) -> str:
    """Encode an image as the data URI of a JPEG.

    Args:
        image: (H, W, 3) RGB.
        quality: 0 to 100.
    """
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data_uri("jpeg", data.tobytes())


def data_uri(kind: str, data: bytes) -> str:
    """Return the data URI of an encoded image.

    Args:
        kind: "png" or "jpeg".
        data: the file's bytes.
    """
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
