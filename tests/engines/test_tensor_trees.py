"""Trees of tensors: taken apart, put together, described."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from samara.engines.tensor_trees import description_of, tensors_of, with_tensors


@dataclass(frozen=True)
class Leaf:
    value: Tensor
    name: str
    absent: Tensor | None = None


@dataclass(frozen=True)
class Branch:
    leaves: tuple[Leaf, ...]
    size: tuple[int, int]
    own: Tensor


def tree(fill=0.0):
    leaves = tuple(Leaf(torch.full((count, 2), fill), str(count)) for count in (1, 2))
    return Branch(leaves, (3, 4), torch.full((5,), fill))


def test_tensors_come_out_and_go_in_in_one_order():
    given = tree()
    assert [one.shape for one in tensors_of(given)] == [(1, 2), (2, 2), (5,)]
    others = [one + 7 for one in tensors_of(given)]
    made = with_tensors(given, iter(others))
    assert all(one is other for one, other in zip(tensors_of(made), others, strict=True))
    assert (made.size, made.leaves[1].name, made.leaves[0].absent) == ((3, 4), "2", None)
    assert not given.own.any()


def test_only_values_in_tensors_are_left_out_of_the_description():
    assert description_of(tree(1.0)) == description_of(tree(2.0))
    assert hash(description_of(tree())) == hash(description_of(tree()))
    one = tree()
    others = (
        Branch(one.leaves, (3, 5), one.own),
        Branch(one.leaves, (3, 4), one.own.half()),
        Branch(one.leaves, (3, 4), one.own[:4]),
        Branch(one.leaves[:1], (3, 4), one.own),
    )
    assert len({description_of(other) for other in (one, *others)}) == 5
