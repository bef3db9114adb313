import gzip
import os
import pickle
import tarfile
import zipfile

import pytest

from samara.checkpoints.reading.file_kinds import describe_path, looks_like_pickle

KINDS = [
    (b"", "is empty; download"),
    (b"<!DOCTYPE html><html>Not found</html>", "web page"),
    (b"  \n<html lang='en'>", "web page"),
    (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "web page"),
    (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 375042383\n",
        "Git LFS pointer.*git lfs pull",
    ),
    (b"\x89PNG\r\n\x1a\n" + bytes(40), "PNG image"),
    (b"\xff\xd8\xff\xe0" + bytes(40), "JPEG image"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "WebP image"),
    (b"GIF89a", "GIF image"),
    (b"II*\x00" + bytes(20), "TIFF image"),
    (b"BM" + bytes(50), "BMP image"),
    (gzip.compress(b"x"), "gzip archive; unpack"),
    (b"BZh91AY", "bzip2 archive"),
    (b"\xfd7zXZ\x00", "xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"GGUF\x03", "GGUF"),
    (b"\x93NUMPY\x01\x00", "NumPy array"),
    (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x00", "ONNX model"),
    (b"\x08\x07:\xff\x01", "ONNX model"),
    (pickle.dumps([1]), "pickle that was not written by torch.save"),
    (b"PK\x03\x04" + bytes(200), "zip whose end is missing"),
    (b"404: Not Found", "plain text that starts with '404: Not Found'"),
    ("# Über\nname: x\n".encode(), "plain text that starts with '# Über'"),
    (b"\n\n   \n", "plain text"),
    (bytes(5000), "filled with zeros"),
    (bytes(range(128, 256)) * 50, "of an unknown format"),
]


@pytest.mark.parametrize(("content", "expected"), KINDS, ids=[expected for _, expected in KINDS])
def test_every_kind_has_its_sentence(tmp_path, content, expected):
    import re

    path = tmp_path / "sam_vit_b_01ec64.pth"
    path.write_bytes(content)
    sentence = describe_path(path)
    assert sentence.startswith(f"{path} is ")
    assert re.search(expected, sentence), sentence
    assert sentence.endswith(".")
    assert ";" in sentence


def test_missing_file_points_to_the_catalogue(tmp_path):
    assert "is missing; check the path" in describe_path(tmp_path / "sam.pth")


@pytest.mark.parametrize("name", ["sam_vit_h_*.pth", "sam_vit_?.pth", "sam_vit_[bh].pth"])
def test_patterns_are_not_expanded(tmp_path, name):
    assert "patterns are not expanded" in describe_path(tmp_path / name)


def test_directory(tmp_path):
    assert "is a directory; pass one of the files in it" in describe_path(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in describe_path(tmp_path / "pipe")


def test_tar(tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(tmp_path / "x", "x")
    assert "tar archive; unpack" in describe_path(tmp_path / "x.tar")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["efficient_sam_vits.pt"], "around efficient_sam_vits.pt; unzip it and pass that file"),
        (["x/code/m.py", "x/constants.pkl", "x/data.pkl"], "TorchScript program"),
        (["a.npy", "b.npy"], "NumPy .npz"),
        (["readme.txt", "b"], "of 2 files, the first 'readme.txt'"),
        ([], "that is empty"),
    ],
)
def test_zip_that_is_no_checkpoint(tmp_path, names, expected):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    assert expected in describe_path(tmp_path / "x.pt")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x80\x02}", True),
        (b"\x80\x05\x95", True),
        (b"cos\nsystem\n", True),
        (b"(iposix\nsystem\n", True),
        (b"\x80\x09", False),
        (b"concerning this file\nthe following\n", False),
        (b"", False),
    ],
)
def test_pickles_are_recognised(head, expected):
    assert looks_like_pickle(head) is expected
