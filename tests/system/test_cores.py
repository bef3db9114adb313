"""Pieces of work on cores of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
import torch

from samara.system.cores import map_on_cores, one_ahead


@pytest.fixture(params=[1, 3])
def cores(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("pieces", [0, 1, 20])
def test_results_come_in_order_and_the_threads_are_given_back(cores, pieces):
    assert map_on_cores(lambda piece: piece * piece, iter(range(pieces))) == [piece * piece for piece in range(pieces)]
    assert torch.get_num_threads() == cores


def test_every_piece_has_one_thread_of_several(cores):
    if cores == 1:
        assert set(map_on_cores(lambda _: threading.get_ident(), range(5))) == {threading.get_ident()}
        return
    barrier = threading.Barrier(cores, timeout=30)

    def wait_for_the_others(_):
        barrier.wait()  # passes only when as many pieces are under way
        return torch.get_num_threads()

    assert map_on_cores(wait_for_the_others, range(cores)) == [1] * cores


def test_an_error_reaches_the_caller(cores):
    def fail(piece):
        if piece == 3:
            raise ValueError("piece 3")

    with pytest.raises(ValueError, match="piece 3"):
        map_on_cores(fail, range(5))
    assert torch.get_num_threads() == cores


FORK = """
import multiprocessing, os, sys
import numpy, torch
torch.set_num_threads(2)
import samara
from samara.masks.regions import clean
from samara.masks.rle import encode_mask

loaded = samara.load("samara_mini", device="cpu", precision="float32", input_size=64)
image = numpy.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=numpy.uint8)
settings = samara.AutomaticSettings(points_per_side=2, pred_iou_thresh=0, stability_score_thresh=0)

def use(_=0):
    clean(encode_mask(image[..., 0] > 100), 50)  # OpenCV's connected components
    return len(samara.AutomaticMaskGenerator(loaded, settings).generate(image))

found = use()
assert torch.get_num_threads() == 2
with multiprocessing.get_context("fork").Pool(2) as pool:  # as a DataLoader has its workers
    assert pool.map(use, range(2)) == [found, found]
child = os.fork()
if not child:
    os._exit(0 if use() == found and torch.get_num_threads() == 1 else 1)
assert os.waitpid(child, 0)[1] == 0
assert use() == found and torch.get_num_threads() == 2, "the parent keeps its threads"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_after_use_computes():
    """Without care its first operation on several threads waits for ever."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK], timeout=120, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


IMPORT_ONLY = """
import os, torch
import samara, samara.checkpoints.load, samara.engines.torch_engine, samara.engines.loaded
torch.set_num_threads(2)
child = os.fork()
if not child:
    os._exit(torch.get_num_threads())
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_who_only_imports_has_the_forks_he_had():
    subprocess.run([sys.executable, "-W", "ignore", "-c", IMPORT_ONLY], timeout=120, check=True)


def test_the_next_piece_is_computed_while_the_last_result_is_used():
    started = [threading.Event() for _ in range(3)]

    def compute(piece):
        started[piece].set()
        return piece * piece

    results = one_ahead(compute, range(3))
    assert next(results) == 0
    assert started[1].wait(30)  # although nobody has asked for it
    assert list(results) == [1, 4]
    assert list(one_ahead(compute, [])) == []


def test_an_error_ahead_is_raised_in_its_turn_and_closing_ends_the_thread():
    before = threading.active_count()
    results = one_ahead(lambda piece: 1 // piece, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
    endless = one_ahead(abs, iter(int, 1))
    next(endless)
    endless.close()
    assert threading.active_count() == before
