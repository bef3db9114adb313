"""Exports: proven before they appear, described by their manifest, usable without samara."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from samara.engines.exporting import export as exporting
from samara.engines.exporting.export import export_checkpoint
from samara.engines.exporting.formats import FORMATS
from samara.engines.exporting.interfaces import interface_named
from samara.engines.exporting.manifest import MANIFEST, manifest_of
from samara.engines.graphs import Graph, encoder_graph_of, prompted_decoder_graph_of
from samara.errors import ExportError, MissingExtra, OutputError, SettingsError
from samara.networks.official_graphs import OfficialSwitches
from samara.networks.presets import with_preset
from tests.engines.conftest import SMALL, small

SIZE = 64


@pytest.fixture(scope="module")
def loaded():
    """Of TinyViT, early features, an HQ token: what breaks first when exporters change."""
    return small("hq_vit_t", SIZE)


def as_tuple(value):
    return tuple(t.detach() for t in (value if isinstance(value, tuple) else (value,)))


def by_torch(graph):
    """What a runtime gives for a graph: PyTorch's own result."""
    return lambda *arrays: [t.numpy() for t in as_tuple(graph.module(*map(torch.from_numpy, arrays)))]


@pytest.fixture(scope="module", params=["encoder", pytest.param("both", marks=pytest.mark.slow)])
def exported(request, loaded, tmp_path_factory):
    """One real export, in the format that is quickest to make; the decoder is real in slow tests."""
    whole, decoder = FORMATS["openvino"], prompted_decoder_graph_of(loaded)

    def write(checkpoint, graph, precision, path):
        if graph.name == "image_encoder":
            whole.write(checkpoint, graph, precision, path)
        else:
            for one in (path, path.with_suffix(".bin")):
                one.write_text(graph.name)

    def run_of(path):
        return whole.open(path) if path.stem == "image_encoder" else by_torch(decoder)

    with pytest.MonkeyPatch.context() as patch:
        if request.param == "encoder":
            patch.setitem(exporting.FORMATS, "openvino", dataclasses.replace(whole, write=write, open=run_of))
        return export_checkpoint(loaded, "openvino", tmp_path_factory.mktemp("export") / "one")


def test_files_and_manifest(exported, loaded):
    assert set(exported.files) == {
        MANIFEST, "image_encoder.xml", "image_encoder.bin", "mask_decoder.xml", "mask_decoder.bin"
    }  # fmt: skip
    assert max(exported.relative_error.values()) < 1e-4
    manifest = json.loads((exported.folder / MANIFEST).read_text())
    assert manifest["checkpoint"]["variant"] == "hq_vit_t"
    assert manifest["preprocessing"]["input_size"] == SIZE
    assert manifest["preprocessing"]["mean"] == list(loaded.variant.preprocessing.mean)
    decoder = manifest["graphs"]["mask_decoder"]
    assert decoder["inputs"][1] == {"name": "point_coords", "shape": ["prompts", "points", 2], "type": "float32"}
    assert decoder["outputs"] == ["iou_predictions", "low_res_masks"]


@pytest.mark.parametrize("name", ["vit_b", "hq_vit_b"])
@pytest.mark.parametrize("with_mask", [0.0, 1.0])
def test_the_prompted_decoder_is_the_network(name, with_mask):
    network_of = small(name, SIZE)
    graph = prompted_decoder_graph_of(network_of)
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(*graph.inputs[0].example.shape, generator=generator)
    points, labels = torch.rand(3, 2, 2, generator=generator) * SIZE, torch.tensor([[1.0, -1.0]] * 3)
    mask = torch.randn(1, 1, SIZE // 4, SIZE // 4, generator=generator)
    network, grid = network_of.network, (SIZE // 16, SIZE // 16)
    with torch.inference_mode():
        iou, masks = graph.module(features, points, labels, mask, torch.tensor([with_mask]))
        sparse, dense = network.prompt_encoder(
            (points[:, :1], labels[:, :1]),
            None,
            mask.expand(3, -1, -1, -1) if with_mask else None,
            input_size_hw=(SIZE, SIZE),
            grid_hw=grid,
        )
        look = network.mask_decoder.look(features, network.prompt_encoder.get_dense_pe(grid), sparse, dense)
        expected = network.mask_decoder.draw(look, slice(None))
    torch.testing.assert_close(iou, look.predicted_iou, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(masks, expected, rtol=1e-4, atol=1e-5)


def test_an_export_that_disagrees_is_not_written(loaded, tmp_path, monkeypatch):
    def wrong(checkpoint, graph, precision, path):
        path.write_text("graph")

    broken = dataclasses.replace(
        FORMATS["openvino"], write=wrong, open=lambda path: lambda *arrays: [np.ones((1, 416, 4, 4), np.float32)]
    )
    monkeypatch.setitem(exporting.FORMATS, "openvino", broken)
    with pytest.raises(ExportError, match="the exported image_encoder differs from PyTorch by"):
        export_checkpoint(loaded, "openvino", tmp_path / "one")
    assert list(tmp_path.iterdir()) == []


class TwoMasks(torch.nn.Module):
    """A graph with two masks of 8 pixels each."""

    def forward(self, _):
        return torch.tensor([[1.0] * 8 + [-1.0] * 8, [-1.0] * 8 + [1.0] * 8]).reshape(1, 2, 4, 4)


def test_a_mask_below_the_limit_of_doctor_stops_an_export():
    """The error of all logits together may be small where one small mask is another."""
    graph = Graph("mask_decoder", TwoMasks(), (), ("low_res_masks",))
    given = (torch.zeros(1),)

    def run(flipped):
        answer = TwoMasks()(None)
        answer.view(-1)[:flipped] = -1e-6
        return lambda *_: [answer.numpy()]

    with pytest.raises(
        ExportError, match=r"a mask of the exported mask_decoder has IoU 0.88 with PyTorch's, below 0.9"
    ):
        exporting._verified(graph, run(1), given, "int8")
    assert exporting._verified(graph, run(0), given, "int8") == 0


def test_what_is_there_is_kept(loaded, exported, tmp_path, monkeypatch):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(OutputError, match="is not an export of samara"):
        export_checkpoint(loaded, "openvino", tmp_path, overwrite=True)
    with pytest.raises(OutputError, match="already contains an export"):
        export_checkpoint(loaded, "openvino", exported.folder)
    assert (tmp_path / "mine").read_text() == "precious"


def test_overwriting_on_purpose(loaded, tmp_path, monkeypatch):
    def write(checkpoint, graph, precision, path):
        path.write_text(graph.name)

    def run_of(path):
        return by_torch(next(one for one in graphs if one.name == path.read_text()))

    graphs = (encoder_graph_of(loaded), prompted_decoder_graph_of(loaded))
    monkeypatch.setitem(
        exporting.FORMATS, "openvino", dataclasses.replace(FORMATS["openvino"], write=write, open=run_of)
    )
    out = tmp_path / "one"
    export_checkpoint(loaded, "openvino", out)
    (out / "image_encoder.xml").write_text("old")
    export_checkpoint(loaded, "openvino", out, overwrite=True)
    assert (out / "image_encoder.xml").read_text() == "image_encoder"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize(
    ("form", "precision", "message"),
    [
        ("coreml", "float32", "no format 'coreml'; use onnx or openvino"),
        ("onnx", "int8", "onnx supports float32, not int8"),
        ("openvino", "bfloat16", "supports float32, float16, int8"),
    ],
)
def test_what_is_not_there_is_one_sentence(loaded, tmp_path, form, precision, message):
    with pytest.raises(SettingsError, match=message):
        export_checkpoint(loaded, form, tmp_path / "one", precision=precision)


def test_a_missing_library_says_what_to_install(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "is_installed", lambda library: False)
    with pytest.raises(MissingExtra, match=r"pip install 'samara\[onnx\]'"):
        export_checkpoint(loaded, "onnx", tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALL))
@pytest.mark.parametrize(("form", "precision"), [("onnx", "float32"), ("openvino", "float32"), ("openvino", "float16")])
def test_every_kind_in_every_format(name, form, precision, tmp_path):
    done = export_checkpoint(small(name, 224), form, tmp_path / "one", precision=precision)
    assert max(done.relative_error.values()) < (1e-4 if precision == "float32" else 2e-2)


def test_the_manifest_says_how_images_are_prepared():
    loaded = small("lite_medsam", 64)
    loaded = dataclasses.replace(loaded, variant=with_preset(loaded.variant, "medsam"))
    interface = interface_named("samara", OfficialSwitches())
    said = manifest_of(loaded, FORMATS["openvino"], "float32", interface, (), {})["preprocessing"]
    assert (said["preset"], said["fit"], said["input_size"], said["frame_size"]) == ("medsam", "squash", 16, 16)
    assert said["resize"].startswith("both sides to input_size, cubic splines")
    assert "the smallest number of all channels becomes 0" in said["scale"]
