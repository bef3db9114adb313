"""Photograph the page of `samara serve` anew for the documents: `python -m docs.update_page`. Needs Chromium."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from samara.images.encode import jpeg_bytes
from samara.images.read import read_image
from tests.browser import Browser
from tests.serving.page_driver import PageDriver
from tests.serving.server_process import Server

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
JPEG_QUALITY = 88
SCREEN, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def photograph(folder: Path) -> None:
    """Annotate the photo of a dog as a user would, and keep what the page looks like on the way."""
    (folder / "images").mkdir()
    for path in sorted((ROOT / "examples").glob("*.jpg")):
        shutil.copy(path, folder / "images")
    server = Server(folder, "--classes", "dog,bowl,person")
    try:
        with Browser(folder / "chromium") as browser:
            page = PageDriver(browser)
            page.open(f"{server.address}#image-1", **SCREEN)
            annotate(page)
            keep(browser, folder, "page.jpg")
            page.key("Escape")
            browser.ask(
                "Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": "dark"}]
            )
            page.key("n")
            page.wait("document.querySelector('#image-name').textContent.startsWith('groceries')")
            page.wait_until_quiet()
            page.key("e")
            page.wait("document.querySelector('#proposals p').textContent !== ''", 120)
            keep(browser, folder, "page_everything.jpg")
            page.open(f"{server.address}#image-1", **PHONE)
            keep(browser, folder, "page_phone.jpg")
    finally:
        server.kill()


def annotate(page: PageDriver) -> None:
    """Accept the dog and its bowl, and point at the person."""
    page.wait_until_quiet()
    page.click(300, 350)
    page.wait_for_answer()
    page.key("Enter")
    page.key("s")
    page.drag((480, 120), (690, 290))
    page.wait_for_answer()
    page.key("Enter")
    page.key("d")
    page.click(640, 120)
    page.wait_for_answer()
    page.click(700, 300)
    page.wait_for_answer()
    page.wait_until_saved()


def keep(browser: Browser, folder: Path, name: str) -> None:
    """Write what the window shows as JPEG."""
    browser.screenshot(folder / "window.png")
    (IMAGES / name).write_bytes(jpeg_bytes(read_image(folder / "window.png"), JPEG_QUALITY))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
        photograph(Path(made))
