"""The report in a browser: nothing wider than the window, and the script filters and sorts what it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from samara.annotation.report.collect import write_report
from tests.annotation.review.stores import store_of

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Reads the page as it is, then as after a choice of reason and order.
PROBE = """<script>
const names = () => [...document.querySelector("[data-list]").children].filter((one) => !one.hidden)
  .map((one) => one.dataset.name + " " + one.dataset.iou);
const choose = (name, value) => {
  const field = document.querySelector(`.controls [name=${name}]`);
  field.value = value;
  field.dispatchEvent(new Event("input"));
};
const told = {width: document.documentElement.scrollWidth, first: names()};
choose("order", "iou up");
told.sorted = names();
choose("reason", "many parts");
told.filtered = names();
told.count = document.querySelector("output").textContent;
document.title = JSON.stringify(told);
</script>"""


def in_browser(page, folder, width, *options):
    text = page.read_text(encoding="utf-8")
    probed = page.with_name(f"probed-{page.name}")
    probed.write_text(re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"{PROBE}</body>"))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", *options]
    command += ["--disable-background-networking", f"--user-data-dir={folder / 'profile'}"]
    command += [f"--window-size={width},900", "--dump-dom", probed.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return json.loads(re.search(r"<title>(.*?)</title>", shown)[1].replace("&quot;", '"'))


@pytest.fixture
def store(tmp_path):
    names = [("good", "small"), ("unsure",), ("scattered", "leaking"), None, ("disagreeing",)]
    store = store_of(tmp_path, *names, classes=["a class with a rather long name that must be broken", "b"])
    write_report(store)
    return store


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to lay the page out")
@pytest.mark.parametrize("width", [500, 1280])
def test_the_first_page(store, tmp_path, width):
    told = in_browser(store.folder / "report.html", tmp_path, width)
    assert told["width"] <= width
    assert len(told["first"]) == len(told["sorted"])
    values = [float(one.rpartition(" ")[2]) for one in told["sorted"]]
    assert values == sorted(values)
    assert told["sorted"] != told["first"]
    assert [one.partition(" ")[0] for one in told["filtered"]] == ["0002.png"]
    assert told["count"] == f"1 of {len(told['first'])}"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to lay the page out")
@pytest.mark.parametrize("width", [500, 1280])
def test_a_page_of_images(store, tmp_path, width):
    told = in_browser(store.folder / "report" / "images-0001.html", tmp_path, width)
    assert told["width"] <= width
    assert [one.partition(" ")[0] for one in told["first"]] == [f"{number:04d}.png" for number in range(5)]
    assert told["sorted"][0] == "0001.png 0.3499999940395355"
    assert told["sorted"][-1] == "0003.png "  # without masks: unknown values are last
    assert told["count"] == "1 of 5"
