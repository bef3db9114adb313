"""FiftyOne gets the masks of the library, as the arguments of its detections."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import samara
from samara.errors import MissingExtra, PromptError
from samara.integrations import fiftyone
from samara.integrations.fiftyone import Answering, Asked, prompts_of
from samara.system.extras import is_installed


def whole(detection, size_hw):
    """The mask of a detection at the size of the image."""
    height, width = size_hw
    x, y, w, h = detection["bounding_box"]
    x0, y0 = round(x * width), round(y * height)
    mask = np.zeros(size_hw, bool)
    assert detection["mask"].shape == (round(h * height), round(w * width))
    mask[y0 : y0 + round(h * height), x0 : x0 + round(w * width)] = detection["mask"]
    return mask


def test_everything(small_mini, dog):
    settings = samara.AutomaticSettings(points_per_side=3)
    found = Answering(small_mini, settings).masks(dog, None)
    expected = samara.AutomaticMaskGenerator(small_mini, settings).generate(dog)
    assert len(found) == len(expected) > 0
    for index, detection in enumerate(found):
        np.testing.assert_array_equal(whole(detection, expected.size_hw), expected.mask(index))
        assert detection["label"] == "object"
        assert detection["confidence"] == expected.predicted_iou[index]


def test_boxes_and_points_of_a_field(small_mini, dog):
    pixels = samara.read_image(dog)
    height, width = pixels.shape[:2]
    boxes = SimpleNamespace(detections=[SimpleNamespace(label="dog", bounding_box=[0.25, 0.25, 0.5, 0.5])])
    points = SimpleNamespace(keypoints=[SimpleNamespace(label=None, points=[(0.5, 0.5), (np.nan, np.nan)])])
    predictor = samara.Predictor(small_mini)
    seen = predictor.embed(pixels)
    corners = [width / 4, height / 4, width * 3 / 4, height * 3 / 4]
    for field, label, masks in (
        (boxes, "dog", predictor.predict(seen, boxes=corners, multimask=False)),
        (points, "object", predictor.predict(seen, [[width / 2, height / 2]]).best()),
    ):
        (detection,) = Answering(small_mini, None).masks(pixels, prompts_of(field))
        np.testing.assert_array_equal(whole(detection, masks.size_hw), masks.mask(0))
        assert detection["label"] == label


def test_fields_without_prompts_are_refused():
    with pytest.raises(PromptError, match="Detections or Keypoints"):
        prompts_of(SimpleNamespace(polylines=[]))
    with pytest.raises(PromptError, match="empty"):
        Asked("x", points=[(np.nan, np.nan)]).prompt((3, 3))


@pytest.mark.skipif(is_installed("fiftyone"), reason="tells what happens without it")
def test_the_extra_is_named():
    with pytest.raises(MissingExtra, match=r"samara\[fiftyone\]"):
        fiftyone.load_model()


@pytest.mark.slow
@pytest.mark.skipif(not is_installed("fiftyone"), reason="needs fiftyone")
def test_fiftyone_applies_the_model(dog, small_mini):  # pragma: no cover - where it is installed
    import fiftyone as fifty

    dataset = fifty.Dataset()
    dataset.add_sample(fifty.Sample(filepath=str(dog)))
    dataset.apply_model(fiftyone.load_model(small_mini), label_field="masks")
    assert len(dataset.first().masks.detections) > 0
