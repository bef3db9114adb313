"""Pieces of work on cores of their own."""

from __future__ import annotations

import threading

import pytest
import torch

from samara.cores import map_on_cores


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
