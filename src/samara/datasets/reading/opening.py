"""Opening of every kind of data set with masks, identified by content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from samara.datasets.ground_truth import DataSet
from samara.datasets.reading.coco import read_coco
from samara.datasets.reading.findings import USUAL, Findings, Notice, ReadingRules
from samara.datasets.reading.yolo import open_yolo
from samara.datasets.reading.yolo_layout import find_layout, is_whole
from samara.datasets.reading.yolo_names import YAML_SUFFIXES, find_description
from samara.errors import DatasetError
from samara.images.settings import AS_THEY_ARE, ImageReading

KINDS = "a COCO file (.json), the yaml or the folder of a YOLO-seg data set, or a folder of SA-1B files"


def open_data_set(
    path: Path,
    images: Path | None = None,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> DataSet:
    """Read ground truth of any supported kind.

    Args:
        path: a COCO instances file; the yaml or the folder of a YOLO-seg data set; a file of SA-1B, or a folder of
            them. See `read_coco` and `open_yolo`.
        images: folder of the images. None for those of the YOLO data set, or the folder of the COCO file.
        rules: treatment of crowds and of bad entries.
        notice: called with one sentence per kind of entry that was left out or repaired.
        reading: how the images are read; a file with several frames has the size of the selected one.

    Raises:
        DatasetError: it is of no such kind, or damaged; see those functions.
    """
    path = Path(path)
    if is_yolo(path):
        return open_yolo(path, images, rules, notice, reading)
    _refuse_others(path)
    beside = path if path.is_dir() else path.parent
    return DataSet(tuple(read_coco(path, images or beside, rules, notice, reading)))


def is_yolo(path: Path) -> bool:
    """Return whether a path is a YOLO data set."""
    if not path.is_dir():
        return path.suffix.lower() in YAML_SUFFIXES
    if is_whole(path, with_images=True) or (path / "labels").is_dir():
        return True
    return not any(path.glob("*.json")) and not _voc(path) and find_description(path) is not None


def _voc(path: Path) -> bool:
    return (path / "SegmentationClass").is_dir() or (path / "SegmentationObject").is_dir()


def _refuse_others(path: Path) -> None:
    """Refuse known but unsupported formats, with advice.

    Raises:
        DatasetError: it is one.
    """
    where = repr(str(path))
    if path.is_dir() and any(path.glob("*.json")):
        return
    if path.suffix.lower() == ".xml" or (path.is_dir() and (_voc(path) or any(path.glob("*.xml")))):
        raise DatasetError(f"{where} is Pascal VOC, which is not supported; convert it to COCO or YOLO-seg first.")
    if path.is_dir() and (path / "masks.csv").is_file():
        raise DatasetError(
            f"{where} has label images (PNG), which are not supported; export the store as coco instead."
        )
    if path.is_dir():
        raise DatasetError(f"{where} has neither a folder images nor a .json file; use {KINDS}.")
    if path.is_file() and path.suffix.lower() in (".jsonl", ".ndjson", ".csv", ".txt"):
        raise DatasetError(f"{where} has no supported masks; use {KINDS}.")


def digest_of(path: Path, images: Path | None) -> str:
    """Return the SHA-256 of the annotations, 64 hexadecimal digits: of a file, or of a folder's names and labels.

    Raises:
        DatasetError: they cannot be read.
    """
    try:
        if is_yolo(path):
            pairs = sorted((pair.name, pair.label) for pair in find_layout(path, images, Findings("")).pairs)
            return _joined((name, b"" if label is None else label.read_bytes()) for name, label in pairs)
        if path.is_dir():
            return _joined((one.name, one.read_bytes()) for one in sorted(path.glob("*.json")))
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error


def _joined(files: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(hashlib.sha256(name.encode(errors="surrogatepass")).digest())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
