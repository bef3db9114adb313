"""Files that are added are identified, and load by their names."""

import shutil

import pytest
import torch

import samara
from samara.checkpoints.add import add_checkpoint
from samara.checkpoints.catalogue import find
from samara.checkpoints.store.store import CheckpointStore
from samara.errors import UnknownCheckpoint, UnrecognisedCheckpoint


@pytest.fixture(autouse=True)
def _store(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "store"))


def test_an_added_file_loads_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.safetensors"
    shutil.copy(CheckpointStore().path(find("samara_mini")), file)
    with pytest.raises(UnknownCheckpoint):
        samara.load("my_cells")
    added = add_checkpoint(file, "my_cells")
    assert "MobileSAM" in added.description
    loaded, usual = samara.load("My_Cells"), samara.load("samara_mini")
    for name, tensor in usual.network.state_dict().items():
        assert torch.equal(tensor, loaded.network.state_dict()[name])
    assert add_checkpoint(file).name == "mine"


def test_what_is_no_checkpoint_is_not_added(tmp_path):
    (tmp_path / "page.pth").write_text("<html>")
    with pytest.raises(UnrecognisedCheckpoint):
        add_checkpoint(tmp_path / "page.pth")
    assert not (tmp_path / "store").exists()
