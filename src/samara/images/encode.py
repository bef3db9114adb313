"""Encoding of images: PNG and JPEG as bytes, and data URIs for pages."""

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


def rgba_png(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode an image with alpha, (H, W, 4) RGBA, as PNG."""
    _, data = cv2.imencode(".png", image[..., [2, 1, 0, 3]])
    return data.tobytes()


def grey_png(numbers: npt.NDArray[np.integer], largest: int) -> bytes:
    """Encode numbers, (H, W), as grey values of a PNG: in 8 bits if the largest possible one fits, otherwise in 16."""
    _, data = cv2.imencode(".png", numbers.astype(np.uint8 if largest < 256 else np.uint16))
    return data.tobytes()


def jpeg_bytes(image: npt.NDArray[np.uint8], quality: int) -> bytes:
    """Encode an image as JPEG.

    Args:
        image: (H, W, 3) RGB.
        quality: 0 to 100.
    """
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def jpeg_data_uri(image: npt.NDArray[np.uint8], quality: int) -> str:
    """Encode an image as the data URI of a JPEG.

    Args:
        image: (H, W, 3) RGB.
        quality: 0 to 100.
    """
    return data_uri("jpeg", jpeg_bytes(image, quality))


def data_uri(kind: str, data: bytes) -> str:
    """Return the data URI of an encoded image.

    Args:
        kind: "png" or "jpeg".
        data: the file's bytes.
    """
    return f"data:image/{kind};base64,{base64_text(data)}"


def base64_text(data: bytes) -> str:
    """Return bytes as Base64 text."""
    return base64.b64encode(data).decode("ascii")
