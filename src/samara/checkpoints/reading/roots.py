"""Locating a network in a set of names: known roots, their prefixes, and names inserted by wrappers.

A root is the name of a part of a known network, such as `image_encoder`. Whatever precedes it is a prefix: the
attribute of a training module, `module.` of DataParallel, `base_model.model.` of peft. Names that start with an
underscore, and `module`, belong to no network: wrappers (FSDP, `torch.compile`, activation checkpointing) insert them
before and after a root, and they are removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ROOTS = (
    "image_encoder",
    "prompt_encoder",
    "mask_decoder",
    "sam_prompt_encoder",
    "sam_mask_decoder",
    "vision_encoder",
    "shared_image_embedding",
    "detector",
    "detector_model",
    "model.0",
)
"""First components of the names of known networks."""

BARE_MARKS: tuple[tuple[str, tuple[str, str]], ...] = (
    ("mask_decoder", ("iou_token.weight", "mask_tokens.weight")),
    ("prompt_encoder", ("not_a_point_embed.weight", "no_mask_embed.weight")),
    ("prompt_encoder", ("invalid_points.weight", "bbox_top_left_embeddings.weight")),
    ("image_encoder", ("neck.0.weight", "neck.2.weight")),
    ("image_encoder", ("backbone.stages.0.op_list.0.conv.weight", "neck.output_ops.0.op_list.0.conv.weight")),
)
"""Parts, and names that they contain when saved separately, without their root."""

_ROOT = re.compile(rf"(?:^|\.)({'|'.join(re.escape(root) for root in ROOTS)})\.")
_PUT_IN = re.compile(r"(?:(?<=\.)|^)(?:_[^.]*|module)\.")
_AVERAGE = re.compile(r"(?:^|[._])(?:ema|swa|avg|averaged?|shadow|polyak)(?:[._]|$)")
_NO_WEIGHTS = re.compile(r"optim|momentum|exp_avg|grad")
_MAX_PARTS = 3  # of a promptable network; more do not make it more complete


@dataclass(frozen=True)
class Found:
    """Names that belong together.

    Attributes:
        prefix: prefix of their roots, as in the file.
        names: name in the file → published name, for names with a root (all names of a bare part).
        roots: the roots that occur.
    """

    prefix: str
    names: Mapping[str, str]
    roots: frozenset[str] = field(default=frozenset())

    @property
    def parts(self) -> int:
        """Number of parts of a network."""
        return min(len(self.roots), _MAX_PARTS)


def without_wrappers(name: str) -> str:
    """Remove the components that wrappers insert into a name."""
    return _PUT_IN.sub("", name)


def networks_in(names: Iterable[str]) -> list[Found]:
    """Find the networks among some names, the preferred one first.

    The preferred one has the most parts, then the most tensors, then is a running average (the weights that authors
    evaluate), then is the first in the file.
    """
    names = list(names)
    prefixes: dict[str, str] = {}
    members: dict[str, dict[str, str]] = {}
    roots: dict[str, set[str]] = {}
    for name in names:
        match = _ROOT.search(name)
        if match is None:
            continue
        prefix = name[: match.start(1)]
        group = without_wrappers(prefix)
        prefixes.setdefault(group, prefix)
        members.setdefault(group, {})[name] = without_wrappers(name[match.start(1) :])
        roots.setdefault(group, set()).add(match[1])
    found = [Found(prefixes[group], members[group], frozenset(roots[group])) for group in prefixes]
    return sorted(found or _bare_parts(names), key=lambda one: rank(one, one.prefix), reverse=True)


def rank(found: Found, where: str) -> tuple[int, ...]:
    """Rank a network for preference; `where` are the keys and the prefix that lead to it."""
    is_average = _AVERAGE.search(where.casefold()) is not None
    is_weights = _NO_WEIGHTS.search(where.casefold()) is None
    return is_weights, found.parts, len(found.names), is_average


def published(names: Iterable[str], found: Found) -> dict[str, str]:
    """Map names in the file to published names, for a network and other tensors under the same prefix."""
    prefix = without_wrappers(found.prefix)
    result = {}
    for name in names:
        bare = found.names.get(name)
        if bare is None and without_wrappers(name).startswith(prefix) and not _ROOT.search(name):
            bare = without_wrappers(name).removeprefix(prefix)
        if bare is not None:
            result[name] = bare
    # Two tensors with one name: the removed component distinguished them, so it was not a wrapper's.
    return result if len(set(result.values())) == len(result) else {name: name for name in names}


def _bare_parts(names: list[str]) -> list[Found]:
    known = set(names)
    result = []
    for part, marks in BARE_MARKS:
        for name in names:
            if not f".{name}".endswith(f".{marks[0]}"):
                continue
            prefix = name.removesuffix(marks[0])
            if all(f"{prefix}{mark}" in known for mark in marks):
                mine = {one: without_wrappers(one.removeprefix(prefix)) for one in names if one.startswith(prefix)}
                result.append(Found(prefix, mine, frozenset({part})))
    return result
