"""Failures of decoders, told in one sentence."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageCms

from samara.errors import ImageError

# Pillow's plugins parse untrusted bytes in plain Python and let through whatever goes wrong while doing so: a
# missing key, an assertion, a division by zero. What rasterio raises is an OSError.
DECODER_FAILURES = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    AssertionError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    ImageCms.PyCMSError,
)
DAMAGED = "damaged, incomplete or of an unsupported variety; fetch or export it again"


@contextmanager
def failures_told(name: str, meaning: str = DAMAGED) -> Iterator[None]:
    """Turn whatever a decoder raises into an error that says what it means.

    Args:
        name: what messages call the image.
        meaning: what it probably is, and what to do.

    Raises:
        ImageError: in place of any of `DECODER_FAILURES`.
    """
    try:
        yield
    except ImageError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name} needs more memory than there is or than Pillow allows ({error}); tile it.") from error
    except DECODER_FAILURES as error:
        raise ImageError(f"{name} cannot be decoded ({type(error).__name__}: {error}); it is {meaning}.") from error
