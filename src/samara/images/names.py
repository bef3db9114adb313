"""Image files by suffix, and advice for unsupported kinds of images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

IMAGE_SUFFIXES = frozenset(
    {
        *(
            ".jpg",
            ".jpeg",
            ".jpe",
            ".jfif",
            ".mpo",
            ".png",
            ".apng",
            ".tif",
            ".tiff",
            ".webp",
            ".avif",
            ".avifs",
            ".bmp",
        ),
        *(".dib", ".gif", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
        *(".avifs", ".qoi", ".heic", ".heif", ".hif"),
    }
)
"""Suffixes of files that `samara.read_image` reads (HEIC with pillow-heif), in lower case."""

_RAW = "camera raw is not supported; develop it to TIFF, PNG or JPEG first, for example with rawpy"
_EXPORT = "it is a drawing or document; export the page as PNG first"
_VOLUME = "it is a volume; save its slices as PNG or TIFF first, for example with nibabel and Pillow"
_VIDEO = "it is a video; extract its frames first, for example with ffmpeg"
_HDR = "only OpenCV reads it; save it as 16-bit PNG or float TIFF first"

UNREAD: Mapping[str, str] = {
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw"), _RAW),
    **dict.fromkeys((".svg", ".pdf", ".eps", ".ps", ".ai"), _EXPORT),
    **dict.fromkeys((".dcm", ".dicom"), "it is a DICOM file; save it as 16-bit PNG first, for example with pydicom"),
    **dict.fromkeys((".nii", ".nrrd", ".mha", ".mhd"), _VOLUME),
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".webm"), _VIDEO),
    **dict.fromkeys((".exr", ".hdr"), _HDR),
    **dict.fromkeys(
        (".psd", ".xcf", ".jxl", ".ico", ".tga"), "it is not supported; convert it to TIFF, PNG or JPEG first"
    ),
    **dict.fromkeys((".czi", ".lif", ".nd2", ".svs", ".ndpi"), "it is a microscope file; export it as TIFF first"),
    **dict.fromkeys((".npy", ".npz"), "it contains arrays; save them as TIFF or PNG first, for example with Pillow"),
}
"""Suffix of unsupported images, in lower case → description and advice."""


def is_image_suffix(name: str) -> bool:
    """Return whether a file is an image by its suffix."""
    return PurePath(name).suffix.lower() in IMAGE_SUFFIXES


def way_out(name: str) -> str | None:
    """Return advice for an unsupported image, by its name; None if it is supported, or not an image."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes[-2:]]
    return next((UNREAD[suffix] for suffix in reversed(suffixes) if suffix in UNREAD), None)
