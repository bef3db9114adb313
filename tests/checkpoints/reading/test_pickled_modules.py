"""Whole pickled modules: their tensors are found in their state, whatever their class, and nothing is built."""

from __future__ import annotations

import pytest
import torch

import samara
from samara.checkpoints.reading.pickle_values import InertObject, python3_name
from samara.checkpoints.reading.pickled_modules import module_tensors
from samara.checkpoints.reading.state_dicts import read_layout, read_state_dict
from samara.errors import UnsafeCheckpoint
from samara.segment_anything import sam_model_registry


class Restoring(torch.nn.Module):
    """A module of nobody's package, which would do something when it is restored."""

    def __init__(self):
        super().__init__()
        self.image_encoder = torch.nn.Linear(2, 2)
        self.image_encoder.register_buffer("passing", torch.ones(1), persistent=False)
        self.config = {"path": __file__}

    def __setstate__(self, state):
        raise AssertionError("nothing is restored")


@pytest.mark.parametrize("wrap", [lambda one: one, torch.nn.DataParallel, lambda one: {"net": one, "epoch": 1}])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_module_of_any_class(tmp_path, wrap, legacy):
    module = Restoring()
    path = tmp_path / "x.pth"
    torch.save(wrap(module), path, _use_new_zipfile_serialization=not legacy)
    found = read_state_dict(path)
    assert found.keys() == module.state_dict().keys()
    assert all(found[name].equal(value) for name, value in module.state_dict().items())
    assert read_layout(path).pickled_module


@pytest.mark.parametrize("wrap", [lambda one: one, torch.nn.DataParallel])
def test_our_own_drop_in_saved_whole(tmp_path, wrap):
    sam = sam_model_registry["samara_mini"]()
    torch.save(wrap(sam), tmp_path / "sam.pth")
    loaded = samara.load(tmp_path / "sam.pth", device="cpu", precision="float32", input_size=512)
    found = loaded.network.state_dict()
    assert all(found[name].equal(value) for name, value in sam.state_dict().items())


def test_an_object_with_the_state_of_no_module_is_refused(tmp_path):
    class_name = python3_name("anybody", "Thing")
    assert list(module_tensors(InertObject(class_name, (), {"_modules": {}, "_parameters": [1]}))) == []
    (tmp_path / "x.pth").write_bytes(b"\x80\x02canybody\nThing\n)\x81}X\x08\x00\x00\x00_modulesK\x01sb.")
    with pytest.raises(UnsafeCheckpoint, match=r"anybody\.Thing"):
        read_layout(tmp_path / "x.pth")
