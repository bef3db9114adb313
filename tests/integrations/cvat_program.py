"""Run where CVAT's SDK is installed: its types accept what the functions return, and its decoder reads the masks."""

import sys
from types import SimpleNamespace

import attrs
import numpy as np
import PIL.Image
from cvat_sdk import auto_annotation as cvataa
from cvat_sdk.masks import decode_mask

import samara
from samara.integrations import cvat

LOADED = samara.load("samara_mini", device="cpu", precision="float32", input_size=256)
IMAGE = PIL.Image.open(sys.argv[1]).convert("RGB")
WIDTH, HEIGHT = IMAGE.size


def decoded(points):
    return decode_mask(points, image_width=WIDTH, image_height=HEIGHT)


def check_detection():
    function = cvat.create(checkpoint=LOADED, label="thing")
    assert isinstance(function.spec, cvataa.DetectionFunctionSpec)
    assert [label.name for label in function.spec.labels] == ["thing"]
    context = SimpleNamespace(frame_name="a.jpg", conf_threshold=None, conv_mask_to_poly=False)
    shapes = function.detect(context, IMAGE)
    masks = samara.AutomaticMaskGenerator(LOADED).generate(IMAGE)
    assert len(shapes) == len(masks) > 0
    for shape, rle in zip(shapes, masks.rles, strict=True):
        assert (str(shape.type), shape.frame, shape.label_id) == ("mask", 0, 0)
        assert not hasattr(shape, "id")
        assert not hasattr(shape, "source")
        np.testing.assert_array_equal(decoded(shape.points), rle.decode())
    polygons = function.detect(SimpleNamespace(conf_threshold=None, conv_mask_to_poly=True), IMAGE)
    assert {str(shape.type) for shape in polygons} == {"polygon"}
    assert all(len(shape.points) >= 6 for shape in polygons)
    assert function.detect(SimpleNamespace(conf_threshold=1.0, conv_mask_to_poly=False), IMAGE) == []


def check_interaction():
    function = cvat.create(mode="interaction", checkpoint=LOADED)
    spec = attrs.asdict(function.spec)
    assert spec == {"min_pos_points": 0, "min_neg_points": 0, "min_bounding_boxes": 0}
    seen = function.preprocess_image(SimpleNamespace(), IMAGE)
    predictor = samara.Predictor(LOADED)
    for inside, outside, box in (
        ([(400.0, 300.0)], [], None),
        ([(400.0, 300.0)], [(10.0, 10.0)], ((100.0, 100.0), (700.0, 500.0))),
        ([], [], ((100.0, 100.0), (700.0, 500.0))),
    ):
        prompts = SimpleNamespace(pos_points=inside, neg_points=outside, bounding_box=box)
        (shape,) = function.detect(SimpleNamespace(), seen, prompts)
        assert isinstance(shape, cvataa.InteractionResultShape)
        prompt = cvat.prompt_of(inside, outside, box)
        expected = predictor.predict_prompts(seen, [prompt], multimask=prompt.is_ambiguous).best()
        np.testing.assert_array_equal(decoded(shape.points), expected.mask(0))
        (confidence,) = shape.attributes
        assert float(confidence.value) == round(float(expected.predicted_iou[0]), 4)


check_detection()
check_interaction()
sys.stdout.write("all checked\n")
