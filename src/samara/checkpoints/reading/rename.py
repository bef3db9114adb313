"""From the names in a file to the published names: unwraps wrappers and strips prefixes.

Training scripts put state dicts under keys ("model", "model_state", "ema") and inside modules ("module." by
DataParallel, "model." by Lightning). Both are undone here by structure, for every file format: a wrapper is whatever
leads to tensors with known roots, a prefix is whatever precedes a root, see `samara.checkpoints.reading.roots`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from samara.checkpoints.reading import sam2_names
from samara.checkpoints.reading.pickle_values import InertObject, StoredTensor, Value
from samara.checkpoints.reading.pickled_modules import module_tensors
from samara.checkpoints.reading.roots import BARE_MARKS, ROOTS, networks_in, published, rank
from samara.checkpoints.reading.transformers_names import from_transformers, is_transformers_layout

Entry = TypeVar("Entry")

# Keys that locate a network without known roots; among equal candidates, these come first.
WRAPPERS = (
    "ema",
    "ema_state_dict",
    "state_dict",
    "model_state_dict",
    "model",
    "network",
    "net",
    "weights",
    "params",
)

_MAX_DEPTH = 6
_MAX_ITEMS = 64  # of a list that may contain networks


@dataclass(frozen=True)
class Unwrapped:
    """The contents of the wrappers.

    Attributes:
        tensors: name to tensor, in the file's order.
        wrapper: keys that led there, joined by dots; None if the file is flat.
        module: pickled module that contained the tensors; None for a state dict.
        beside: other keys at the file's top level, with the class of unknown objects.
        others: locations of other networks that are as complete and were not used.
    """

    tensors: Mapping[str, StoredTensor]
    wrapper: str | None
    module: InertObject | None
    beside: tuple[str, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    keys: tuple[str, ...]
    tensors: Mapping[str, StoredTensor]
    module: InertObject | None = None

    @property
    def path(self) -> str:
        return ".".join(self.keys)


def unwrap(tree: Value) -> Unwrapped:
    """Find the tensors of a network in the contents of a pickle.

    Raises:
        MalformedFileError: modules are nested deeper, or more numerous, than in any network.
    """
    candidates = list(_candidates(tree))
    ranked = []
    for order, one in enumerate(candidates):
        networks = networks_in(one.tensors)
        if networks:
            best = networks[0]
            known = any(key in WRAPPERS for key in one.keys)
            ranked.append(((*rank(best, f"{one.path}.{best.prefix}"), known, -order), best.parts, one))
    if ranked:
        _, parts, chosen = max(ranked, key=lambda entry: entry[0])
        others = tuple(one.path for _, size, one in ranked if size >= parts and _is_apart(one, chosen))
    else:
        chosen, others = _by_name(tree, candidates), ()
    top = tree if isinstance(tree, dict) else {}
    beside = tuple(
        _label(key, value)
        for key, value in top.items()
        if str(key) not in chosen.keys[:1] and not isinstance(value, StoredTensor)
    )
    return Unwrapped(chosen.tensors, chosen.path or None, chosen.module, beside, others)


def published_names(entries: Mapping[str, StoredTensor]) -> tuple[dict[str, StoredTensor], str, bool]:
    """Restore the published names.

    Returns:
        The entries of the preferred network (see `roots.networks_in`) under their published names (SAM 2: samara's, see
        `sam2_names`), the prefix that was stripped, and whether they were in the layout of transformers.
    """
    networks = networks_in(entries)
    if not networks:
        return dict(entries), "", False
    bare = {name: entries[old] for old, name in published(entries, networks[0]).items()}
    converted = True
    if sam2_names.is_transformers_layout(bare):
        bare = sam2_names.from_transformers(bare, sam2_names.stored_rows)
    elif is_transformers_layout(bare):
        bare = from_transformers(bare)
    else:
        converted = False
    if sam2_names.is_sam2(bare):
        bare = sam2_names.from_published(bare)
    return bare, networks[0].prefix, converted


def transformers_spelling(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Map each name of a file in the layout of transformers to what `published_names` calls it; empty for any other.

    A tensor that is taken apart into rows has several names here, in the order of the rows; a tensor that the file
    holds twice has the same name twice.
    """
    names = list(names)
    networks = networks_in(names)
    bare = set(published(names, networks[0]).values()) if networks else set()
    if sam2_names.is_transformers_layout(bare):
        return {name: tuple(sam2_names.from_published(_sam_2_rows(name))) for name in sorted(bare)}
    if is_transformers_layout(bare):
        return {name: tuple(from_transformers({name: name})) for name in sorted(bare)}
    return {}


def _sam_2_rows(name: str) -> dict[str, str]:
    return sam2_names.from_transformers({name: name}, lambda one: [one] * sam2_names.KINDS_OF_POINTS)


def with_part_prefix(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Give a separately saved part the names it has in the whole network."""
    for part, marks in BARE_MARKS:
        if all(mark in entries for mark in marks):
            return {f"{part}.{name}": entry for name, entry in entries.items()}
    return dict(entries)


def other_names(names: Iterable[str]) -> list[str]:
    """Return the names outside the preferred network: those of other networks, or without its prefix."""
    names = list(names)
    networks = networks_in(names)
    taken = published(names, networks[0]) if networks else dict.fromkeys(names)
    return [name for name in names if name not in taken]


def other_prefixes(names: Iterable[str]) -> list[str]:
    """Return the prefixes of networks that are as complete as the preferred one but not used."""
    networks = networks_in(names)
    return [one.prefix or "no prefix" for one in networks[1:] if one.parts >= networks[0].parts]


def _candidates(tree: Value) -> Iterator[_Candidate]:
    """Yield every mapping with tensors and every module once, in the file's order."""
    pending: list[tuple[tuple[str, ...], Value]] = [((), tree)]
    seen: set[int] = set()
    while pending:
        keys, node = pending.pop()
        if id(node) in seen or len(keys) > _MAX_DEPTH:
            continue
        seen.add(id(node))
        if isinstance(node, InertObject) and node.is_module:
            yield _Candidate(keys, dict(module_tensors(node)), node)
        elif isinstance(node, dict):
            tensors = _own_tensors(node)
            if tensors:
                yield _Candidate(keys, tensors)
            children = [((*keys, str(key)), value) for key, value in node.items() if isinstance(key, str | int)]
            pending.extend(reversed(children))
        elif isinstance(node, list | tuple) and len(node) <= _MAX_ITEMS:
            pending.extend(reversed([((*keys, str(index)), value) for index, value in enumerate(node)]))


def _own_tensors(node: Mapping[Value, Value]) -> dict[str, StoredTensor]:
    """Return the tensors of a mapping; if it contains a network's parts separately, prefixed by the part."""
    found: dict[str, StoredTensor] = {}
    for key, value in node.items():
        if isinstance(key, str) and isinstance(value, StoredTensor):
            found[key] = value
        elif key in ROOTS and isinstance(value, InertObject) and value.is_module:
            found.update({f"{key}.{name}": tensor for name, tensor in module_tensors(value)})
        elif key in ROOTS and isinstance(value, dict):
            found.update({f"{key}.{name}": part for name, part in value.items() if isinstance(part, StoredTensor)})
    return found


def _by_name(tree: Value, candidates: list[_Candidate]) -> _Candidate:
    """Choose by the usual key names, if no roots are known."""
    keys: tuple[str, ...] = ()
    by_keys = {one.keys: one for one in candidates}
    while keys not in by_keys:
        step = next((name for name in WRAPPERS if any(one[: len(keys) + 1] == (*keys, name) for one in by_keys)), None)
        if step is None:
            return _Candidate((), {})
        keys = (*keys, step)
    inner = next((name for name in WRAPPERS if (*keys, name) in by_keys), None)
    return by_keys[(*keys, inner)] if inner else by_keys[keys]


def _is_apart(one: _Candidate, chosen: _Candidate) -> bool:
    """Return whether neither candidate contains the other."""
    shorter = min(len(one.keys), len(chosen.keys))
    return one.keys[:shorter] != chosen.keys[:shorter]


def _label(key: Value, value: Value) -> str:
    return f"{key} (of {value.cls})" if isinstance(value, InertObject) and value.is_foreign else str(key)
