"""Every page that samara writes, laid out by a browser: phone and screen, light and dark, keyboard and print.

Screenshots go into the folder that SAMARA_SCREENSHOTS names, to be looked at; by default into pytest's own.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from samara.measurement.comparison.compare import compare
from samara.measurement.records.record_file import append_records
from tests.browser import Browser, needs_chromium
from tests.measurement.comparison.samples import records

pytestmark = [pytest.mark.slow, needs_chromium]

COMMITTED = Path(__file__).parents[2] / "docs" / "comparison" / "comparison.html"

# Page → height in pixels that it may have at 1280 and at 390 pixels, with everything folded.
HEIGHTS = {
    "comparison": (2400, 3800),
    "comparison-of-machines": (3000, 5000),
    "comparison-before-after": (2200, 3400),
    "evaluation": (2000, 3300),
    "annotation": (2400, 4000),
    "annotation-of-everything": (3400, 5500),
    "annotation-with-quarantine": (2800, 5000),
    "annotation-images": (900, 1300),
    "fine-tuning": (6000, 12000),
}
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def pages(researcher, data_team, tmp_path_factory):
    """The pages by name, each made as its users make it."""
    folder = tmp_path_factory.mktemp("pages")
    append_records(folder / "two.jsonl", records())
    compare([], out=folder / "machines", records=[folder / "two.jsonl"])
    return {
        "comparison": COMMITTED,
        "comparison-of-machines": folder / "machines" / "comparison.html",
        "comparison-before-after": researcher.folder / "before-after" / "comparison.html",
        "evaluation": researcher.folder / "results" / "samara_mini" / "evaluation.html",
        "annotation": data_team.folder / "masks" / "report.html",
        "annotation-of-everything": data_team.folder / "everything" / "report.html",
        "annotation-with-quarantine": data_team.folder / "first-report.html",
        "annotation-images": data_team.folder / "masks" / "report" / "images-0001.html",
        "fine-tuning": researcher.folder / "tuned.html",
    }


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory):
    folder = Path(os.environ.get("SAMARA_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_every_page_is_laid_out_here(pages):
    assert pages.keys() == HEIGHTS.keys()


@pytest.mark.parametrize("name", HEIGHTS)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_and_can_be_read(browser, pages, screenshots, name, width, dark):
    browser.open(pages[name], width=width, dark=dark)
    browser.screenshot(screenshots / f"{name}-{width}-{'dark' if dark else 'light'}.png")
    assert browser.errors == []
    needed, has, height = browser.tell(
        "[document.documentElement.scrollWidth, innerWidth, document.documentElement.scrollHeight]"
    )
    assert (needed, has) == (width, width)
    assert height <= HEIGHTS[name][WIDTHS.index(width)]
    browser.tell(UNFOLD)
    assert browser.tell("document.documentElement.scrollWidth") == width, "something unfolded is wider than the page"
    assert browser.tell(FAINT) == []
    assert browser.tell(TOUCHING) == []


@pytest.mark.parametrize("name", [name for name in HEIGHTS if name.startswith(("comparison", "evaluation"))])
class TestPagesOfMeasurements:
    def test_headings_of_tables_stay_in_sight(self, browser, pages, name):
        browser.open(pages[name], width=1280)
        browser.tell(UNFOLD)
        assert browser.tell(SCROLLED_HEADINGS) == []

    def test_tables_scroll_inside_themselves_on_a_phone(self, browser, pages, name):
        browser.open(pages[name], width=390)
        browser.tell(UNFOLD)
        widest = browser.tell(
            "Math.max(...[...document.querySelectorAll('.scroll')].map(it => it.scrollWidth - it.clientWidth))"
        )
        assert widest > 0
        assert browser.tell("[...document.querySelectorAll('.scroll')].every(it => it.tabIndex === 0)")

    def test_the_keyboard_reaches_and_unfolds(self, browser, pages, name):
        browser.open(pages[name], width=1280)
        closed = browser.tell("document.querySelectorAll('details:not([open])').length")
        for _ in range(30):
            browser.press("Tab", 9)
            if browser.tell("document.activeElement.tagName") == "SUMMARY":
                break
        assert browser.tell("document.activeElement.matches(':focus-visible')")
        browser.press("Enter", 13, text="\r")
        assert browser.tell("document.querySelectorAll('details:not([open])').length") == closed - 1

    def test_print_unfolds_everything(self, browser, pages, name):
        browser.open(pages[name], width=1280)
        browser.ask("Emulation.setEmulatedMedia", media="print", features=[])
        hidden = browser.tell(
            "[...document.querySelectorAll('details:not([open]) > :not(summary)')]"
            ".filter(it => it.getBoundingClientRect().height === 0).length"
        )
        assert hidden == 0
        clipped = browser.tell(
            "[...document.querySelectorAll('.scroll')].filter(it => it.scrollHeight > it.clientHeight + 1).length"
        )
        assert clipped == 0
        assert base64.b64decode(browser.ask("Page.printToPDF")["data"]).startswith(b"%PDF")


UNFOLD = "document.querySelectorAll('details').forEach(it => { it.open = true; })"

# Texts whose contrast with what is behind them is below WCAG's 4.5, or 3 for large ones.
FAINT = """(() => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = element => {
    for (let it = element; it; it = it.parentElement) {
      const colour = parse(getComputedStyle(it).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(it => it.nodeType === 3 && it.textContent.trim());
    if (!own || element.closest("style, title") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element), inSvg = element instanceof SVGElement;
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const paper = behind(inSvg ? element.closest("svg").parentElement : element);
    const [one, two] = [light(parse(inSvg ? style.fill : style.color)), light(paper)].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (two + 0.05);
    if (contrast < (large ? 3 : 4.5)) faint.push([element.textContent.trim().slice(0, 40), style.color]);
  }
  return faint;
})()"""

# Texts of a chart that lie upon another.
TOUCHING = """(() => {
  const touch = (a, b) => a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
  const found = [];
  for (const svg of document.querySelectorAll("svg")) {
    const all = [...svg.querySelectorAll("text")].map(text => [text.getBoundingClientRect(), text.textContent]);
    all.forEach(([box, text], place) => all.slice(place + 1).forEach(([other, its]) => {
      if (touch(box, other)) found.push([text, its]);
    }));
  }
  return found;
})()"""

# Headings that leave the top of their table when its rows are scrolled to the end.
SCROLLED_HEADINGS = """(() => {
  const gone = [];
  for (const box of document.querySelectorAll(".scroll")) {
    box.scrollTop = box.scrollHeight;
    const top = box.getBoundingClientRect().top;
    for (const heading of box.querySelectorAll("thead th")) {
      if (Math.abs(heading.getBoundingClientRect().top - top) > 1) gone.push(heading.textContent);
    }
  }
  return gone;
})()"""
