import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.errors import SettingsError
from samara.masks import suppression
from samara.masks.rle import encode_mask
from samara.masks.suppression import GreedyBoxNms, box_nms, mask_nms
from tests.masks.strategies import NAMED, encode_all, image, stacks

THRESHOLDS = [0, 0.1, 0.2, 1 / 3, 0.5, 0.7, 0.9, 1]


def box_nms_by_the_book(boxes, scores, threshold):
    """torchvision's loop, one float32 operation at a time."""
    boxes = np.asarray(boxes, np.float32)
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]
    zero = np.float32(0)
    waiting = sorted(range(len(boxes)), key=lambda index: -scores[index])
    kept = []
    while waiting:
        best, *others = waiting
        kept.append(best)
        waiting = []
        for other in others:
            width = max(zero, min(boxes[best][2], boxes[other][2]) - max(boxes[best][0], boxes[other][0]))
            height = max(zero, min(boxes[best][3], boxes[other][3]) - max(boxes[best][1], boxes[other][1]))
            common = width * height
            union = areas[best] + areas[other] - common
            if not (union != 0 and float(common / union) > threshold):
                waiting.append(other)
    return kept


@st.composite
def scored_boxes(draw):
    side = st.integers(0, 12)
    rows = draw(st.lists(st.tuples(side, side, side, side, st.integers(0, 5)), max_size=25))
    scale = draw(st.sampled_from([1, 0.1, 1.37, 1e4]))
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in rows], np.float64).reshape(-1, 4) * scale
    return boxes, [score / 5 for *_, score in rows]


@pytest.mark.parametrize("rounds", [1, 3, 256])
@given(scored=scored_boxes(), threshold=st.sampled_from(THRESHOLDS))
def test_box_nms_equals_torchvisions_loop(rounds, scored, threshold):
    boxes, scores = scored
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suppression, "_ROUNDS", rounds)
        kept = box_nms(boxes, scores, threshold)
    assert kept.dtype == np.int64
    assert kept.tolist() == box_nms_by_the_book(boxes, scores, threshold)


@pytest.mark.parametrize(
    ("boxes", "scores", "threshold", "kept"),
    [
        ([], [], 0.5, []),
        ([[0, 0, 1, 1]], [0.3], 0.5, [0]),
        ([[0, 0, 4, 4], [0, 0, 4, 4]], [0.3, 0.4], 0.5, [1]),
        ([[0, 0, 4, 4], [0, 0, 4, 4]], [0.3, 0.3], 0.5, [0]),
        ([[0, 0, 4, 4], [0, 0, 4, 4]], [float("nan"), -1], 0.5, [1]),
        ([[0, 0, 2, 2], [0, 0, 2, 4]], [1, 0], 0.5, [0, 1]),  # an IoU of exactly the threshold stays
        ([[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 1, 5]], [1, 1, 1], 0.0, [0, 1, 2]),
        # float32(0.1) lies above 0.1, float32(0.7) below 0.7; torchvision compares with the float64 number.
        ([[0, 0, 10, 1], [0, 0, 1, 1]], [1, 0], 0.1, [0]),
        ([[0, 0, 10, 1], [0, 0, 7, 1]], [1, 0], 0.7, [0, 1]),
    ],
)
def test_box_nms(boxes, scores, threshold, kept):
    assert box_nms(np.array(boxes), np.array(scores), threshold).tolist() == kept


def test_box_nms_suppresses_only_with_boxes_that_are_kept():
    boxes = [[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]]
    assert box_nms(boxes, [0.9, 0.8, 0.7], 0.4).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("boxes", "scores", "threshold", "message"),
    [
        ([[0, 0, 1]], [1], 0.5, r"array \(M, 4\) of finite numbers"),
        ([[0, 0, 1, np.nan]], [1], 0.5, "finite"),
        ([[0, 0, 1, np.inf]], [1], 0.5, "finite"),
        ([[0, 0, 1, 1]], [1, 2], 0.5, "1 boxes or masks need as many scores"),
        ([[0, 0, 1, 1]], [1], 1.5, "IoU threshold must lie between 0 and 1"),
        ([[0, 0, 1, 1]], [1], float("nan"), "IoU threshold must lie between 0 and 1"),
    ],
)
def test_box_nms_refuses(boxes, scores, threshold, message):
    with pytest.raises(SettingsError, match=message):
        box_nms(boxes, scores, threshold)


def mask_nms_by_the_book(masks, scores, iou_threshold, containment_threshold):
    kept = []
    for index in sorted(range(len(masks)), key=lambda index: -scores[index]):
        mask = masks[index]
        if not mask.any():
            continue
        similar = False
        for other in kept:
            common = (mask & masks[other]).sum()
            union, smaller = (mask | masks[other]).sum(), min(mask.sum(), masks[other].sum())
            similar |= iou_threshold is not None and common / union > iou_threshold
            similar |= containment_threshold is not None and common / smaller > containment_threshold
        if not similar:
            kept.append(index)
    return kept


@given(
    stacks(most=10),
    st.randoms(use_true_random=False),
    st.sampled_from([None, *THRESHOLDS]),
    st.sampled_from([None, *THRESHOLDS]),
)
def test_mask_nms_equals_a_loop_over_pixels(masks, random, iou_threshold, containment_threshold):
    scores = [random.randint(0, 4) for _ in masks]
    kept = mask_nms(encode_all(masks), scores, iou_threshold=iou_threshold, containment_threshold=containment_threshold)
    assert kept.dtype == np.int64
    assert kept.tolist() == mask_nms_by_the_book(masks, scores, iou_threshold, containment_threshold)


def test_mask_nms_of_nothing_and_of_empty_masks():
    assert mask_nms([], []).tolist() == []
    empty = encode_mask(NAMED["empty"])
    assert mask_nms([empty, empty], [1, 1], iou_threshold=None).tolist() == []


def test_masks_tell_what_boxes_cannot():
    whole = np.zeros((20, 20), bool)
    whole[:8, :8] = True
    with_speck = whole.copy()
    with_speck[19, 19] = True
    assert mask_nms(encode_all([whole, with_speck]), [0.9, 0.8]).tolist() == [0]
    upper = np.triu(np.ones((20, 20), bool))
    assert mask_nms(encode_all([upper, ~upper]), [0.9, 0.8]).tolist() == [0, 1]


def test_containment_drops_parts_only_when_asked_for():
    rles = encode_all([image("####", "####"), image("#...", "#...")])
    assert mask_nms(rles, [0.9, 0.8]).tolist() == [0, 1]
    assert mask_nms(rles, [0.9, 0.8], containment_threshold=0.9).tolist() == [0]
    assert mask_nms(rles, [0.8, 0.9], containment_threshold=0.9).tolist() == [1]


def test_mask_nms_refuses():
    full = encode_mask(NAMED["full"])
    with pytest.raises(SettingsError, match="need as many scores"):
        mask_nms([full], [])
    with pytest.raises(SettingsError, match="within one image"):
        mask_nms([full, encode_mask(NAMED["one pixel image"])], [1, 1])
    with pytest.raises(SettingsError, match="IoU threshold must lie between 0 and 1, not -1"):
        mask_nms([full], [1], iou_threshold=-1)
    with pytest.raises(SettingsError, match="containment threshold must lie between 0 and 1, not 2"):
        mask_nms([full], [1], containment_threshold=2)


def test_one_box_at_a_time_gives_what_all_at_once_give():
    generator = np.random.default_rng(5)
    for threshold in (0.0, 0.3, 0.7, 1.0):
        corners = generator.integers(0, 60, (200, 2, 2)).astype(np.float32)
        boxes = np.sort(corners, axis=1).reshape(-1, 4)
        nms, kept = GreedyBoxNms(threshold), []
        for index, box in enumerate(boxes):
            if not nms.suppresses(box):
                nms.keep(box)
                kept.append(index)
        assert kept == box_nms(boxes, -np.arange(200.0), threshold).tolist()


def test_bounds_are_sure_only_if_every_box_between_them_is_suppressed():
    nms = GreedyBoxNms(0.5)
    nms.keep(np.array([0, 0, 10, 10], np.float32))
    generator = np.random.default_rng(6)
    sure = 0
    for _ in range(500):
        inner = np.concatenate([generator.integers(-2, 5, 2), generator.integers(6, 13, 2)])
        outer = inner + np.concatenate([-generator.integers(0, 3, 2), generator.integers(0, 3, 2)])
        between = [
            [x0, y0, x1, y1]
            for x0 in range(outer[0], inner[0] + 1)
            for y0 in range(outer[1], inner[1] + 1)
            for x1 in range(inner[2], outer[2] + 1)
            for y1 in range(inner[3], outer[3] + 1)
        ]
        if nms.surely_suppresses(inner.astype(np.float32), outer.astype(np.float32)):
            assert all(nms.suppresses(np.array(box, np.float32)) for box in between)
            sure += 1
    assert 20 < sure < 450
