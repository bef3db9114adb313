"""Images by address and by list: which files the names of a call stand for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from samara.checkpoints.store.store import downloads_are_disabled
from samara.datasets.reading.text_files import listed_names
from samara.errors import ImageError, SettingsError
from samara.images.download import download_image, found_download, is_address
from samara.images.paths import absolute

DOWNLOADS = "downloads"
"""Folder of downloaded images, in that of the results."""


@dataclass
class Named:
    """What the names of a call stand for.

    Attributes:
        names: files, folders and patterns.
        addresses: address of each downloaded file, by its name.
        failed: reason of each address that was not downloaded.
    """

    names: list[str] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> Mapping[str, Mapping[str, str]]:
        """Keys of COCO for the entries of downloaded images, by the image's name."""
        return {name: {"coco_url": url} for name, url in self.addresses.items()}


def names_meant(names: Sequence[str], out: Path, *, download: bool) -> Named:
    """Replace lists (.txt) by what they list, and addresses by downloaded files.

    Args:
        names: files, folders, patterns, lists and addresses of http or https.
        out: folder of the results; downloads go into a folder in it, and what is there is not downloaded again.
        download: whether downloads are allowed.

    Raises:
        SettingsError: an address would have to be downloaded, and that is not allowed.
        DatasetError: a list cannot be read.
        OutputError: a download cannot be written.
    """
    named, folder = Named(), out / DOWNLOADS
    expanded = [one for name in names for one in _listed(name)]
    if downloads_are_disabled() or not download:
        _require_no_download([one for one in expanded if is_address(one)], folder)
    for name in expanded:
        if not is_address(name):
            named.names.append(name)
            continue
        try:
            file = str(found_download(name, folder) or download_image(name, folder))
        except ImageError as error:
            named.failed[name] = str(error)
        else:
            named.names.append(file)
            named.addresses[file] = name
    return named


def _listed(name: str) -> Iterator[str]:
    """Yield the names in a list, relative to its folder; another name as it is."""
    path = Path(name)
    if path.suffix.lower() != ".txt" or not path.is_file():
        yield name
        return
    found = False
    for line in listed_names(path):
        found = True
        yield line if is_address(line) else os.path.relpath(absolute(line, Path(os.path.realpath(path.parent))))
    if not found:
        raise SettingsError(f"{name} lists no image; write one file name or address per line")


def _require_no_download(addresses: Sequence[str], folder: Path) -> None:
    missing = [url for url in addresses if _is_missing(url, folder)]
    if missing:
        more = f" and {len(missing) - 1} more images" if len(missing) > 1 else ""
        how = (
            "downloads are disabled (SAMARA_OFFLINE or HF_HUB_OFFLINE)"
            if downloads_are_disabled()
            else ("allow that with `download=True`")
        )
        raise SettingsError(f"{missing[0]}{more} would have to be downloaded; {how}")


def _is_missing(url: str, folder: Path) -> bool:
    try:
        return found_download(url, folder) is None
    except ImageError:
        return False  # refused whether or not downloads are allowed, with a reason of its own
