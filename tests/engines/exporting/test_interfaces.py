"""The official interface, through ONNX Runtime, as official clients use it; what it is not is said."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import samara
from samara.checkpoints.load import load
from samara.engines.exporting.export import export_checkpoint
from samara.engines.exporting.interfaces import interface_named
from samara.errors import SettingsError, WrongCheckpoint
from samara.images.preprocessing import Frame, resize
from samara.masks.overlap import mask_iou
from samara.masks.rle import encode_mask
from samara.networks.official_graphs import OfficialSwitches
from samara.networks.variants import VARIANTS
from samara.segment_anything.modeling import Sam
from samara.segment_anything.utils.onnx import SamOnnxModel
from tests.engines.conftest import SMALL, small


def test_what_is_not_there_is_one_sentence(tmp_path):
    loaded = small("vit_t", 64)
    with pytest.raises(SettingsError, match="no interface 'modern'; use samara or official"):
        export_checkpoint(loaded, "onnx", tmp_path / "one", interface="modern")
    with pytest.raises(SettingsError, match='`return_single_mask` applies only to `interface="official"`'):
        export_checkpoint(loaded, "onnx", tmp_path / "one", switches=OfficialSwitches(return_single_mask=True))
    with pytest.raises(SettingsError, match="the official interface supports onnx, not openvino"):
        export_checkpoint(loaded, "openvino", tmp_path / "one", interface="official")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("interface", ["samara", "official"])
def test_a_detector_is_refused(tmp_path, interface):
    loaded = load("yolo11n-seg", weights="random", device="cpu", precision="float32")
    with pytest.raises(WrongCheckpoint, match="has no mask decoder; only promptable checkpoints"):
        export_checkpoint(loaded, "onnx", tmp_path / "one", interface=interface)


def test_what_the_manifest_says_of_masks():
    three, hq = small("vit_t", 64), small("hq_vit_t", 64)
    official = interface_named("official", OfficialSwitches(return_single_mask=True))
    assert official.masks(three) == ["single for several points, else best of three"]
    assert (official.input_size(three), official.frame_size(three)) == (1024, 1024)
    own = interface_named("samara", OfficialSwitches())
    assert own.masks(three) == ["single", "first", "second", "third"]
    assert own.masks(hq) == ["single", "best of three"]
    assert (own.input_size(three), own.frame_size(three)) == (64, 64)


class Client:
    """What samexporter and AnyLabeling do, in a few lines."""

    def __init__(self, folder):
        import onnxruntime

        self.encoder, self.decoder = (
            onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
            for name in ("image_encoder", "mask_decoder")
        )

    def ask(self, image, points, labels):
        frame = Frame(image.shape[:2], 1024)
        name = self.encoder.get_inputs()[0].name
        (embedding,) = self.encoder.run(None, {name: resize(image, frame).astype(np.float32)})
        return self.decoder.run(
            None,
            {
                "image_embeddings": embedding,
                "point_coords": frame.to_input(np.array(points, dtype=np.float32))[None],
                "point_labels": np.array([labels], dtype=np.float32),
                "mask_input": np.zeros((1, 1, 256, 256), np.float32),
                "has_mask_input": np.zeros(1, np.float32),
                "orig_im_size": np.array(image.shape[:2], dtype=np.float32),
            },
        )


PROMPTS = {"box": [[425, 600], [700, 875]], "click": [[500, 375], [0, 0]]}


def expected_masks(loaded, image):
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(image)
    box = predictor.predict(embedding, boxes=[np.array(PROMPTS["box"]).ravel()], multimask=False)
    click = predictor.predict(embedding, points=PROMPTS["click"][:1], multimask=False)
    return box.rles[0], click.rles[0]


@pytest.mark.slow
@pytest.mark.parametrize(("input_size", "least"), [(1024, 0.999), (512, 0.95)])
def test_a_real_image_through_onnxruntime(mini, truck, tmp_path, input_size, least):
    """At 512 pixels the image is made smaller twice, to the client's 1024 and to the network's own."""
    loaded = load("samara_mini", device="cpu", precision="float32", input_size=input_size)
    done = export_checkpoint(loaded, "onnx", tmp_path / "one", interface="official")
    assert max(done.relative_error.values()) < 1e-4
    client = Client(done.folder)
    shapes = {one.name: one.shape for one in client.decoder.get_inputs()}
    assert shapes["point_coords"] == [1, "num_points", 2]
    assert shapes["mask_input"] == [1, 1, 256, 256]
    assert [one.name for one in client.decoder.get_outputs()] == ["masks", "iou_predictions", "low_res_masks"]
    image = np.asarray(Image.open(truck).convert("RGB"))
    for image_of in (image, np.ascontiguousarray(image[:, 300:1200])):  # lying and upright
        for name, expected in zip(PROMPTS, expected_masks(loaded, image_of), strict=True):
            masks, _, low_res = client.ask(image_of, PROMPTS[name], [2, 3] if name == "box" else [1, -1])
            assert masks.shape == (1, 4, *image_of.shape[:2])
            assert low_res.shape == (1, 4, 256, 256)
            assert mask_iou([encode_mask(masks[0, 0] > 0)], [expected])[0, 0] > least
    manifest = json.loads((done.folder / "manifest.json").read_text())
    assert manifest["interface"]["name"] == "official"
    assert manifest["preprocessing"]["input_size"] == 1024


def test_what_squashes_images_has_no_official_interface(tmp_path):
    with pytest.raises(WrongCheckpoint, match="applies only to networks that pad images.*use the interface samara"):
        export_checkpoint(small("sam2.1_hiera_t", 64), "onnx", tmp_path / "one", interface="official")


def test_what_stretches_images_has_no_official_interface(tmp_path):
    with pytest.raises(WrongCheckpoint, match=r"LiteMedSAM.*stretches each to its own range; use the interface samara"):
        export_checkpoint(small("lite_medsam", 64), "onnx", tmp_path / "one", interface="official")


HAVE_IT = sorted(
    name for name in SMALL if (VARIANTS[name].preprocessing.fit, VARIANTS[name].preprocessing.scale) == ("pad", "fixed")
)


@pytest.mark.slow
@pytest.mark.parametrize("name", HAVE_IT)
def test_every_kind_with_every_switch(name, tmp_path):
    switches = OfficialSwitches(True, True, True, True)
    done = export_checkpoint(small(name, 64), "onnx", tmp_path / "one", interface="official", switches=switches)
    outputs = Client(done.folder).decoder.get_outputs()
    assert [one.name for one in outputs] == list(switches.outputs)


@pytest.mark.slow
def test_samexporters_own_client(mini, truck, tmp_path):
    """Where samexporter is installed: its client, unchanged, which gives a box a padding point that moves the edge."""
    sam_onnx = pytest.importorskip("samexporter.sam_onnx")
    cv2 = importlib.import_module("cv2")
    switches = OfficialSwitches(return_single_mask=True)
    loaded = load("samara_mini", device="cpu", precision="float32", input_size=1024)
    folder = export_checkpoint(loaded, "onnx", tmp_path / "one", interface="official", switches=switches).folder
    client = sam_onnx.SegmentAnythingONNX(str(folder / "image_encoder.onnx"), str(folder / "mask_decoder.onnx"))
    image = cv2.imread(str(truck))
    masks = client.predict_masks(client.encode(image), [{"type": "rectangle", "data": [425, 600, 700, 875]}])
    box, _ = expected_masks(loaded, np.ascontiguousarray(image[..., ::-1]))
    assert mask_iou([encode_mask(masks[0, 0] > 0)], [box])[0, 0] > 0.99


class OfficialSession:
    """What ONNX Runtime would be of an official export: the drop-in's modules under the names of its inputs."""

    def __init__(self, sam, part):
        self.sam, self.part = sam, part
        self.decoder = SamOnnxModel(sam, return_single_mask=True)

    def get_inputs(self):
        return [types.SimpleNamespace(name="input_image", type="tensor(float)")]

    @torch.inference_mode()
    def run(self, _, inputs):
        tensors = {name: torch.from_numpy(np.asarray(value)) for name, value in inputs.items()}
        if self.part == "mask_decoder":
            return [one.numpy() for one in self.decoder(**tensors)]
        image = tensors["input_image"].permute(2, 0, 1)[None]
        return [self.sam.image_encoder(self.sam.preprocess(image)).numpy()]


def anylabelings_client(monkeypatch):
    """Its module alone: the package around it opens windows."""
    spec = importlib.util.find_spec("anylabeling")
    if spec is None:
        pytest.skip("AnyLabeling is not installed")
    for name in ("anylabeling", "anylabeling.services", "anylabeling.services.auto_labeling"):
        package = types.ModuleType(name)
        package.__path__ = [str(Path(spec.origin).parent.parent / name.replace(".", "/"))]
        monkeypatch.setitem(sys.modules, name, package)
    return importlib.import_module("anylabeling.services.auto_labeling.sam_onnx")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["truck", "dog"])
def test_anylabelings_own_client(mini, name, tmp_path, monkeypatch, request):
    sam_onnx = anylabelings_client(monkeypatch)
    loaded = load("samara_mini", device="cpu", precision="float32", input_size=1024)
    switches = OfficialSwitches(return_single_mask=True)
    folder = export_checkpoint(loaded, "onnx", tmp_path / "one", interface="official", switches=switches).folder
    files = [str(folder / f"{part}.onnx") for part in ("image_encoder", "mask_decoder")]
    ours = sam_onnx.SegmentAnythingONNX(*files)
    sam = Sam.from_loaded(loaded)
    monkeypatch.setattr(sam_onnx, "create_inference_session", lambda path: OfficialSession(sam, Path(path).stem))
    official = sam_onnx.SegmentAnythingONNX(*files)
    image = np.asarray(Image.open(request.getfixturevalue(name)).convert("RGB"))
    h, w = image.shape[:2]
    box = {"type": "rectangle", "data": [w // 4, h // 2, 2 * w // 5, 3 * h // 4]}
    points = [{"type": "point", "data": [w // 2 + 9 * i, h // 2], "label": 1 - i} for i in range(2)]
    embeddings = ours.encode(image), official.encode(image)
    for prompt in ([box], points[:1], points, [box, points[0]]):
        found, expected = (
            encode_mask(client.predict_masks(embedding, prompt)[0, 0] > 0)
            for client, embedding in zip((ours, official), embeddings, strict=True)
        )
        assert expected.area > 100
        assert mask_iou([found], [expected])[0, 0] > 0.999
