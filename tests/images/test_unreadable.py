"""What is said of files that are no images."""

from __future__ import annotations

import sys

import pytest

from samara.errors import ImageError
from samara.images.read import read_image
from samara.images.unreadable import describe_content


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "is empty; accepted are JPEG"),
        (bytes(100), "only zeros"),
        (b"<!DOCTYPE html><html>", "HTML page.*download the image"),
        (b"\n  <html lang='en'>", "HTML page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "SVG drawing.*PNG"),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg width='1'>", "SVG drawing"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer.*git lfs pull"),
        (b"id,name\n1,a\n", r"text file that starts with 'id,name\\n1,a"),
        ("Übersicht der Bilder".encode(), "text file that starts with 'Übersicht"),
        ("Übersicht der Bilder".encode("latin-1"), "text file"),
        (b"%PDF-1.7\n", "PDF document.*export"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"\xc5\xd0\xd3\xc6\x1e\x00", "PostScript"),
        (b"\x00\x00\x00\x18ftypheic", r"HEIC photo.*pip install 'samara\[heif\]'"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heic", r"HEIC photo.*pip install 'samara\[heif\]'"),
        (bytes(344) + b"n+1\0", "NIfTI volume.*nibabel"),
        (b"NRRD0004\n", "NRRD volume"),
        (b"ObjectType = Image\nNDims = 3\n", "MetaImage.*SimpleITK"),
        (b"P7\nWIDTH 1\n", "PAM image.*convert"),
        (b"PF\n1 1\n-1.0\n", "PFM image in colour"),
        (bytes(257) + b"ustar", "tar archive"),
        (b"Rar!\x1a\x07", "RAR archive.*unpack"),
        (b"\x00\x00\x00\x18ftypisom", "video.*frames"),
        (b"\x00\x00\x00\x18ftypcrx ", "camera raw"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video"),
        (b"8BPS\x00\x01", "Photoshop"),
        (b"\xff\x0a\x00", "JPEG XL"),
        (b"\x00\x00\x01\x00\x01\x00", "icon"),
        (bytes(128) + b"DICM", "DICOM.*pydicom"),
        (b"\x93NUMPY\x01\x00", r"numpy\.load"),
        (b"\x89HDF\r\n\x1a\n", "HDF5.*h5py"),
        (b"\x1f\x8b\x08", "gzip.*unpack"),
        (b"PK\x03\x04", "ZIP.*unpack"),
        (b"\x01\x02\x03", "not a known image format; accepted are JPEG, PNG, TIFF"),
    ],
)
def test_what_a_file_is_instead(head, words, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "image.jpg"
    path.write_bytes(head)
    with pytest.raises(ImageError, match=rf"image\.jpg' (?s:.*){words}"):
        read_image(path)
    if head:
        with pytest.raises(ImageError, match=words):
            read_image(head)
    assert describe_content(head[:512])
