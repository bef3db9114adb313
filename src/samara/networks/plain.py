"""Detection of adapted networks: whether a network is exactly as built by this package.

Some code paths bypass a network's layers: they use the weights directly in another order (`shared_attention`), or
export them for another runtime (`decoder_graph`, `encoder_graph`). They are only valid for the layers built by this
package.
LoRA of any kind, hooks, parametrisations, quantised or replaced layers, a replaced `forward`: everything that is not
known to be unadapted counts as adapted, and uses the plain path, which calls every layer.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_of_torch

Network = TypeVar("Network", bound=nn.Module)

OURS = "samara.networks."
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
HOOKS_ON_EVERYTHING = ("_global_forward_hooks", "_global_forward_pre_hooks")


@dataclass(frozen=True)
class ModulePart:
    """The description of a module as built.

    Attributes:
        kind: its exact class.
        settings: its sizes and settings, as in its repr.
        tensors: names of its own parameters.
    """

    kind: type[nn.Module]
    settings: str
    tensors: frozenset[str]

    @classmethod
    def of(cls, module: nn.Module) -> ModulePart:
        """Describe a module in its current state."""
        tensors = frozenset(name for name, tensor in module._parameters.items() if tensor is not None)
        return cls(type(module), module.extra_repr(), tensors)


Parts = dict[str, ModulePart]
"""Descriptions of modules by name."""


def module_parts(network: nn.Module) -> Parts:
    """Describe the current modules of a network; networks of this package store this at construction as `made_of`."""
    return {name: ModulePart.of(module) for name, module in network.named_modules()}


def is_plain(network: nn.Module) -> bool:
    """Return whether a network and all of its layers are as built by this package, apart from the values."""
    return next(adaptations(network), None) is None


def adaptations(network: nn.Module) -> Iterator[str]:
    """Describe each adaptation of a network; empty if it is unadapted.

    Args:
        network: an image encoder, prompt encoder, mask decoder or detector.
    """
    made_of: Any = getattr(network, "made_of", None)  # Any: a foreign module may have anything under this name
    if not isinstance(made_of, dict):
        yield f"it is a {_name_of(type(network))}"
        return
    parts = dict(network.named_modules())
    for name in made_of.keys() - parts.keys():
        yield f"{name} was removed"
    for name, module in parts.items():
        found = ModulePart.of(module)
        if name not in made_of:
            yield f"{name} was added"
        elif found.kind is not made_of[name].kind:
            yield f"{name or 'it'} is a {_name_of(found.kind)}"
        elif found != made_of[name]:
            yield f"{name or 'it'} has different settings than at construction"
        else:
            for oddity in own_adaptations(module):
                yield f"{name or 'it'} {oddity}"


def own_adaptations(module: nn.Module) -> Iterator[str]:
    """Describe the adaptations of a module itself, without its children."""
    if any(getattr(module, name) for name in HOOKS):
        yield "has hooks"
    if any(getattr(module_of_torch, name) for name in HOOKS_ON_EVERYTHING):
        yield "is affected by global PyTorch module hooks"
    kind = type(module)
    for name in vars(module):
        if callable(getattr(kind, name, None)):
            yield f"has its own {name}"
    if not _keeps_its_forward(kind):
        yield "has a replaced forward"
    for name, tensor in (*module._parameters.items(), *module._buffers.items()):
        if tensor is not None and (type(tensor) not in (nn.Parameter, Tensor) or tensor.layout != torch.strided):
            yield f"stores its {name} in a custom form"


def _keeps_its_forward(kind: type[nn.Module]) -> bool:
    """Return whether a class still has the forward of its source in PyTorch or this package."""
    definer = next(one for one in kind.__mro__ if "forward" in vars(one))
    if definer is nn.Module:  # a container, which cannot be called
        return True
    forward = vars(definer)["forward"]
    # The name the code was compiled with, which functools.wraps does not change.
    written_as = getattr(getattr(forward, "__code__", None), "co_qualname", None)
    return (
        definer.__module__.startswith((OURS, "torch.nn.modules."))
        and written_as == f"{definer.__qualname__}.forward"
        and forward.__globals__["__name__"] == definer.__module__
    )


def state_of(network: nn.Module, *, with_modes: bool = False) -> object:
    """Return a value that stays equal as long as a network is not modified: fast, without GPU synchronisation.

    With modes, it also changes when a layer is switched between training and evaluation.

    It detects what PyTorch tracks: layers and weights replaced, changed in place, or hooked. Writes through `.data`
    escape it and only show in the values, see `samara.engines.loaded.fingerprint`.
    """
    state: list[object] = [len(getattr(module_of_torch, name)) for name in HOOKS_ON_EVERYTHING]
    waiting = [network]
    while waiting:
        module = waiting.pop()
        own = vars(module)
        state += id(module), type(module), len(own), *(len(own[name]) for name in HOOKS)
        if with_modes:
            state.append(own["training"])
        for tensor in (*own["_parameters"].values(), *own["_buffers"].values()):
            if tensor is not None:
                # Inference tensors do not count changes, so they never compare equal, to be safe.
                state += tensor.data_ptr(), object() if tensor.is_inference() else tensor._version
        waiting += [inner for inner in own["_modules"].values() if inner is not None]
    return state


def sharing_copy(network: Network) -> Network:
    """Copy the modules of a network, sharing its parameters and buffers."""
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, shared)


def dtype_of(network: nn.Module) -> torch.dtype:
    """Return the input dtype of a network: that of its floating-point weights, float32 if it has none."""
    return next((one.dtype for one in network.parameters() if one.is_floating_point()), torch.float32)


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
