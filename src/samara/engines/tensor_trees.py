"""Tensors in dataclasses and tuples: taken out, put back, and described, for work that is recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator
from typing import Any, TypeVar, cast

from torch import Tensor

Tree = TypeVar("Tree")


def tensors_of(tree: object) -> Iterator[Tensor]:
    """Yield the tensors in dataclasses and tuples, in a fixed order."""
    if isinstance(tree, Tensor):
        yield tree
    else:
        for part in _parts(tree):
            yield from tensors_of(part)


def with_tensors(tree: Tree, tensors: Iterator[Tensor]) -> Tree:
    """Return the tree with other tensors in the place of its own, in the order of `tensors_of`."""
    made: Any = tree  # Any: of the type of the tree, which no checker can follow
    if isinstance(tree, Tensor):
        made = next(tensors)
    elif isinstance(tree, tuple):
        made = tuple(with_tensors(part, tensors) for part in tree)
    elif _is_record(tree):
        names = [field.name for field in dataclasses.fields(made)]
        made = dataclasses.replace(made, **{name: with_tensors(getattr(made, name), tensors) for name in names})
    return cast("Tree", made)


def description_of(tree: object) -> Hashable:
    """Return what work on the tree depends on besides the values in its tensors: shapes, types, all other values."""
    if isinstance(tree, Tensor):
        return tuple(tree.shape), tree.dtype, tree.device, tree.stride()
    if isinstance(tree, tuple) or _is_record(tree):
        return type(tree), *(description_of(part) for part in _parts(tree))
    return tree  # numbers, strings and None


def _parts(tree: Any) -> tuple[object, ...]:  # Any: anything
    if isinstance(tree, tuple):
        return tree
    return tuple(getattr(tree, field.name) for field in dataclasses.fields(tree)) if _is_record(tree) else ()


def _is_record(tree: object) -> bool:
    return dataclasses.is_dataclass(tree) and not isinstance(tree, type)
