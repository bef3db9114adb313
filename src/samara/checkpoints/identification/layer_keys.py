"""Names and shapes of the layers that several families' state dicts consist of, as rules."""

from __future__ import annotations

Shape = tuple[int, ...]
Shapes = dict[str, Shape]

WIDTH = 256
"""Channels of image embeddings and tokens, in every promptable family."""


def under(prefix: str, shapes: Shapes) -> Shapes:
    """Return entries with a common prefix."""
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


def linear(name: str, inputs: int, outputs: int) -> Shapes:
    """A linear layer."""
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name: str, width: int) -> Shapes:
    """A norm of any kind, without statistics."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def convolution(name: str, weight: Shape, outputs: int) -> Shapes:
    """A convolution with a bias."""
    return {f"{name}.weight": weight, f"{name}.bias": (outputs,)}


def conv_bn(name: str, weight: Shape) -> Shapes:
    """A convolution without bias and its batch norm, see `networks.layers.ConvNorm`."""
    return {f"{name}.c.weight": weight, **batch_norm(f"{name}.bn", weight[0])}


def batch_norm(name: str, width: int) -> Shapes:
    """A batch norm with its statistics."""
    return {
        **norm(name, width),
        f"{name}.running_mean": (width,),
        f"{name}.running_var": (width,),
        f"{name}.num_batches_tracked": (),
    }


def neck(inputs: int) -> Shapes:
    """The neck of an image encoder."""
    return {
        "neck.0.weight": (WIDTH, inputs, 1, 1),
        **norm("neck.1", WIDTH),
        "neck.2.weight": (WIDTH, WIDTH, 3, 3),
        **norm("neck.3", WIDTH),
    }


def attention(name: str, inner: int) -> Shapes:
    """An attention layer of the two-way transformer."""
    return {
        **linear(f"{name}.q_proj", WIDTH, inner),
        **linear(f"{name}.k_proj", WIDTH, inner),
        **linear(f"{name}.v_proj", WIDTH, inner),
        **linear(f"{name}.out_proj", inner, WIDTH),
    }
