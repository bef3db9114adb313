"""The page in a browser, in front of a server that answers at once with discs."""

from __future__ import annotations

import time

import numpy as np
import pytest

from samara.masks.rle import Rle, encode_mask
from tests.browser import Browser, needs_chromium
from tests.docs.test_pages import FAINT
from tests.serving.fake_server import HEIGHT, WIDTH, FakeServer, serving
from tests.serving.page_driver import ALT, CTRL, SHIFT, PageDriver

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def fake():
    with serving(FakeServer()) as started:
        yield started


@pytest.fixture
def page(browser, fake):
    driver = PageDriver(browser).open(fake.address)
    yield driver
    assert browser.errors == []


def asked(fake, path, method="POST"):
    """What the page has asked a route for, without previews."""
    found = [body for how, where, body in fake.requests if how == method and where == path]
    return [body for body in found if not (path == "/predict" and body["answers"] == "best")]


class TestPrompts:
    def test_a_click_shows_a_mask_and_enter_saves_it(self, page, fake):
        page.click(100, 120)
        page.wait_for_answer()
        page.wait("document.querySelector('#answer-choice button:nth-child(3)').hidden === false")
        assert page.opacity_at(110, 120) > 0
        assert page.opacity_at(300, 20) == 0
        page.key("Enter")
        page.wait_for_objects(1)
        page.wait_until_saved()
        (saved,) = fake.objects["0"]
        assert saved["class"] == "leaf"
        assert (saved["points"], saved["labels"], saved["box_prompt"]) == ([[100, 120]], [1], None)
        assert Rle.from_coco(saved["mask"]).decode()[120, 100]
        assert page.opacity_at(110, 120) == 0, "the answer has become an object"

    @pytest.mark.parametrize("how", [{"button": "right"}, {"modifiers": ALT}], ids=["right", "alt"])
    def test_a_right_click_or_alt_removes(self, page, fake, how):
        page.click(100, 120)
        page.wait_for_answer()
        page.click(140, 120, **how)
        page.wait("document.querySelector('#answer-choice').hidden")
        assert asked(fake, "/predict")[-1]["labels"] == [1, 0]
        assert asked(fake, "/predict")[-1]["points"] == [[100, 120], [140, 120]]

    def test_dragging_draws_a_box(self, page, fake):
        page.drag((40, 50), (120, 130))
        page.wait_for_answer()
        assert np.abs(np.subtract(asked(fake, "/predict")[-1]["box"], [40, 50, 121, 131])).max() <= 1

    def test_a_box_ends_at_the_border_of_the_image(self, page, fake):
        page.drag((300, 200), (WIDTH + 4, HEIGHT + 4))
        page.wait_for_answer()
        assert asked(fake, "/predict")[-1]["box"][2:] == [WIDTH, HEIGHT]

    def test_one_two_three_cycle_the_answers(self, page):
        page.click(160, 120)
        page.wait_for_answer()
        for key, radius in (("2", 40), ("3", 60), ("1", 20)):
            page.key(key)
            page.wait(f"document.querySelector('[data-command=answer-{key}]').ariaPressed === 'true'")
            time.sleep(0.1)
            assert page.opacity_at(160 + radius - 4, 120) > 0
            assert page.opacity_at(160 + radius + 4, 120) == 0

    def test_the_mask_under_the_pointer_is_previewed(self, page):
        page.hover(100, 120)
        page.wait("performance.getEntriesByName('pointer to mask').length > 0")
        assert page.opacity_at(110, 120) > 0
        page.hover(220, 60)
        page.wait("performance.getEntriesByName('pointer to mask').length > 1")
        assert page.opacity_at(110, 120) == 0

    def test_undo_and_redo_go_through_prompts_and_objects(self, page, fake):
        page.click(100, 120)
        page.wait_for_answer()
        page.key("Enter")
        page.wait_for_objects(1)
        page.key("z")
        page.wait_for_objects(0)
        page.wait_for_answer()
        page.key("z")
        page.wait("document.querySelector('[data-command=accept]').disabled")
        page.key("Z", SHIFT)
        page.wait_for_answer()
        page.key("y", CTRL)
        page.wait_for_objects(1)
        page.wait_until_saved()
        assert len(fake.objects["0"]) == 1
        assert len(asked(fake, "/predict")) == 1, "what was answered once is not asked again"

    def test_what_is_accepted_before_it_is_there_is_accepted_once_it_is(self, page, fake):
        fake.delay = 0.5
        page.click(100, 120)
        page.key("Enter")
        page.wait_for_objects(0)
        page.wait_for_objects(1)
        fake.delay = 0

    def test_a_further_point_corrects_the_answer_that_is_shown(self, page, fake, monkeypatch):
        monkeypatch.setattr(fake, "keys", True)
        page.click(100, 120)
        page.wait_for_answer()
        page.key("2")
        page.click(140, 120)
        page.wait("document.querySelector('#answer-choice').hidden")
        assert asked(fake, "/predict")[-1]["previous"] == "answer 1"

    def test_an_object_is_worked_on_again(self, page, fake):
        page.click(100, 120)
        page.wait_for_answer()
        page.key("Enter")
        page.wait_for_objects(1)
        page.tell("document.querySelector('#objects [title^=Work]').click()")
        page.wait_for_objects(0)
        page.wait_for_answer()
        page.wait_until_saved()
        assert fake.objects["0"] == []


class TestEverything:
    @pytest.fixture
    def proposals(self, page):
        page.key("e")
        page.wait("!document.querySelector('#proposals').hidden")
        page.wait("document.querySelector('#proposals p').textContent !== ''")
        return page

    def count(self, page):
        return int(page.text("#proposals p").split()[0])

    def slide(self, page, limit, value):
        page.tell(
            f"(() => {{ const it = document.getElementById('limit-{limit}'); it.value = {value};"
            " it.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )

    def test_sliders_filter_without_asking_again(self, proposals, fake):
        before = self.count(proposals)
        self.slide(proposals, "predictedIou", 0.8)
        strict = self.count(proposals)
        self.slide(proposals, "predictedIou", 0)
        self.slide(proposals, "stability", 0)
        assert strict < before < self.count(proposals) == 20
        self.slide(proposals, "minArea", 1)
        assert self.count(proposals) < 20
        assert len(asked(fake, "/everything")) == 1

    def test_a_click_accepts_and_the_rest_stays(self, proposals, fake):
        before = self.count(proposals)
        proposals.click(210, 210)
        proposals.wait_for_objects(1)
        assert self.count(proposals) == before - 1
        proposals.key("z")
        proposals.wait_for_objects(0)
        assert self.count(proposals) == before
        proposals.tell("document.querySelector('#proposals .primary').click()")
        proposals.wait_for_objects(before)
        proposals.wait_until_saved()
        assert len(fake.objects["0"]) == before
        assert all(one["stability"] is not None for one in fake.objects["0"])

    def test_escape_leaves(self, proposals):
        proposals.key("Escape")
        proposals.wait("document.querySelector('#proposals').hidden")


class TestClasses:
    def test_a_key_chooses_the_class(self, page, fake):
        page.key("s")
        page.click(100, 120)
        page.wait_for_answer()
        page.key("Enter")
        page.wait_for_objects(1)
        page.wait_until_saved()
        assert fake.objects["0"][0]["class"] == "stone"

    def test_a_new_class_is_saved_chosen_and_text_only(self, page, fake):
        name = "<img src=x onerror=alert(1)> & “moss”"
        page.key("c")
        page.browser.type(name)
        page.key("Enter")
        page.wait_until_saved()
        assert fake.classes == ["leaf", "stone", name]
        assert page.text("#classes [aria-checked=true] bdi") == name

    def test_the_class_of_an_object_is_changed_by_key(self, page, fake):
        page.click(100, 120)
        page.wait_for_answer()
        page.key("Enter")
        page.wait_for_objects(1)
        page.tell("document.querySelector('#objects .pick').click()")
        page.key("s")
        page.wait("document.querySelector('#objects bdi').textContent === 'stone'")
        page.wait_until_saved()
        assert fake.objects["0"][0]["class"] == "stone"


class TestImages:
    def test_the_next_image_is_embedded_before_it_is_asked_for(self, page, fake):
        page.wait("true")
        deadline = time.monotonic() + 5
        while not any(body["image"] == 1 and body["prefetch"] for body in asked(fake, "/embed")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        page.key("n")
        page.wait("document.querySelector('#image-name').textContent.startsWith('image_00001')")

    def test_work_on_an_image_is_there_when_it_is_opened_again(self, page):
        page.click(100, 120)
        page.wait_for_answer()
        page.key("n")
        page.wait("document.querySelector('#image-name').textContent.startsWith('image_00001')")
        page.wait("document.querySelector('[data-command=accept]').disabled")
        page.key("p")
        page.wait("document.querySelector('#image-name').textContent.startsWith('image_00000')")
        page.wait_for_answer()

    def test_done_saves_an_image_without_objects(self, page, fake):
        page.press("done")
        page.wait("document.querySelector('#image-name').textContent.startsWith('image_00001')")
        page.wait_until_saved()
        assert fake.objects["0"] == []

    def test_the_list_holds_a_hundred_thousand(self, browser):
        with serving(FakeServer(images=100_000)) as fake:
            page = PageDriver(browser).open(fake.address)
            assert page.text("#images-count") == "100,000"
            page.tell("document.querySelector('#image-list').scrollTop = 64 * 77_000")
            page.wait("document.querySelector('#image-77003')?.innerText.includes('image_77003')")
            assert page.tell("document.querySelectorAll('.row').length") < 40
            page.tell("document.querySelector('#image-77003').click()")
            page.wait("document.querySelector('#image-name').textContent.startsWith('image_77003')")
            listed = [where for _, where, _ in fake.requests if where == "/images"]
            assert len(listed) < 8


class TestSideBySide:
    def test_both_checkpoints_answer_the_same_prompts(self, page, fake):
        page.tell(
            "(() => { const it = document.getElementById('beside'); it.value = 'mobile_sam';"
            " it.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
        page.wait("!document.querySelectorAll('.side')[1].hidden")
        page.click(100, 120)
        page.wait_for_answer()
        time.sleep(0.3)
        assert {body["checkpoint"] for body in asked(fake, "/predict")} == {"samara_mini", "mobile_sam"}
        assert page.opacity_at(110, 120, side=1) > 0
        page.key("t")
        page.key("Enter")
        page.wait_for_objects(1)
        page.wait_until_saved()
        assert fake.objects["0"][0]["checkpoint"] == "mobile_sam"
        assert fake.objects["0"][0]["predicted_iou"] == pytest.approx(0.81)


class TestKeyboardAlone:
    def test_a_point_a_box_and_a_removal(self, page, fake):
        page.tell("document.querySelector('#stage-0').focus()")
        page.key("ArrowRight")
        page.key(" ")
        page.wait_for_answer()
        assert asked(fake, "/predict")[-1]["points"] == [[160, 120]]
        page.key("ArrowRight")
        page.key("x")
        page.wait("document.querySelector('#answer-choice').hidden")
        assert asked(fake, "/predict")[-1]["labels"] == [1, 0]
        page.key("Escape")
        page.key("b")
        page.key("ArrowDown")
        page.key("ArrowRight")
        page.key("b")
        page.wait_for_answer()
        x0, y0, x1, y1 = asked(fake, "/predict")[-1]["box"]
        assert x1 > x0
        assert y1 > y0

    def test_every_control_has_a_name_and_shows_its_focus(self, page):
        nameless = page.tell(
            "[...document.querySelectorAll('button, select, input, [tabindex=\"0\"]')].filter(it =>"
            " it.checkVisibility() && !it.innerText.trim() && !it.ariaLabel && !it.labels?.length"
            " && !it.getAttribute('aria-labelledby')).map(it => it.outerHTML)"
        )
        assert nameless == []
        for _ in range(25):
            page.browser.press("Tab", 9)
            assert page.tell("document.activeElement.matches(':focus-visible, body')")

    def test_the_overlay_lists_every_key_and_closes(self, page):
        page.key("?")
        page.wait("document.querySelector('dialog').open")
        listed = page.text("dialog")
        for words in ("Accept the answer", "Undo", "Next image", "Right click", "Begin a box"):
            assert words in listed
        page.key("Escape")
        page.wait("!document.querySelector('dialog').open")

    def test_what_happens_is_said(self, page):
        page.click(100, 120)
        page.wait_for_answer()
        page.wait("document.querySelector('#said').textContent.includes('predicted IoU 0.91')")


class TestPhone:
    @pytest.fixture
    def phone(self, browser, fake):
        return PageDriver(browser).open(fake.address, width=390, height=844)

    def test_a_tap_adds_and_the_toggle_removes(self, phone, fake):
        phone.browser.touch([phone.place(100, 120)])
        phone.wait_for_answer()
        phone.press("remove")
        phone.browser.touch([phone.place(200, 120)])
        phone.wait("document.querySelector('#answer-choice').hidden")
        assert asked(fake, "/predict")[-1]["labels"] == [1, 0]

    def test_two_fingers_zoom(self, phone, fake):
        (x, y) = phone.place(160, 120)
        before = phone.painted(canvas=0)
        phone.browser.touch([(x - 20, y), (x - 60, y), (x - 100, y)], [(x + 20, y), (x + 60, y), (x + 100, y)])
        time.sleep(0.2)
        after = phone.painted(canvas=0)
        assert (after[..., 3] > 0).mean() > 1.2 * (before[..., 3] > 0).mean()
        assert asked(fake, "/predict") == []

    def test_the_list_opens_and_closes(self, phone):
        phone.press("list")
        phone.wait("getComputedStyle(document.querySelector('#images')).display === 'flex'")
        phone.tell("document.querySelector('#image-3').click()")
        phone.wait("document.querySelector('#image-name').textContent.startsWith('image_00003')")
        assert phone.tell("getComputedStyle(document.querySelector('#images')).display") == "none"


class TestFaults:
    def test_what_is_done_while_the_server_is_away_is_saved_when_it_is_back(self, browser):
        fake = FakeServer()
        with serving(fake):
            page = PageDriver(browser).open(fake.address)
            page.click(100, 120)
            page.wait_for_answer()
            port = int(fake.address.rsplit(":", 1)[1].strip("/"))
        page.key("Enter")
        page.wait("document.querySelector('#saving').textContent === '1 not saved'")
        assert "Nothing is lost" in page.text("#notice")
        page.click(200, 120)  # asked when the server is back
        with serving(fake, port=port):
            page.wait_for_answer()
            page.wait_until_saved()
            page.wait("document.querySelector('#notice').hidden")
        assert len(fake.objects["0"]) == 1

    def test_what_could_not_be_saved_outlives_the_page(self, page, fake):
        page.click(100, 120)
        page.wait_for_answer()
        fake.failure = ("/objects", 507, "The disk is full; free some space.")
        page.key("Enter")
        page.wait("document.querySelector('#saving').textContent === '1 not saved'")
        assert page.text("#notice-text") == "The disk is full; free some space."
        fake.failure = None
        page.browser.errors.clear()
        page.open(fake.address)
        page.wait_until_saved()
        page.wait_for_objects(1)
        assert len(fake.objects["0"]) == 1

    def test_another_page_s_objects_are_kept(self, page, fake):
        mask = encode_mask(np.ones((HEIGHT, WIDTH), bool)).to_coco()
        theirs = {"id": "theirs", "class": "stone", "mask": mask, "predicted_iou": None, "stability": None}
        fake.objects["0"] = [{**theirs, "points": [], "labels": [], "box_prompt": None}]
        page.click(100, 120)
        page.wait_for_answer()
        page.key("Enter")
        page.wait_for_objects(2)
        page.wait_until_saved()
        assert len(fake.objects["0"]) == 2
        page.browser.errors.clear()  # the browser's own line about status 409

    def test_a_refusal_is_shown_as_its_sentence(self, page, fake):
        fake.failure = ("/predict", 422, "points has 65 entries, at most 64 are accepted.")
        page.click(100, 120)
        page.wait("!document.querySelector('#stage-note').hidden")
        assert page.text("#stage-note") == "points has 65 entries, at most 64 are accepted."
        page.browser.errors.clear()

    def test_an_empty_folder_says_what_to_do(self, browser):
        with serving(FakeServer(images=0)) as fake:
            browser.visit(fake.address, width=1280)
            browser.wait_for("!document.querySelector('#images-empty').hidden")
            assert "no images" in browser.tell("document.querySelector('#images-empty').textContent")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 820, 1280, 1920])
def test_it_fits_and_can_be_read(browser, fake, width, dark):
    page = PageDriver(browser).open(fake.address, width=width, dark=dark)
    page.click(100, 120)
    page.wait_for_answer()
    page.key("Enter")
    page.wait_for_objects(1)
    page.key("e")
    page.wait("document.querySelector('#proposals p').textContent !== ''")
    page.tell("document.querySelector('#export-button').click()")
    assert page.tell("document.documentElement.scrollWidth") == width
    assert page.tell(FAINT) == []
    assert browser.errors == []
