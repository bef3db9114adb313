"""Files as Ultralytics writes them, with something in them that runs when PyTorch reads them as it used to."""

from __future__ import annotations

import os
import socket
import sys

import pytest
import torch

import samara
from samara.errors import UnsafeCheckpoint
from tests.checkpoints.files import shapes_of, write_ultralytics_style

MODULE = "made_for_the_test_of_hostile_files"


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A file that must not appear, a module that must not be imported, a server nobody must connect to."""
    marker = tmp_path / "marker"
    (tmp_path / f"{MODULE}.py").write_text(f"open({str(marker)!r}, 'w').close()")
    monkeypatch.syspath_prepend(tmp_path)
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)
    yield marker, server
    server.close()
    sys.modules.pop(MODULE, None)


def attacks(marker, server):
    return {
        "system": Call(os.system, f"touch {marker}"),
        "exec": Call(exec, f"open({str(marker)!r}, 'w')"),
        "import": Call(__import__, MODULE),
        "import_module": Call(__import__("importlib").import_module, MODULE),
        "socket": Call(socket.create_connection, server.getsockname()),
        "torch_load": Call(torch.load, str(marker)),
        "open": Call(open, str(marker), "w"),
    }


ATTACKS = ["system", "exec", "import", "import_module", "socket", "torch_load", "open"]


def connected(server):
    try:
        server.accept()[0].close()
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", ["beside", "names", "label", "wrapper"])
def test_nothing_of_a_hostile_file_runs(trap, tmp_path, attack, place):
    marker, server = trap
    call = attacks(marker, server)[attack]
    path = tmp_path / "FastSAM-s.pt"
    where = {
        "beside": {"train_args": call},
        "names": {"names": call},
        "label": {"names": {0: call}},
        "wrapper": {"ema": call},
    }[place]
    write_ultralytics_style(path, {"model.0.conv.weight": (1,)}, **where)
    for read in (samara.load, samara.identify):
        with pytest.raises(UnsafeCheckpoint, match="would call .* when loaded; nothing was run"):
            read(path)
    assert not marker.exists()
    assert MODULE not in sys.modules
    assert not connected(server)


@pytest.mark.parametrize("attack", ["system", "import", "socket"])
def test_the_attacks_are_real(trap, tmp_path, attack):
    marker, server = trap
    path = tmp_path / "x.pt"
    torch.save({"model": attacks(marker, server)[attack]}, path)
    value = torch.load(path, weights_only=False)
    assert marker.exists() or connected(server)
    if attack == "socket":
        value["model"].close()


def test_labels_that_are_no_plain_data_are_ignored(tmp_path):
    path = tmp_path / "x.pt"
    for names in ({(1, 2): "a"}, {0: ["a"]}, ["a"], {None: "a"}):
        write_ultralytics_style(path, shapes_of("yolo11n_seg"), names=names)
        assert "names" not in samara.identify(path).metadata
