"""Description of a file that is not an image, from its first bytes: a clause for the message."""

from __future__ import annotations

import re

HEAD_BYTES = 512  # number of bytes for `describe_content`

_EXPORT = "export the page as PNG first"
_CONVERT = "convert it to TIFF, PNG or JPEG first"
_HEIC = "is a HEIC photo, which needs pillow-heif: pip install 'samara[heif]'"
_RAW = f"is a camera raw file; {_CONVERT}, or read it with rawpy and pass the array"
_PFM = "is a PFM image in colour; read it with OpenCV and pass the array"
_NIFTI = "is a NIfTI volume; read it with nibabel and pass a slice"
_VIDEO = "is a video; extract its frames first"

# (offset, bytes there, description and advice); the first match counts.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", f"is a PDF document; {_EXPORT}"),
    (0, b"%!PS", f"is a PostScript document; {_EXPORT}"),
    (0, b"\xc5\xd0\xd3\xc6", f"is a PostScript document; {_EXPORT}"),
    (0, b"version https://git-lfs", "is a Git LFS pointer, not the file itself; run git lfs pull"),
    (4, b"ftyphei", _HEIC),
    (4, b"ftyphev", _HEIC),
    (4, b"ftypmif1", _HEIC),
    (4, b"ftypcrx", _RAW),
    (4, b"ftypavi", "is an AVIF image, which this build of Pillow cannot read; install a newer Pillow"),
    (4, b"ftyp", _VIDEO),
    (8, b"AVI ", _VIDEO),
    (0, b"\x1aE\xdf\xa3", _VIDEO),
    (0, b"FUJIFILM", _RAW),
    (0, b"IIRO", _RAW),
    (0, b"IIU\x00", _RAW),
    (0, b"8BPS", f"is a Photoshop document; {_CONVERT}"),
    (0, b"\xff\x0a", f"is a JPEG XL image; {_CONVERT}"),
    (4, b"JXL ", f"is a JPEG XL image; {_CONVERT}"),
    (0, b"\x00\x00\x01\x00", f"is an icon; {_CONVERT}"),
    (0, b"v/1\x01", "is an OpenEXR image; read it with its own library and pass the array"),
    (0, b"#?RADIANCE", "is a Radiance HDR image; read it with OpenCV and pass the array"),
    (0, b"icns", f"is an icon; {_CONVERT}"),
    (0, b"DDS ", f"is a texture; {_CONVERT}"),
    (0, b"P7\n", f"is a PAM image; {_CONVERT}"),
    (0, b"PF\n", _PFM),
    (0, b"PF ", _PFM),
    (0, b"AT&TFORM", f"is a DjVu document; {_EXPORT}"),
    (0, b"\xd7\xcd\xc6\x9a", f"is a Windows metafile; {_EXPORT}"),
    (344, b"n+1\x00", _NIFTI),
    (344, b"ni1\x00", _NIFTI),
    (0, b"NRRD", "is an NRRD volume; read it with pynrrd and pass a slice"),
    (0, b"ObjectType = Image", "is a MetaImage volume; read it with SimpleITK and pass a slice"),
    (0, b"MATLAB 5.0", "is a MATLAB file; read it with scipy.io.loadmat and pass the array"),
    (0, b"CDF\x01", "is a NetCDF file; read it with xarray and pass the array"),
    (0, b"CDF\x02", "is a NetCDF file; read it with xarray and pass the array"),
    (0, b"ZISRAWFILE", f"is a CZI microscope file; {_CONVERT}"),
    (128, b"DICM", "is a DICOM file; read it with pydicom and pass the array"),
    (0, b"SIMPLE  =", "is a FITS file; read it with astropy and pass the array"),
    (0, b"\x89HDF", "is an HDF5 file; read it with h5py and pass the array"),
    (0, b"\x93NUMPY", "is a NumPy file; pass numpy.load(path)"),
    (0, b"\x1f\x8b", "is a gzip archive; unpack it first"),
    (0, b"PK\x03\x04", "is a ZIP archive; unpack it first"),
    (257, b"ustar", "is a tar archive; unpack it first, or pass it to samara annotate"),
    (0, b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first"),
    (0, b"Rar!\x1a\x07", "is a RAR archive; unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "is a Zstandard archive; unpack it first"),
)
_ACCEPTED = "accepted are JPEG, PNG, TIFF, WebP, AVIF, BMP, GIF, JPEG 2000, PPM and QOI"
_HTML = re.compile(rb"\s*<(!doctype html|html|head|body)", re.IGNORECASE)
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)
# Bytes from 0x80 are UTF-8 or an older encoding; control characters distinguish images from text.
_TEXT_BYTES = b"\t\n\r\f" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))


def describe_content(head: bytes) -> str:
    """Describe a file that no decoder accepted.

    Args:
        head: Its first `HEAD_BYTES` bytes, or all of it.

    Returns:
        A clause that follows the file's name, such as "is a PDF document; export the page as PNG first".
    """
    if not head:
        return f"is empty; {_ACCEPTED}"
    if head.count(0) == len(head):
        return "contains only zeros, as after an interrupted copy; copy it again"
    for offset, signature, clause in _SIGNATURES:
        if head.startswith(signature, offset):
            return clause
    return f"is not a known image format; {_ACCEPTED}" if head.translate(None, _TEXT_BYTES) else _describe_text(head)


def _describe_text(head: bytes) -> str:
    if _HTML.match(head):
        return "is an HTML page instead of an image; download the image itself"
    if _SVG.search(head):
        return "is an SVG drawing; export it as PNG first"
    return f"is a text file that starts with {head[:40].decode('utf-8', 'replace')!r}; {_ACCEPTED}"
