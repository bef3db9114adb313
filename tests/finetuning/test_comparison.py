"""Before and after at full resolution: the same prompts, the user's masks, every object."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from samara.datasets.ground_truth import Instance
from samara.errors import DatasetError
from samara.finetuning import comparison
from samara.finetuning.comparison import compare_before_and_after
from samara.masks.rle import encode_mask
from samara.segmentation.predictor import Predictor
from tests.finetuning.conftest import draw, make_tiny


@pytest.fixture
def changed(tiny):
    """The same image encoder under another decoder."""
    network = make_tiny().network
    with torch.no_grad():
        network.mask_decoder.mask_tokens.weight.mul_(-1)
    return dataclasses.replace(tiny, network=network)


def test_masks_are_those_that_a_user_gets(tiny, changed, images):
    told = []
    compared = compare_before_and_after(tiny, changed, images[:2], lambda *numbers: told.append(numbers))
    assert told == [("comparing before and after", done, 2) for done in (1, 2)]
    assert [example.name for example in compared.images] == ["0.png", "1.png"]
    assert len(compared.objects) == 4
    one, image = compared.images[1].objects[1], images[1]
    assert one.truth == image.instances[1].rle
    truth = one.truth.decode()
    for loaded, when in ((tiny, "before"), (changed, "after")):
        predictor = Predictor(loaded)
        embedding = predictor.embed(image.path)
        expected = {
            "click": predictor.predict(embedding, points=one.click.prompt.points_xy).best(),
            "box": predictor.predict(embedding, boxes=one.truth.box_xyxy, multimask=False),
        }
        for kind, masks in expected.items():
            answers = getattr(one, kind)
            mask = masks.mask(0)
            assert getattr(answers, when) == masks.rles[0]
            iou = (mask & truth).sum() / max(1, (mask | truth).sum())
            assert getattr(answers, f"iou_{when}") == pytest.approx(iou)
    assert compared.score("box").before != compared.score("box").after


def test_the_click_is_a_pixel_in_the_middle(tiny, tmp_path):
    image = draw(0, tmp_path, objects=1)
    mask = np.zeros(image.size_hw, dtype=bool)
    mask[40:71, 90:121] = True
    image = dataclasses.replace(image, instances=(Instance(encode_mask(mask), None),))
    one = compare_before_and_after(tiny, tiny, [image]).objects[0]
    assert one.click.prompt.points_xy.tolist() == [[105, 55]]
    assert one.box.prompt.box_xyxy.tolist() == [90, 40, 121, 71]
    assert one.change == 0


def test_a_common_encoder_runs_once(tiny, changed, images, monkeypatch):
    runs = []
    embed = Predictor.embed
    monkeypatch.setattr(Predictor, "embed", lambda self, image: runs.append(self) or embed(self, image))
    compare_before_and_after(tiny, changed, images[:1])
    assert len(runs) == 1
    with torch.no_grad():
        changed.network.image_encoder.patch_embed.proj.weight.mul_(1.01)
    compare_before_and_after(tiny, dataclasses.replace(changed), images[:1])
    assert len(runs) == 3


def test_many_objects_go_through_in_parts(tiny, images, monkeypatch):
    whole = compare_before_and_after(tiny, tiny, images[:1])
    monkeypatch.setattr(comparison, "OBJECTS_AT_A_TIME", 1)
    parts = compare_before_and_after(tiny, tiny, images[:1])
    for a, b in zip(whole.objects, parts.objects, strict=True):
        assert a.click.iou_after == pytest.approx(b.click.iou_after, abs=1e-3)


def test_crowds_and_nothing_are_no_objects(tiny, images):
    size = images[0].size_hw
    crowd = dataclasses.replace(images[0].instances[0], is_crowd=True)
    nothing = Instance(encode_mask(np.zeros(size, dtype=bool)), None)
    odd = dataclasses.replace(images[0], instances=(crowd, nothing))
    assert len(compare_before_and_after(tiny, tiny, [odd, images[1]]).images) == 1
    with pytest.raises(DatasetError, match="nothing to compare"):
        compare_before_and_after(tiny, tiny, [odd])


def test_an_image_of_another_size_is_refused(tiny, images):
    with pytest.raises(DatasetError, match="its ground truth"):
        compare_before_and_after(tiny, tiny, [dataclasses.replace(images[0], size_hw=(96, 96))])
