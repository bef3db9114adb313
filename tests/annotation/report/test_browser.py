"""The report in a browser: nothing wider than the window, and the script filters and sorts what it says."""

from __future__ import annotations

import pytest

from samara.annotation.report.collect import write_report
from tests.annotation.review.stores import store_of
from tests.browser import Browser, needs_chromium

pytestmark = [pytest.mark.slow, needs_chromium]

SHOWN = """[...document.querySelector("[data-list]").children].filter((one) => !one.hidden)
  .map((one) => one.dataset.name + " " + one.dataset.iou)"""


class Page:
    """A page of the report with its list."""

    def __init__(self, browser, path, width):
        self.browser = browser
        browser.open(path, width=width)
        assert browser.errors == []
        assert browser.tell("document.documentElement.scrollWidth") == width

    def shown(self):
        return self.browser.tell(SHOWN)

    def told(self):
        return self.browser.tell("document.querySelector('output').textContent")

    def choose(self, name, value):
        field = f'document.querySelector(".controls [name={name}]")'
        self.browser.tell(f"{field}.value = {value!r}; {field}.dispatchEvent(new Event('input'))")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def store(tmp_path):
    names = [("good", "small"), ("unsure",), ("scattered", "leaking"), None, ("disagreeing",)]
    store = store_of(tmp_path, *names, classes=["a class with a rather long name that must be broken", "b"])
    write_report(store)
    return store


@pytest.mark.parametrize("width", [390, 1280])
def test_the_first_page(browser, store, width):
    page = Page(browser, store.folder / "report.html", width)
    first = page.shown()
    page.choose("order", "iou up")
    values = [float(one.rpartition(" ")[2]) for one in page.shown()]
    assert values == sorted(values)
    assert page.shown() != first
    assert len(page.shown()) == len(first)
    page.choose("reason", "many parts")
    assert [one.partition(" ")[0] for one in page.shown()] == ["0002.png"]
    assert page.told() == f"1 of {len(first)}"


@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_of_images(browser, store, width):
    page = Page(browser, store.folder / "report" / "images-0001.html", width)
    assert [one.partition(" ")[0] for one in page.shown()] == [f"{number:04d}.png" for number in range(5)]
    page.choose("order", "iou up")
    assert page.shown()[0] == "0001.png 0.3499999940395355"
    assert page.shown()[-1] == "0003.png "  # without masks: unknown values are last
    page.choose("text", "0002")
    assert page.told() == "1 of 5"


def test_few_are_shown_until_more_are_asked_for(browser, tmp_path):
    store = store_of(tmp_path, *[("unsure",)] * 15)
    write_report(store)
    page = Page(browser, store.folder / "report.html", 1280)
    assert (len(page.shown()), page.told()) == (12, "15")
    assert browser.tell("document.querySelector('.more').textContent") == "Show all 15"
    browser.tell("document.querySelector('.more').click()")
    assert len(page.shown()) == 15
    assert browser.tell("document.querySelector('.more').hidden")
