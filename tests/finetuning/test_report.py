"""The page on fine-tuning: complete in itself, honest about losses, safe with any file name."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from samara.errors import MissingExtra, OutputError
from samara.finetuning import report as finetuning_report
from samara.finetuning.before_after import AnswersBeforeAndAfter, ComparedImage, ComparedObject, ComparedSet
from samara.finetuning.report import (
    MAX_IMAGES,
    MAX_LOST_OBJECTS,
    FineTuningReport,
    finetuning_page,
    window_around,
    write_finetuning_report,
)
from samara.masks.rle import encode_mask
from samara.segmentation.prompts import Prompt
from tests.finetuning.test_learning_curve import CURVE

HOSTILE = """<script>alert(1)</script>"onerror='x'&<img src=https://example.org/x>{{ 7*7 }}.png"""


def rectangle(x0, y0, x1, y1):
    mask = np.zeros((48, 64), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return encode_mask(mask)


DRAWN = {}


@pytest.fixture(autouse=True)
def _draw_each_curve_once(monkeypatch):
    """It is the same in every test, and takes longer than the rest of a page."""
    draw = finetuning_report.learning_curve_png

    def once(curve, kept, colours):
        if colours not in DRAWN:
            DRAWN[colours] = draw(curve, kept, colours)
        return DRAWN[colours]

    monkeypatch.setattr(finetuning_report, "learning_curve_png", once)


TRUTH, OTHER = rectangle(10, 10, 30, 30), rectangle(12, 8, 34, 28)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(np.full((48, 64, 3), 90, dtype=np.uint8)).save(path)
    return path


def compared(path, *changes, name="a.png"):
    def answers(prompt, change):
        return AnswersBeforeAndAfter(prompt, OTHER, TRUTH, 0.5, 0.5 + change)

    return ComparedImage(
        path,
        name,
        tuple(
            ComparedObject(TRUTH, answers(Prompt([20, 20]), change), answers(Prompt(box=TRUTH.box_xyxy), change))
            for change in changes
        ),
    )


def report(*images, **changed):
    facts = FineTuningReport(
        title="cells.safetensors",
        summary="samara_mini, mask decoder fine-tuned on 9 images.",
        comparisons={"validation": ComparedSet(images)},
        curve=CURVE,
        kept=2,
        choice=["Epoch 2 was best."],
        settings={"epochs": "3"},
        provenance={"made by": "samara"},
    )
    return dataclasses.replace(facts, **changed)


class Page(HTMLParser):
    """What a browser would make of a page: tags with attributes, and text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)


def test_numbers_and_facts_are_there(image):
    page = Page(finetuning_page(report(compared(image, 0.25, 0.35), compared(image, -0.1))))
    assert "Centre click, mean IoU, validation images 0.500 → 0.667 +0.167" in page.text
    assert "2 better 0 within 0.01 1 worse" in page.text
    assert "3 objects in 2 validation images" in page.text
    assert "epochs 3" in page.text
    assert "made by samara" in page.text
    assert "unchanged" not in page.text


def test_gains_and_losses_are_both_shown(image):
    images = [compared(image, change / 20, name=f"{change}.png") for change in range(-9, 10)]
    page = Page(finetuning_page(report(*images)))
    assert page.count("article") == MAX_IMAGES + MAX_LOST_OBJECTS
    gains, losses = page.text.split("Largest gains")[1].split("Largest losses")
    assert gains.index(" 9.png") < gains.index(" 8.png")
    assert losses.index("-9.png") < losses.index("-8.png")
    assert "12 of 19 validation images" in gains
    assert "Single objects that lost most" in losses
    assert "object at (20, 20), 400 pixels, by click −0.450" in losses


@pytest.mark.parametrize(
    ("changes", "titles"),
    [
        ([0.2, 0.1], ["Largest gains", "Smallest gains"]),
        ([-0.2, -0.1], ["Smallest losses", "Largest losses", "Single objects that lost most"]),
        ([0.0], ["Unchanged"]),
    ],
)
def test_titles_say_what_is_shown(image, changes, titles):
    html = finetuning_page(report(*(compared(image, change) for change in changes)))
    assert re.findall("<h2>(.*?)</h2>", html) == [
        "Which epoch was kept, and why",
        "Before and after, with intervals",
        "Learning curve",
        *titles,
        "Settings",
        "Provenance",
    ]
    assert "<picture>" in html


def test_each_row_holds_truth_and_both_answers_to_both_prompts(image):
    page = Page(finetuning_page(report(compared(image, 0.2))))
    captions = page.text.split("1 object +0.200")[1]
    assert captions.startswith(
        " Ground truth Click, before 0.500 Click, after 0.700 Box, before 0.500 Box, after 0.700"
    )
    uris = [facts["src"] for tag, facts in page.tags if tag == "img" and facts["src"].startswith("data:image/jpeg")]
    assert len(uris) == 5
    for uri in uris:
        assert Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).size == (640, 480)


def test_nothing_is_asked_of_the_network(image):
    html = finetuning_page(report(compared(image, 0.2), compared(image, -0.2)))
    page = Page(html)
    assert not {"script", "link", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    for tag, facts in page.tags:
        for name in ("src", "srcset", "poster", "data", "background"):
            assert facts.get(name, "data:").startswith("data:"), (tag, facts[name][:60])
    assert not re.search(r"https?://|url\(|@import", html)
    policy = next(facts["content"] for _, facts in page.tags if facts.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_hostile_names_are_text(image):
    plain = Page(finetuning_page(report(compared(image, 0.2), compared(image, -0.2))))
    hostile = Page(
        finetuning_page(
            report(
                compared(image, 0.2, name=HOSTILE),
                compared(image, -0.2, name=HOSTILE),
                title=HOSTILE,
                summary=HOSTILE,
                settings={HOSTILE: HOSTILE},
                provenance={HOSTILE: HOSTILE},
            )
        )
    )
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert [set(facts) for _, facts in hostile.tags] == [set(facts) for _, facts in plain.tags]
    assert HOSTILE in hostile.text


def test_a_name_that_is_no_text_is_written(image, tmp_path):
    path = tmp_path / "report.html"
    write_finetuning_report(path, report(compared(image, 0.1, name="\udcff.png")))
    assert "?.png" in path.read_text(encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be used as a folder"):
        write_finetuning_report(path / "report.html", report(compared(image, 0.1)))


def test_when_nothing_helped_the_page_says_so(image):
    html = finetuning_page(report(compared(image, 0.0), kept=0, choice=["No epoch raised box IoU."]))
    assert '<p class="card notice">No epoch raised box IoU.</p>' in html
    assert "card notice" not in finetuning_page(report(compared(image, 0.1))).partition("<body>")[2]


@pytest.mark.parametrize(
    ("box", "window"),
    [
        ((20, 20, 24, 24), (0, 0, 48, 48)),
        ((60, 40, 62, 44), (16, 0, 64, 48)),
        ((30, 10, 32, 12), (7, 0, 55, 48)),
        ((10, 10, 30, 30), (0, 0, 60, 48)),
    ],
)
def test_windows_stay_in_the_image(box, window):
    assert window_around(rectangle(*box), (48, 64)) == window


@pytest.mark.parametrize("library", ["jinja2", "matplotlib"])
def test_without_the_extra_one_sentence_says_what_to_install(image, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"needs {library}.*pip install 'samara\[report\]'"):
        finetuning_page(report(compared(image, 0.1)))


def test_intervals_and_advice_are_there(image):
    images = [compared(image, 0.2, 0.25, name=f"{number}.png") for number in range(5)]
    text = Page(finetuning_page(report(*images, advice=["Try more."], files=["r.curve.svg"]))).text
    assert "Change +0.225 to +0.225 (95 %): clearly better." in text
    assert "Epoch 2 was best." in text
    assert "What to try Try more." in text
    assert "r.curve.svg" in text
    assert "No interval: only one image." in Page(finetuning_page(report(compared(image, 0.1)))).text


def test_a_test_set_is_shown_first(image):
    sets = {"test": ComparedSet((compared(image, 0.1),)), "validation": ComparedSet((compared(image, -0.1),))}
    text = Page(finetuning_page(report(comparisons=sets))).text
    assert "1 object in 1 test image, masks" in text
    assert "All test images are shown." in text
    assert "The epoch was chosen on these images" not in text


def test_checkpoints_that_take_boxes_alone_are_compared_by_boxes(image):
    whole = compared(image, 0.2)
    boxes = dataclasses.replace(whole, objects=tuple(dataclasses.replace(one, click=None) for one in whole.objects))
    text = Page(finetuning_page(report(boxes))).text
    assert "Centre click" not in text.partition("IoU: intersection")[0]
    assert "Ground truth Box, before 0.500 Box, after 0.700" in text
