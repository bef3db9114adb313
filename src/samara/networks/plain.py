"""Whether a network is exactly what this room made, or somebody adapted it.

Some forms of a network open it up: they take weights out of layers and do the layers' work in another order
(`shared_image`), or write it down for another runtime (`decoder_graph`, `encoder_graph`). They hold for the layers that
this room made and for no others. LoRA of any make, hooks, parametrisations, quantised or replaced layers, a `forward`
that somebody put in the place of ours: whatever is not known to be plain counts as adapted, and belongs to the plain
form, which calls every layer and so obeys all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_of_torch

OURS = "samara.networks."
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
HOOKS_ON_EVERYTHING = ("_global_forward_hooks", "_global_forward_pre_hooks")


@dataclass(frozen=True)
class ModulePart:
    """What a module was made as.

    Attributes:
        kind: its class, exactly.
        settings: its sizes and settings, as it prints them.
        tensors: names of the parameters that it holds itself.
    """

    kind: type[nn.Module]
    settings: str
    tensors: frozenset[str]

    @classmethod
    def of(cls, module: nn.Module) -> ModulePart:
        """What a module is now."""
        tensors = frozenset(name for name, tensor in module._parameters.items() if tensor is not None)
        return cls(type(module), module.extra_repr(), tensors)


Parts = dict[str, ModulePart]
"""By their names in the network."""


def module_parts(network: nn.Module) -> Parts:
    """What a network is made of now; a network of this room keeps it, as `made_of`, when it was made."""
    return {name: ModulePart.of(module) for name, module in network.named_modules()}


def is_plain(network: nn.Module) -> bool:
    """Whether a network and all of its layers are as this room made them; only the numbers may be others."""
    return next(adaptations(network), None) is None


def adaptations(network: nn.Module) -> Iterator[str]:
    """What keeps a network from being plain, each in some words; nothing for a plain one.

    Args:
        network: an image encoder, prompt encoder, mask decoder or detector.
    """
    made_of: Any = getattr(network, "made_of", None)  # Any: what a foreign module has under this name
    if not isinstance(made_of, dict):
        yield f"it is a {_name_of(type(network))}"
        return
    parts = dict(network.named_modules())
    for name in made_of.keys() - parts.keys():
        yield f"{name} is gone"
    for name, module in parts.items():
        found = ModulePart.of(module)
        if name not in made_of:
            yield f"{name} was added"
        elif found.kind is not made_of[name].kind:
            yield f"{name or 'it'} is a {_name_of(found.kind)}"
        elif found != made_of[name]:
            yield f"{name or 'it'} has other settings than it was made with"
        else:
            for oddity in own_adaptations(module):
                yield f"{name or 'it'} {oddity}"


def own_adaptations(module: nn.Module) -> Iterator[str]:
    """What was changed about a module itself, its parts left aside."""
    if any(getattr(module, name) for name in HOOKS):
        yield "has hooks"
    if any(getattr(module_of_torch, name) for name in HOOKS_ON_EVERYTHING):
        yield "is under hooks on all modules of PyTorch"
    kind = type(module)
    for name in vars(module):
        if callable(getattr(kind, name, None)):
            yield f"has a {name} of its own"
    if not _keeps_its_forward(kind):
        yield "has another forward than its class was written with"
    for name, tensor in (*module._parameters.items(), *module._buffers.items()):
        if tensor is not None and (type(tensor) not in (nn.Parameter, Tensor) or tensor.layout != torch.strided):
            yield f"holds its {name} in a form of its own"


def _keeps_its_forward(kind: type[nn.Module]) -> bool:
    """Whether a class computes what its source in PyTorch or in this room says, so that nobody replaced it."""
    definer = next(one for one in kind.__mro__ if "forward" in vars(one))
    if definer is nn.Module:  # a container, which nobody can call
        return True
    forward = vars(definer)["forward"]
    # The name that the code was compiled with: functools.wraps does not reach it.
    written_as = getattr(getattr(forward, "__code__", None), "co_qualname", None)
    return (
        definer.__module__.startswith((OURS, "torch.nn.modules."))
        and written_as == f"{definer.__qualname__}.forward"
        and forward.__globals__["__name__"] == definer.__module__
    )


def state_of(network: nn.Module) -> object:
    """Something equal to what it was as long as nobody works on a network: quick, and no word with a GPU.

    It sees what PyTorch counts: layers and weights replaced, changed in place, hooked. Writing through `.data` escapes
    it and shows in the values only, see `samara.engines.loaded.fingerprint`.
    """
    state: list[object] = [len(getattr(module_of_torch, name)) for name in HOOKS_ON_EVERYTHING]
    waiting = [network]
    while waiting:
        module = waiting.pop()
        own = vars(module)
        state += id(module), type(module), len(own), *(len(own[name]) for name in HOOKS)
        for tensor in (*own["_parameters"].values(), *own["_buffers"].values()):
            if tensor is not None:
                # Tensors of inference mode count no changes: equal to nothing is on the safe side.
                state += tensor.data_ptr(), object() if tensor.is_inference() else tensor._version
        waiting += [inner for inner in own["_modules"].values() if inner is not None]
    return state


def dtype_of(network: nn.Module) -> torch.dtype:
    """What a network takes: the type of its floating-point weights, float32 where it shows none."""
    return next((one.dtype for one in network.parameters() if one.is_floating_point()), torch.float32)


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
