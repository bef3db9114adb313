"""Several processes: the same curve as one, and files from the first alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from samara.finetuning.processes import Processes, joined_processes, local_device

# What each process runs: the tests' tiny network on the tests' images, told where to write.
SCRIPT = """
import dataclasses, json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from samara.finetuning.loop import fine_tune
from samara.finetuning.processes import joined_processes
from tests.finetuning.conftest import draw, make_tiny
from tests.finetuning.test_loop import QUICK, curve

folder, trained = Path(sys.argv[1]), sys.argv[2]
images = [draw(seed, folder / "images", objects=1 + seed % 3) for seed in range(5)]
settings = dataclasses.replace(QUICK, images_per_step=3, trained=trained)
with joined_processes("cpu") as processes:
    told = []
    result = fine_tune(make_tiny(), images[:3], images[3:], folder / "out.safetensors", settings,
                       progress=lambda *what: told.append(what), processes=processes)
    report = {"rank": processes.rank, "curve": curve(result), "told": len(told)}
    (folder / f"{processes.rank}-of-{processes.count}.json").write_text(json.dumps(report))
"""


def start(folder, trained, count):
    """Run the script under torchrun in `count` processes, or in one without it, and return what each reported."""
    (folder / "images").mkdir(parents=True)
    script = folder / "script.py"
    script.write_text(SCRIPT)
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"] if count > 1 else []
    # The code that is tested, not an installed one.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *torchrun, script, folder, trained], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}-of-{count}.json").read_text()) for rank in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("trained", ["everything", "decoder"])
def test_two_processes_give_the_curve_of_one(tmp_path, trained):
    [alone] = start(tmp_path / "one", trained, 1)
    first, second = start(tmp_path / "two", trained, 2)
    assert first["curve"] == second["curve"]
    assert first["told"] > 0
    assert second["told"] == 0
    for (epoch, loss, click, box), (other_epoch, other_loss, other_click, other_box) in zip(
        alone["curve"], first["curve"], strict=True
    ):
        assert epoch == other_epoch
        assert loss == (None if other_loss is None else pytest.approx(other_loss, rel=1e-3))
        assert click == pytest.approx(other_click, abs=0.02)
        assert box == pytest.approx(other_box, abs=0.02)
    assert (tmp_path / "two" / "out.safetensors").exists()


def test_alone_everything_falls_to_this_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_processes("cpu") as processes:
        assert processes == Processes()
    assert processes.share("abc") == ["a", "b", "c"]
    assert processes.add_up([1.5, 2.0], "cpu") == [1.5, 2.0]
    parameter = nn.Parameter(torch.ones(2))
    processes.add_up_gradients([parameter])
    assert parameter.grad is None
    processes.wait()


def test_shares_are_disjoint_and_whole():
    shares = [Processes(rank, 3).share(range(8)) for rank in range(3)]
    assert shares == [[0, 3, 6], [1, 4, 7], [2, 5]]


def test_a_gpu_for_each_process(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert local_device("auto") == local_device("cuda") == "cuda:1"
    assert local_device("cpu") == "cpu"
    assert local_device("cuda:0") == "cuda:0"
    monkeypatch.delenv("LOCAL_RANK")
    assert local_device("auto") == "auto"
