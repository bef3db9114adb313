"""The parts of the page that only compute, run in a browser against what Python computes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from samara.masks.rle import encode_mask
from tests.browser import Browser, needs_chromium
from tests.serving.fake_server import FakeServer, serving

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Evaluate an expression over the exports of a module of the page."""
    with serving(FakeServer(images=0)) as fake, Browser(tmp_path_factory.mktemp("chromium")) as browser:
        browser.visit(fake.address, width=800)

        def evaluate(module, expression):
            return browser.tell(f"import('/page/{module}.js').then((m) => {{ with (m) return {expression}; }})")

        yield evaluate


def masks():
    chance = np.random.default_rng(0)
    yield np.zeros((5, 7), bool)
    yield np.ones((5, 7), bool)
    yield np.eye(9, dtype=bool)
    for size in ((1, 1), (1, 40), (40, 1), (33, 57), (200, 300)):
        for share in (0.02, 0.5, 0.98):
            yield chance.random(size) < share
    large = np.zeros((3000, 4000), bool)
    large[100:2900, 50:3950] = True
    yield large


class TestRunLengths:
    @pytest.mark.parametrize("mask", [*masks()], ids=lambda mask: f"{mask.shape}, {mask.mean():.2f}")
    def test_area_box_and_pixels_are_those_of_python(self, run, mask):
        rle = encode_mask(mask)
        read = f"readMask({json.dumps(rle.to_coco())})"
        assert run("run_lengths", f"{read}.area") == rle.area
        assert tuple(run("run_lengths", f"{read}.box")) == rle.box_xyxy
        if rle.area and mask.size < 100_000:
            x0, y0, x1, y1 = rle.box_xyxy
            rows = run("run_lengths", f"Array.from(bitmapOf({read}, 1024).data)")
            assert np.array_equal(np.reshape(rows, (y1 - y0, x1 - x0)), mask[y0:y1, x0:x1])
            places = [(0, 0), (mask.shape[1] - 1, mask.shape[0] - 1), (x0, y0), (x1 - 1, y1 - 1)]
            for x, y in places:
                assert run("run_lengths", f"contains({read}, {{x: {x}.5, y: {y}.5}})") == bool(mask[y, x])
        assert not run("run_lengths", f"contains({read}, {{x: -1, y: 0}})")

    def test_iou_is_that_of_the_pixels(self, run):
        chance = np.random.default_rng(1)
        for share in (0.01, 0.3, 0.9):
            a, b = chance.random((40, 60)) < share, chance.random((40, 60)) < 0.5
            read = [f"readMask({json.dumps(encode_mask(mask).to_coco())})" for mask in (a, b)]
            assert run("run_lengths", f"iou({', '.join(read)})") == pytest.approx((a & b).sum() / (a | b).sum())
        assert run("run_lengths", f"iou({read[0]}, {read[0]})") == 1

    def test_large_masks_are_thinned_out(self, run):
        mask = np.zeros((3000, 4000), bool)
        mask[100:2900, 50:3950] = True
        read = f"readMask({json.dumps(encode_mask(mask).to_coco())})"
        made = run("run_lengths", f"(({{box, width, height}}) => ({{box, width, height}}))(bitmapOf({read}, 1024))")
        assert made == {"box": [50, 100, 3950, 2900], "width": 975, "height": 700}


class TestView:
    def test_the_whole_image_is_in_the_middle(self, run):
        view = run("view", "fitted({width: 200, height: 100}, {width: 424, height: 424})")
        assert view == {"scale": 2, "x": 12, "y": 112}

    def test_zooming_keeps_what_is_under_the_pointer(self, run):
        image, stage, at = "{width: 200, height: 100}", "{width: 424, height: 424}", "{x: 100, y: 150}"
        before, after = run(
            "view",
            f"(view => [toImage(view, {at}), toImage(zoomed(view, 3, {at}, {image}, {stage}), {at})])"
            f"(fitted({image}, {stage}))",
        )
        assert before == pytest.approx(after)

    def test_an_image_cannot_be_lost(self, run):
        image, stage = "{width: 200, height: 100}", "{width: 424, height: 424}"
        view = run("view", f"panned(fitted({image}, {stage}), 5000, -5000, {image}, {stage})")
        assert view["x"] < 424
        assert view["y"] + 100 * view["scale"] > 0


class TestHistory:
    def test_a_new_step_ends_what_could_be_redone(self, run):
        steps = "stepped(undone(stepped(stepped(started(1), 2), 3)), 4)"
        assert run("history", steps) == {"past": [1, 2], "present": 4, "future": []}

    def test_the_ends_are_ends(self, run):
        assert run("history", "undone(undone(started(1))).present") == 1
        assert run("history", "redone(redone(stepped(started(1), 2))).present") == 2


class TestKeys:
    @pytest.mark.parametrize(
        ("event", "stroke"),
        [
            ({"key": "z"}, "z"),
            ({"key": "Z", "shiftKey": True}, "Shift+Z"),
            ({"key": "z", "metaKey": True}, "Ctrl+z"),
            ({"key": "?", "shiftKey": True}, "?"),
            ({"key": "ArrowUp", "shiftKey": True}, "Shift+ArrowUp"),
            ({"key": " ", "shiftKey": True}, "Shift+ "),
        ],
    )
    def test_strokes_are_written_in_one_way(self, run, event, stroke):
        assert run("keyboard", f"strokeOf({json.dumps(event)})") == stroke

    def test_no_key_has_two_meanings(self, run):
        keys = run("commands", "COMMANDS.flatMap(({keys}) => keys)") + run("class_keys", "CLASS_KEYS")
        assert len(keys) == len(set(keys))
