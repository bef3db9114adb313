"""Names and shapes of the entries of layers, from which the tables of families are made."""

from __future__ import annotations

Shape = tuple[int, ...]
Shapes = dict[str, Shape]

WIDTH = 256
"""Of image embeddings and tokens, in every promptable family."""


def under(prefix: str, shapes: Shapes) -> Shapes:
    """Return entries with a common prefix."""
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


def linear(name: str, inputs: int, outputs: int) -> Shapes:
    """Return the entries of a linear layer."""
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name: str, width: int) -> Shapes:
    """Return the entries of a norm."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def convolution(name: str, weight: Shape, outputs: int) -> Shapes:
    """Return the entries of a convolution with a bias."""
    return {f"{name}.weight": weight, f"{name}.bias": (outputs,)}


def neck(inputs: int) -> Shapes:
    """Return the entries of SAM's neck."""
    return {
        "neck.0.weight": (WIDTH, inputs, 1, 1),
        **norm("neck.1", WIDTH),
        "neck.2.weight": (WIDTH, WIDTH, 3, 3),
        **norm("neck.3", WIDTH),
    }


def attention(name: str, inner: int) -> Shapes:
    """Return the entries of an attention layer of the two-way transformer."""
    return {
        **linear(f"{name}.q_proj", WIDTH, inner),
        **linear(f"{name}.k_proj", WIDTH, inner),
        **linear(f"{name}.v_proj", WIDTH, inner),
        **linear(f"{name}.out_proj", inner, WIDTH),
    }
