"""Files of detectors: pickled modules as Ultralytics writes them, of COCO and of classes of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import samara
from samara.checkpoints.identification.identify import identify
from samara.errors import SettingsError, WrongCheckpoint
from samara.networks.build import build_network
from samara.networks.class_names import COCO
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import write_ultralytics_style


def network_of(name, classes=None):
    torch.manual_seed(4)
    variant = VARIANTS[name]
    return build_network(variant.with_classes(classes) if classes else variant)


def write(path, network, **arguments):
    state = network.state_dict()
    return write_ultralytics_style(
        path, {key: tuple(value.shape) for key, value in state.items()}, values=state, **arguments
    )


def test_a_pickled_module_is_loaded_without_ultralytics(tmp_path):
    network = network_of("yolo11n_seg")
    path = write(tmp_path / "best.pt", network, names=dict(enumerate(COCO)), license="AGPL-3.0 License (somewhere)")
    loaded = samara.load(path, device="cpu", precision="float32")
    assert (loaded.name, loaded.variant.name, loaded.input_size) == ("best.pt", "yolo11n_seg", 640)
    assert (loaded.pred_iou_thresh, loaded.stability_score_thresh) == (0.25, 0.0)
    assert loaded.provenance.licence == "AGPL-3.0-only"
    assert loaded.variant is VARIANTS["yolo11n_seg"]
    assert not loaded.network.training
    images = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        for found, wanted in zip(loaded.network(images), network.eval()(images), strict=True):
            assert (found - wanted).norm() <= 0.01 * wanted.norm()  # the file is in half precision
    assert len(samara.open_segmenter(loaded).generate(torch.rand(3, 50, 70))) >= 0


def test_classes_of_ones_own(tmp_path):
    path = write(tmp_path / "nuts.pt", network_of("yolov8n_seg", ("nut", "bolt")), names={0: "nut", 1: "bolt\n\x1b[0m"})
    loaded = samara.load(path, device="cpu", precision="float32")
    assert loaded.variant.class_names == ("nut", "bolt  [0m")
    assert loaded.variant.title == "YOLOv8n-seg"
    assert loaded.network.model["22"].cv3[0][2].out_channels == 2
    assert loaded.provenance.licence is None
    settings = samara.InstanceSettings(confidence_thresh=0, max_instances=20)
    masks = samara.InstanceSegmenter(loaded, settings).generate(torch.rand(3, 90, 70))
    assert masks.class_names == loaded.variant.class_names


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({0: "nut"}, "2 classes but names for 1, numbered instead"),
        ({0: "nut", 1: 5}, "2 classes without usable names, numbered instead"),
        ({"a": "nut", "b": "bolt"}, "2 classes without usable names, numbered instead"),
        ({1: "nut", 2: "bolt"}, "2 classes without usable names, numbered instead"),
    ],
)
def test_classes_without_usable_names_are_numbered_and_told(tmp_path, names, told):
    path = write(tmp_path / "nuts.pt", network_of("yolov8n_seg", ("nut", "bolt")), names=names)
    with pytest.warns(UserWarning, match=f"^{path} has {told}; to have names, set one per class") as warned:
        assert samara.load(path, device="cpu").variant.class_names == ("class 0", "class 1")
    assert [Path(one.filename) for one in warned] == [Path(__file__)]
    assert f", {told}" in identify(path).description


def test_a_state_dict_of_coco_has_cocos_names(tmp_path):
    torch.save(network_of("yolo11n_seg").state_dict(), tmp_path / "x.pt")
    assert samara.load(tmp_path / "x.pt", device="cpu").variant.class_names == COCO


def test_fast_sam_from_a_file_keeps_its_thresholds(tmp_path):
    path = write(tmp_path / "mine.pt", network_of("fastsam_s"))
    loaded = samara.load(path, device="cpu", input_size=512)
    assert (loaded.variant.name, loaded.input_size, loaded.pred_iou_thresh) == ("fastsam_s", 512, 0.4)
    assert loaded.variant.class_names == ("object",)
    with pytest.raises(SettingsError, match="multiple of 32"):
        samara.load(path, input_size=48)


SMALL = [name for name, variant in VARIANTS.items() if variant.detector and variant.parameters < 15_000_000]


@pytest.mark.parametrize("name", SMALL)
def test_random_weights_of_small_detectors(name):
    row = name.replace("_seg", "-seg") if name.startswith("yolo") else name
    first, second = (samara.load(row, weights="random", seed=7, device="cpu", input_size=64) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert first.variant.name == name
    assert first.provenance.weights == "random"


def test_what_is_for_sam_is_refused(tmp_path):
    loaded = samara.load("fastsam_s", weights="random", device="cpu", input_size=64)
    for use in (samara.Predictor, samara.AutomaticMaskGenerator):
        with pytest.raises(WrongCheckpoint, match=r"finds all instances in one pass .*samara.InstanceSegmenter"):
            use(loaded)
    with pytest.raises(SettingsError, match="has no HQ token"):
        samara.load("fastsam_s", weights="random", hq_token_only=True)
    with pytest.raises(WrongCheckpoint, match="low-rank updates need a SAM image encoder"):
        samara.load("fastsam_s", weights="random", lora=tmp_path / "x.safetensors")
