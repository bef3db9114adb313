"""From the names in a file to the published names: wrappers looked through, prefixes taken off.

Training scripts put state dicts under keys ("model", "state_dict", "ema") and inside modules ("module." by
DataParallel, "model." by Lightning). Both are undone here, for every file format alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from samara.checkpoints.layout import MalformedFileError
from samara.checkpoints.pickle_values import InertObject, StoredTensor, Value

Entry = TypeVar("Entry")

# In order of preference: the running average of the weights is what its authors evaluate, so it comes first.
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
PREFIXES = ("module.", "model.", "sam_model.", "sam.", "net.", "network.", "_orig_mod.")

# What the names of a known family begin with; a prefix is one only if one of these follows it.
_ROOTS = (
    "image_encoder.",
    "prompt_encoder.",
    "mask_decoder.",
    "sam_prompt_encoder.",
    "sam_mask_decoder.",
    "vision_encoder.",
    "shared_image_embedding.",
    "detector.",
    "detector_model.",
    "model.0.",
)

# Names of Hugging Face's `SamModel` (transformers, models/sam) and the published ones.
_TRANSFORMERS_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (
            r"^shared_image_embedding\.positional_embedding$",
            "prompt_encoder.shared_embedding.positional_embedding",
        ),
        (r"^vision_encoder\.", "image_encoder."),
        (r"^image_encoder\.layers\.", "image_encoder.blocks."),
        (r"\.patch_embed\.projection\.", ".patch_embed.proj."),
        (r"\.neck\.conv1\.", ".neck.0."),
        (r"\.neck\.layer_norm1\.", ".neck.1."),
        (r"\.neck\.conv2\.", ".neck.2."),
        (r"\.neck\.layer_norm2\.", ".neck.3."),
        (r"\.shared_embedding\.positional_embedding$", ".pe_layer.positional_encoding_gaussian_matrix"),
        (r"\.point_embed\.", ".point_embeddings."),
        (r"\.mask_embed\.conv1\.", ".mask_downscaling.0."),
        (r"\.mask_embed\.layer_norm1\.", ".mask_downscaling.1."),
        (r"\.mask_embed\.conv2\.", ".mask_downscaling.3."),
        (r"\.mask_embed\.layer_norm2\.", ".mask_downscaling.4."),
        (r"\.mask_embed\.conv3\.", ".mask_downscaling.6."),
        (r"\.layer_norm(\d|_final_attn)\.", r".norm\1."),
        (r"\.upscale_conv1\.", ".output_upscaling.0."),
        (r"\.upscale_layer_norm\.", ".output_upscaling.1."),
        (r"\.upscale_conv2\.", ".output_upscaling.3."),
        (r"(_head|_mlps\.\d)\.layers\.0\.", r"\1.layers.1."),
        (r"(_head|_mlps\.\d)\.proj_in\.", r"\1.layers.0."),
        (r"(_head|_mlps\.\d)\.proj_out\.", r"\1.layers.2."),
    )
)

_MAX_WRAPPERS = 4
_MAX_NODES = 100_000
_MAX_NAME = 1_000


@dataclass(frozen=True)
class Unwrapped:
    """What was under the wrappers.

    Attributes:
        tensors: name to tensor, in the file's order.
        wrapper: the keys that led there, joined by dots; None if the file is flat.
        module: the pickled module the tensors were taken from; None for a state dict.
        beside: the other keys at the file's top level.
    """

    tensors: Mapping[str, StoredTensor]
    wrapper: str | None
    module: InertObject | None
    beside: tuple[str, ...]


def unwrap(tree: Value) -> Unwrapped:
    """Find the tensors of a network in what a pickle held.

    Raises:
        MalformedFileError: modules are nested deeper, or are more, than in any network.
    """
    keys: list[str] = []
    node = tree
    while isinstance(node, dict) and len(keys) < _MAX_WRAPPERS:
        inner = next((key for key in WRAPPERS if _holds_tensors(node.get(key))), None)
        if inner is None:
            break
        keys.append(inner)
        node = node[inner]
    top = tree if isinstance(tree, dict) else {}
    beside = tuple(str(key) for key, value in top.items() if key not in keys[:1] and not _is_tensor(value))
    module = node if isinstance(node, InertObject) else None
    return Unwrapped(_tensors(node), ".".join(keys) or None, module, beside)


def published_names(entries: Mapping[str, Entry]) -> tuple[dict[str, Entry], str, bool]:
    """Undo what others did to the names.

    Returns:
        The entries under their published names, the prefix that was taken off, and whether they were in the
        layout of transformers.
    """
    prefix = common_prefix(entries)
    bare = without_prefix(entries, prefix)
    if is_transformers_layout(bare):
        return from_transformers(bare), prefix, True
    return bare, prefix, False


def common_prefix(names: Iterable[str]) -> str:
    """Return what stands before the published names: "module.", "model.", "module.sam.", or nothing."""
    for name in names:
        prefix = ""
        rest = name
        while not rest.startswith(_ROOTS):
            step = next((candidate for candidate in PREFIXES if rest.startswith(candidate)), None)
            if step is None:
                break
            prefix, rest = prefix + step, rest.removeprefix(step)
        else:
            return prefix
    return ""


def without_prefix(entries: Mapping[str, Entry], prefix: str) -> dict[str, Entry]:
    """Take `prefix` off the names that have it; the others stay as they are."""
    return {name.removeprefix(prefix): entry for name, entry in entries.items()}


def is_transformers_layout(names: Iterable[str]) -> bool:
    """Whether these are the names of SAM in Hugging Face's transformers; its HQ-SAM and SAM 2 differ."""
    found = set(names)
    return "vision_encoder.layers.0.attn.qkv.weight" in found and "mask_decoder.hq_token.weight" not in found


def from_transformers(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Give the tensors of a `SamModel` their published names; shapes are the same in both."""
    renamed: dict[str, Entry] = {}
    for name, entry in entries.items():
        published = name
        for pattern, replacement in _TRANSFORMERS_RULES:
            published = pattern.sub(replacement, published)
        renamed[published] = entry
    return renamed


def _is_tensor(value: Value) -> bool:
    return isinstance(value, StoredTensor)


def _holds_tensors(value: Value) -> bool:
    """Whether a wrapper leads somewhere: to tensors, to a module, or to another wrapper that does."""
    for _ in range(_MAX_WRAPPERS):
        if isinstance(value, InertObject):
            return _is_module(value)
        if not isinstance(value, dict):
            return False
        if any(_is_tensor(entry) for entry in value.values()):
            return True
        value = next((value[key] for key in WRAPPERS if key in value), None)
    return False


def _tensors(node: Value) -> dict[str, StoredTensor]:
    if isinstance(node, InertObject):
        return dict(_module_tensors(node))
    if isinstance(node, dict):
        return {key: value for key, value in node.items() if isinstance(key, str) and isinstance(value, StoredTensor)}
    return {}


def _is_module(value: Value) -> bool:
    return isinstance(value, InertObject) and isinstance(value.state.get("_modules"), dict)


def _module_tensors(root: InertObject) -> Iterator[tuple[str, StoredTensor]]:
    """Walk a pickled nn.Module as `state_dict()` does: parameters, persistent buffers, then the children.

    With a stack instead of recursion, and with limits: the tree comes from a stranger and may be a graph.
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
            raise MalformedFileError("its modules are nested deeper, or are more, than in any network")
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
