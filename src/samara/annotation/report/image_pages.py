"""Pages of all images: every image of a store with a line, a link and the doubts about it, a few hundred on a page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from samara.annotation.report.looks import ImageLook
from samara.annotation.report.rendering import render
from samara.system.files import make_folder, write_atomically

IMAGES_PER_PAGE = 200
"""Images on a page, unless there would be more than `MAX_PAGES`."""

MAX_PAGES = 1000


@dataclass(frozen=True)
class ImageLine:
    """One image in the list of all images.

    Attributes:
        look: what is known of it.
        link: address of the image file, relative to the page; None if it is not there.
        uri: the image with its masks, small, as data URI; None if it is not drawn.
    """

    look: ImageLook
    link: str | None
    uri: str | None = None


@dataclass(frozen=True)
class PageLink:
    """One page in the table of contents.

    Attributes:
        href: address, relative to the report.
        first: name of its first image.
        last: name of its last image.
        images: number of its images.
        doubtful: number of its images that deserve a look.
    """

    href: str
    first: str
    last: str
    images: int
    doubtful: int


def images_per_page(images: int) -> int:
    """Return how many images go on a page, for a store of some number of images."""
    return max(IMAGES_PER_PAGE, -(-images // MAX_PAGES))


def write_image_pages(
    folder: Path,
    title: str,
    looks: Iterable[ImageLook],
    images: int,
    lines: Callable[[list[ImageLook]], list[ImageLine]],
) -> list[PageLink]:
    """Write the pages, one at a time, and remove pages of an earlier report.

    Args:
        folder: folder of the pages.
        title: name of the data set.
        looks: all images, in the order of the store; iterated once.
        images: number of images, or more.
        lines: finds the lines of the images of one page.

    Returns:
        The table of contents.

    Raises:
        MissingExtra: jinja2 is not installed.
        OutputError: a page cannot be written.
    """
    make_folder(folder)
    pages: list[PageLink] = []
    for some, is_last in _chunks(looks, images_per_page(images)):
        number = len(pages) + 1
        page = render(
            "annotation/report/images.html.j2",
            title=title,
            number=number,
            previous=_name(number - 1) if pages else None,
            next=None if is_last else _name(number + 1),
            lines=lines(some),
            titles=sorted({title for look in some for title in look.titles} | _quarantined(some)),
            categories=sorted({name for look in some for name in look.categories}),
        )
        write_atomically(folder / _name(number), page)
        names = [look.row.path for look in some]
        doubtful = sum(bool(look.titles) for look in some)
        pages.append(PageLink(f"{folder.name}/{_name(number)}", names[0], names[-1], len(names), doubtful))
    written = {Path(page.href).name for page in pages}
    for path in folder.glob("images-*.html"):
        if path.name not in written:
            path.unlink()
    return pages


def _quarantined(looks: list[ImageLook]) -> set[str]:
    return {look.row.status for look in looks if look.row.status != "done"}


def _name(number: int) -> str:
    return f"images-{number:04d}.html"


def _chunks(looks: Iterable[ImageLook], size: int) -> Iterator[tuple[list[ImageLook], bool]]:
    """Yield the images of each page, and whether it is the last one."""
    waiting: list[ImageLook] = []
    for look in looks:
        if len(waiting) == size:
            yield waiting, False
            waiting = []
        waiting.append(look)
    if waiting:
        yield waiting, True


def link_to(path: Path | None, page_folder: Path) -> str | None:
    """Return the address of an image file relative to a page; None if it does not exist."""
    if path is None or not os.path.lexists(path):
        return None
    try:
        relative = os.path.relpath(path, page_folder).replace(os.sep, "/")
    except ValueError:  # on another drive
        return path.absolute().as_uri()
    return quote(relative, errors="surrogateescape")
