"""The tensors of a pickled torch.nn.Module of any class, read from its state without building it."""

from __future__ import annotations

from collections.abc import Iterator

from samara.checkpoints.reading.layout import MalformedFileError
from samara.checkpoints.reading.pickle_values import InertObject, StoredTensor, Value

_MAX_NODES = 100_000
_MAX_NAME = 1_000


def module_tensors(root: InertObject) -> Iterator[tuple[str, StoredTensor]]:
    """Walk a pickled nn.Module like `state_dict()`: parameters, persistent buffers, then the children.

    Uses a stack instead of recursion, with limits: the tree is untrusted and may be a graph.

    Raises:
        MalformedFileError: its modules are nested deeper, or more numerous, than in any network.
    """
    pending = [("", root)]
    nodes = 0
    while pending:
        prefix, module = pending.pop()
        tensors = list(_own_tensors(module))
        children = _named(module.state.get("_modules"))
        nodes += 1 + len(tensors) + len(children)
        longest = max((len(name) for name, _ in (*tensors, *children)), default=0)
        if nodes > _MAX_NODES or len(prefix) + longest > _MAX_NAME:
            raise MalformedFileError("its modules are nested deeper, or more numerous, than in any network")
        yield from ((prefix + name, tensor) for name, tensor in tensors)
        modules = [(f"{prefix}{name}.", child) for name, child in children if isinstance(child, InertObject)]
        pending.extend(reversed(modules))


def _own_tensors(module: InertObject) -> Iterator[tuple[str, StoredTensor]]:
    transient = module.state.get("_non_persistent_buffers_set")
    skipped = [name for name in transient if isinstance(name, str)] if isinstance(transient, list) else []
    for name, value in _named(module.state.get("_parameters")):
        if isinstance(value, StoredTensor):
            yield name, value
    for name, value in _named(module.state.get("_buffers")):
        if isinstance(value, StoredTensor) and name not in skipped:
            yield name, value


def _named(value: Value) -> list[tuple[str, Value]]:
    return [(name, entry) for name, entry in value.items() if isinstance(name, str)] if isinstance(value, dict) else []
