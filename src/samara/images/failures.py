"""Conversion of decoder failures to one-sentence errors."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageCms

from samara.errors import ImageError

# Pillow's plugins parse untrusted bytes in plain Python and let every exception through: a missing key, an assertion, a
# division by zero. rasterio raises OSError.
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
DAMAGED = "damaged, incomplete or of an unsupported variety; download or export it again"


@contextmanager
def failures_told(name: str, meaning: str = DAMAGED) -> Iterator[None]:
    """Convert any exception of a decoder to a meaningful error.

    Args:
        name: name of the image in messages.
        meaning: probable cause, and what to do.

    Raises:
        ImageError: in place of any of `DECODER_FAILURES`.
    """
    try:
        yield
    except ImageError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name} needs more memory than is available or Pillow allows ({error}); tile it.") from error
    except DECODER_FAILURES as error:
        raise ImageError(f"{name} cannot be decoded ({type(error).__name__}: {error}); it is {meaning}.") from error
