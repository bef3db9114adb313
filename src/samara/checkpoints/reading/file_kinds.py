"""Description of a file that is not a checkpoint, in one sentence with the next step.

Most "broken checkpoints" are something else under a checkpoint's name: an error page, a Git LFS pointer, a partial
download. Saying which saves hours of debugging.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
from pathlib import Path

HEAD_BYTES = 4096

_PICKLE = re.compile(rb"\x80[\x02-\x05]|\(*[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")
_AGAIN = "download the checkpoint again"
_IMAGE = "pass it as the image, and a checkpoint file as the checkpoint"
_UNPACK = "unpack it and pass the file inside"
_PYTORCH = "get the PyTorch checkpoint"

# First bytes, their meaning, and what to do, for formats often mistaken for a checkpoint.
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (
        b"version https://git-lfs",
        "a Git LFS pointer, not the file itself",
        "run `git lfs pull`, or download the file",
    ),
    (b"\x89PNG", "a PNG image", _IMAGE),
    (b"\xff\xd8\xff", "a JPEG image", _IMAGE),
    (b"GIF8", "a GIF image", _IMAGE),
    (b"II*\x00", "a TIFF image", _IMAGE),
    (b"MM\x00*", "a TIFF image", _IMAGE),
    (b"BM", "a BMP image", _IMAGE),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ", "an xz archive", _UNPACK),
    (b"7z\xbc\xaf", "a 7-Zip archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    (b"\x89HDF", "an HDF5 file, as written by Keras", _PYTORCH),
    (b"GGUF", "a GGUF file", _PYTORCH),
    (b"\x93NUMPY", "a NumPy array", _PYTORCH),
    (b"%PDF", "a PDF document", _AGAIN),
    (b"\x7fELF", "a program", _AGAIN),
)


def looks_like_pickle(head: bytes) -> bool:
    """Return whether a file that begins like this is a pickle: with a protocol mark, or a name to import."""
    return _PICKLE.match(head) is not None


def describe_path(path: Path) -> str:
    """Describe a path that is not a checkpoint, and what to do about it.

    Args:
        path: any path, even of a missing file.

    Returns:
        One sentence that begins with the path.
    """
    what, step = _kind(path)
    return f"{path} is {what}; {step}."


def _kind(path: Path) -> tuple[str, str]:
    if not path.is_file():
        return _no_file(path)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return "empty", _AGAIN
    for kind in (_by_signature, _by_page, _by_archive, _by_text):
        found = kind(path, head)
        if found is not None:
            return found
    if not any(head):
        return "filled with zeros, as left by an interrupted download", _AGAIN
    return "of an unknown format", "samara reads safetensors and files written by torch.save; " + _AGAIN


def _no_file(path: Path) -> tuple[str, str]:
    if path.is_dir():
        return "a directory", "pass one of the files in it"
    if path.exists():
        return "not a regular file", "pass the path of a checkpoint file"
    if any(sign in path.name for sign in "*?["):
        return "missing", "patterns are not expanded, pass the full name of one file"
    return "missing", "check the path, or use a catalogue name (`samara checkpoints list`)"


def _by_signature(path: Path, head: bytes) -> tuple[str, str] | None:
    for signature, what, step in _SIGNATURES:
        if head.startswith(signature):
            return what, step
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP image", _IMAGE
    return None


def _by_page(path: Path, head: bytes) -> tuple[str, str] | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<")):
        return "a web page, not a checkpoint: the server sent an error or a login form", _AGAIN
    return None


def _by_archive(path: Path, head: bytes) -> tuple[str, str] | None:
    if head.startswith(b"PK"):
        return _zip_kind(path)
    if head[257:262] == b"ustar" and tarfile.is_tarfile(path):
        return "a tar archive", _UNPACK
    if looks_like_pickle(head):
        return (
            "a Python pickle that was not written by torch.save",
            "get a state dict or safetensors from its author",
        )
    # ONNX is a protobuf: field 1 (version), then field 2 (producer) or 7 (graph); most name a producer.
    if head[:1] == b"\x08" and re.match(rb"\x08[\x01-\x20][\x12\x3a]", head):
        return "an ONNX model", "get the PyTorch checkpoint it was exported from"
    return None


def _zip_kind(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "a zip whose end is missing or damaged, as after an incomplete download", _AGAIN
    if any(name.endswith("/constants.pkl") for name in names):
        return "a TorchScript program", "get the state dict it was made from"
    weights = [name for name in names if name.endswith((".pt", ".pth", ".safetensors", ".ckpt"))]
    if weights:
        return f"a zip archive around {weights[0][:120]}", "unzip it and pass that file"
    if names and all(name.endswith(".npy") for name in names):
        return "a NumPy .npz file", _PYTORCH
    inside = f" of {len(names)} files, the first {names[0][:80]!r}" if names else " that is empty"
    return f"a zip archive{inside}", "it contains no checkpoint; " + _AGAIN


def _by_text(path: Path, head: bytes) -> tuple[str, str] | None:
    try:
        text = head[: HEAD_BYTES - 4].decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not text.isprintable() and any(ord(sign) < 32 and sign not in "\t\r\n\f" for sign in text):
        return None
    first = text.strip().splitlines()[0][:60] if text.strip() else ""
    return f"plain text that starts with {first!r}", _AGAIN
