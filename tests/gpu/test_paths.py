"""Every path of a user, on every kind of device in every precision, against the processor in float32.

pytest tests/gpu                  on this processor, with small inputs: part of the default run
pytest tests/gpu -m gpu           on a CUDA GPU
pytest tests/gpu -m mps           on an Apple GPU, where nobody has run them yet
"""

from __future__ import annotations

import dataclasses
import functools
import json

import numpy as np
import pytest
import torch

import samara
from samara.engines.instance_engine import open_instance_engine
from samara.engines.limits import LIMITS
from samara.finetuning.loop import fine_tune
from samara.images.encode import png_bytes
from samara.masks.overlap import mask_iou
from samara.measurement.benchmarking import measure as measuring
from samara.measurement.benchmarking import perform as performing
from samara.measurement.diagnosis import agreement
from samara.measurement.diagnosis import doctor as diagnosis
from samara.networks.hq_mask_decoder import DrawsHqMask
from samara.segment_anything import SamAutomaticMaskGenerator, SamPredictor
from samara.segment_anything.modeling.sam import Sam
from samara.segmentation.open import open_segmenter
from samara.segmentation.prompts import Prompt
from tests.annotation.conftest import write_images
from tests.engines.conftest import SMALL, small
from tests.finetuning.conftest import FEW_STEPS, draw, make_tiny
from tests.gpu.places import everywhere

FEW_POINTS = samara.AutomaticSettings(points_per_side=4)
CROPPED = samara.AutomaticSettings(points_per_side=4, crop_n_layers=1, crop_n_points_downscale_factor=2)


@pytest.fixture(scope="module")
def photo(dog):
    """A photo of 150 x 200 pixels."""
    return np.ascontiguousarray(samara.read_image(dog)[:300:2, :400:2])


@pytest.fixture(scope="module")
def expected_of(photo):
    """What a checkpoint answers on the processor, once for all places."""

    @functools.cache
    def answer(name, loaded):
        return PROMPTED[name](loaded, photo)

    return answer


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "cache"))


def assert_same_masks(found, expected, place):
    """Masks in the same order, as alike as rounding allows; of low-res logits, too."""
    limits = LIMITS[place.precision]
    assert len(found) == len(expected) > 0
    pairs = zip(found.rles, expected.rles, strict=True)
    ious = [one == other or mask_iou([one], [other])[0, 0] for one, other in pairs]
    assert min(ious) >= limits.worst_iou
    assert np.mean(ious) >= limits.mean_iou


def assert_near(found, expected, place):
    """Tensors or arrays that differ by rounding alone."""
    ours, theirs = (torch.as_tensor(one).float().cpu() for one in (found, expected))
    assert ours.isfinite().all()
    assert (ours - theirs).norm() <= LIMITS[place.precision].relative_error * theirs.norm()


def predicted(loaded, photo, **prompt):
    predictor = samara.Predictor(loaded)
    return predictor.predict(predictor.embed(photo), **prompt)


def predicted_from_a_mask(loaded, photo):
    """The second of two passes; the first is always the processor's."""
    first = torch.linspace(-8, 8, 32).repeat(32, 1).numpy()
    return predicted(loaded, photo, points=[[100, 75]], mask_logits=first, multimask=False)


TWO_BOXES = {"boxes": [[20, 15, 150, 125], [50, 50, 190, 140]], "multimask": False}
MANY = {"points": [[[x, y]] for x in (25, 75, 125, 175) for y in (25, 75, 125)]}
PROMPTED = {
    "a point": functools.partial(predicted, points=[[100, 75]]),
    "a point and background": functools.partial(
        predicted, points=[[100, 75], [195, 5]], labels=[1, 0], multimask=False
    ),
    "boxes": functools.partial(predicted, **TWO_BOXES),
    "many points": functools.partial(predicted, **MANY),
    "a mask": predicted_from_a_mask,
}


@everywhere("float32")
@pytest.mark.parametrize("asked", PROMPTED)
def test_prompts(small_mini, photo, expected_of, place, asked):
    assert_same_masks(PROMPTED[asked](place.of(small_mini), photo), expected_of(asked, small_mini), place)


@everywhere("float32", "bfloat16")
def test_several_images_at_once(small_mini, photo, place):
    images, prompts = [photo, photo[:, ::-1].copy()], [[Prompt([[100, 75]], [1])], [Prompt(box=[20, 15, 150, 125])]]

    def masks_of(loaded):
        predictor = samara.Predictor(loaded)
        return predictor.predict_batch(predictor.embed(images, batch_size=2), prompts, multimask=False)

    for found, expected in zip(masks_of(place.of(small_mini)), masks_of(small_mini), strict=True):
        assert_same_masks(found, expected, place)


def matched(found, expected):
    """Share of the masks of either side that have their like on the other at IoU 0.9."""
    ious = mask_iou(found.rles, expected.rles)
    return ((ious.max(0) >= 0.9).sum() + (ious.max(1) >= 0.9).sum()) / sum(ious.shape)


@everywhere("float32", "bfloat16")
def test_everything(bootstrap_128, photo, place):
    assert_alike(bootstrap_128, photo, place, FEW_POINTS)


@everywhere("float32")
def test_everything_with_crops(bootstrap_128, photo, place):
    assert_alike(bootstrap_128, photo, place, CROPPED)


def assert_alike(bootstrap_128, photo, place, settings):
    found, expected = (
        samara.AutomaticMaskGenerator(one, settings).generate(photo) for one in (place.of(bootstrap_128), bootstrap_128)
    )
    assert matched(found, expected) >= (1 if place.precision == "float32" else 0.75)


@everywhere("float32", "bfloat16")
def test_everything_may_be_nothing(small_mini, photo, place):
    """In 16 bits attention over no prompts gave None on CUDA."""
    none = dataclasses.replace(FEW_POINTS, pred_iou_thresh=1e9)
    assert len(samara.AutomaticMaskGenerator(place.of(small_mini), none).generate(photo)) == 0


@functools.cache
def small_network(name):
    return small(name, 96)


KINDS = ("vit_b", "hq_vit_b", "sam2.1_hiera_t", "efficientvit_sam_l0")


@everywhere("float32")
@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_networks(photo, place, name):
    """SAM, HQ-SAM, SAM 2.1 and EfficientViT-SAM, few blocks of each."""
    assert_same_logits(small_network(name), photo, place)


@everywhere("float32", marks_on_cpu=pytest.mark.slow)
@pytest.mark.parametrize("name", sorted(SMALL.keys() - set(KINDS)))
def test_other_kinds_of_networks(photo, place, name):
    assert_same_logits(small_network(name), photo, place)


def assert_same_logits(loaded, photo, place):
    ways = (False, True) if isinstance(loaded.sam.mask_decoder, DrawsHqMask) else (False,)
    for hq_token_only in ways:
        one = dataclasses.replace(loaded, hq_token_only=hq_token_only)
        found, expected = (predicted(there, photo, **TWO_BOXES) for there in (place.of(one), one))
        assert_near(found.low_res_logits, expected.low_res_logits, place)
        assert_near(found.predicted_iou, expected.predicted_iou, place)


@functools.cache
def detector(name):
    return samara.load(name, weights="random", device="cpu", precision="float32", input_size=64)


@everywhere("float32")
@pytest.mark.parametrize("name", ["fastsam_s", "yolo11n-seg"])
def test_detectors(photo, place, name):
    here, there = detector(name), place.of(detector(name))
    inputs = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found, expected = (open_instance_engine(one).find(inputs) for one in (there, here))
    for ours, theirs in zip(found, expected, strict=True):
        assert_near(ours, theirs, place)
    segmenter = open_segmenter(there, samara.InstanceSettings(max_instances=5))
    assert segmenter.generate(photo).size_hw == photo.shape[:2]


@everywhere("float32")
def test_segment_writes_files(place, dog, tmp_path, monkeypatch, small_inputs):
    settings = samara.AutomaticSettings(points_per_side=2, pred_iou_thresh=0, stability_score_thresh=0)
    samara.segment(
        dog, out=tmp_path / "out", settings=settings, device=place.device, precision=place.precision, overwrite=True
    )
    written = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert written["annotations"]


def annotate(folder, place, **how):
    write_images(folder / "images", 3)
    settings = samara.AnnotationSettings(
        automatic=samara.AutomaticSettings(points_per_side=2, pred_iou_thresh=0, stability_score_thresh=0)
    )
    how |= {"device": place.device, "precision": place.precision}
    return samara.annotate(folder / "images", out=folder / "out", settings=settings, **how)


@everywhere("float32")
def test_annotate(place, tmp_path, small_inputs):
    outcome = annotate(tmp_path, place)
    assert (outcome.total.images, outcome.total.quarantined) == (3, 0)
    assert outcome.total.masks > 0


@everywhere("float32", marks_on_cpu=pytest.mark.slow)
def test_annotate_with_two_workers(place, tmp_path):
    outcome = annotate(tmp_path, place, workers=2)
    assert (outcome.total.images, outcome.total.quarantined) == (3, 0)
    assert outcome.total.masks > 0


@everywhere("float32", marks_on_cpu=pytest.mark.slow, on_gpus=("float32",))  # an export has no precision of a device
def test_export_beside_a_network_on_the_device(small_mini, photo, expected_of, place, tmp_path):
    """An export is made on the processor, whatever is on the GPU, and leaves that alone."""
    pytest.importorskip("openvino")
    predictor = samara.Predictor(place.of(small_mini))
    embedding = predictor.embed(photo)
    exported = samara.export("samara_mini", out=tmp_path / "exported", format="openvino", input_size=128)
    assert max(exported.relative_error.values()) <= LIMITS["float32"].relative_error
    assert all((exported.folder / name).is_file() for name in exported.files)
    found = predictor.predict(embedding, points=[[100, 75]])
    assert_same_masks(found, expected_of("a point", small_mini), place)


@everywhere("float32")
def test_doctor_examines_the_device(small_mini, photo, place, tmp_path, monkeypatch):
    monkeypatch.setattr(agreement, "MANY", 8)
    monkeypatch.setattr(agreement, "DECODER_REPEATS", 2)
    (tmp_path / "photo.png").write_bytes(png_bytes(photo))
    monkeypatch.setattr(diagnosis, "ask", functools.partial(agreement.ask, photos=(tmp_path / "photo.png",)))
    torch_alone = dataclasses.replace(diagnosis.TORCH, precisions=("float32", place.precision))
    monkeypatch.setattr(diagnosis, "ENGINES", {"torch": torch_alone})
    found = samara.doctor(small_mini, device=place.device)
    examined = [check for check in found.checks if (check.device, check.precision) == (place.device, place.precision)]
    assert [check.agrees for check in examined[-1:]] == [True], examined
    assert found.is_healthy
    assert min(examined[-1].encoder_s, examined[-1].decoder_s) > 0


@everywhere("float32")
def test_compare_measures_the_device(small_mini, place, tmp_path, monkeypatch):
    """The jobs of a comparison; in this process, because starting one for each takes longer than the jobs."""
    there = place.of(small_mini)
    monkeypatch.setattr(measuring, "run_job", lambda job, **_: performing.perform(job, lambda *step: None))
    monkeypatch.setattr(performing, "_load", lambda job: dataclasses.replace(there, precision=job.subject.precision))
    write_images(tmp_path / "images", 2)
    settings = samara.BenchmarkSettings(
        groups=("speed", "memory"), batch_sizes=(1, 2), repeats=1, seconds=0.01, points_per_side=2
    )
    how = {"device": place.device, "precision": place.precision, "images": tmp_path / "images", "settings": settings}
    found = samara.compare(["samara_mini"], out=tmp_path / "out", **how)
    (one,) = found.comparison.contenders
    assert one.subject.device == place.device
    assert one.value("encode_seconds", batch_size=2) > 0
    assert one.value("everything_seconds") > 0
    device_memory = one.value("encode_device_peak_bytes", batch_size=2)
    assert (device_memory is None) == (place.device != "cuda")
    trains = place.precision != "float16"
    assert (one.value("finetune_resident_peak_bytes") is not None) == trains
    assert ("fine-tuning-memory" in [table.name for table in found.tables]) == trains


class Interrupted(Exception):
    """Stops a run of fine-tuning."""


@everywhere("float32")
def test_fine_tuning_resumes(place, tmp_path):
    assert_resumes(place, tmp_path, "decoder")


@everywhere("float32", marks_on_cpu=pytest.mark.slow)
@pytest.mark.parametrize("trained", ["lora", "everything"])
def test_fine_tuning_of_the_encoder_resumes(place, tmp_path, trained):
    assert_resumes(place, tmp_path, trained)


def assert_resumes(place, tmp_path, trained):
    if place.precision == "float16":
        pytest.skip("fine-tuning computes in float32 or bfloat16")
    images = [draw(seed, tmp_path) for seed in range(3)]
    settings = dataclasses.replace(FEW_STEPS, trained=trained, precision=place.precision)
    tiny = dataclasses.replace(place.of(make_tiny()), precision="float32")

    def run(name, on_epoch=None):
        return fine_tune(tiny, images[:2], images[2:], tmp_path / name, settings, on_epoch=on_epoch)

    def stop(record):
        if record.epoch == 1:
            raise Interrupted

    with pytest.raises(Interrupted):
        run("resumed.safetensors", stop)
    resumed, whole = run("resumed.safetensors"), run("whole.safetensors")
    assert [record.epoch for record in resumed.history] == [0, 1, 2]
    near = {"rel": 1e-3 if place.device == "cpu" else 0.1}  # a GPU adds in another order each time
    for ours, theirs in zip(resumed.history[1:], whole.history[1:], strict=True):
        assert ours.loss == pytest.approx(theirs.loss, **near)


TWO_POINTS = {
    "point_coords": np.array([[100, 75], [195, 5]]),
    "point_labels": np.array([1, 0]),
    "multimask_output": False,
}


def drop_in(loaded, place):
    """The drop-in as users of the official package put it into a precision, and the autocast around their calls."""
    network = Sam.from_loaded(dataclasses.replace(place.of(loaded), precision="float32"))
    if place.precision == "float16":
        network.half()
    return network, torch.autocast(place.device, dtype=torch.bfloat16, enabled=place.precision == "bfloat16")


@everywhere("float32", "bfloat16", "float16")
def test_the_drop_in_predicts(small_mini, photo, expected_of, place):
    """In float16 by `.half()`, in bfloat16 under autocast."""
    network, autocast = drop_in(small_mini, place)
    with autocast:
        predictor = SamPredictor(network)
        predictor.set_image(photo)
        masks, iou, low_res = predictor.predict(**TWO_POINTS)
    expected = expected_of("a point and background", small_mini)
    assert (masks.shape, masks.dtype) == ((1, *photo.shape[:2]), np.bool_)
    assert_near(low_res, expected.low_res_logits, place)
    assert_near(iou, expected.predicted_iou, place)


@everywhere("float32", "bfloat16", "float16")
def test_the_drop_in_generates(bootstrap_128, photo, place):
    network, autocast = drop_in(bootstrap_128, place)
    with autocast:
        found = SamAutomaticMaskGenerator(network, points_per_side=4, pred_iou_thresh=0.33).generate(photo)
    assert found
    assert {one["segmentation"].shape for one in found} == {photo.shape[:2]}
