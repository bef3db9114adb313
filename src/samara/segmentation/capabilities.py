"""What a checkpoint supports, checked before its network runs."""

from __future__ import annotations

from collections.abc import Callable

from samara.errors import PromptError
from samara.networks.variant import FAMILY_TITLES
from samara.networks.variants import VARIANTS, Variant, runnable_names
from samara.segmentation.prompts import Prompt


def check_capabilities(prompt: Prompt, variant: Variant) -> None:
    """Raise PromptError if a variant does not support a prompt; the message names the families that do."""

    def refused_by(other: Variant) -> str | None:
        return other.capabilities.refused(
            points=len(prompt.points_xy),
            background_points=bool((prompt.point_labels == 0).any()),
            box=prompt.box_xyxy is not None,
            mask_input=prompt.mask_logits is not None,
        )

    refused = refused_by(variant)
    if refused:
        able = _able(lambda other: refused_by(other) is None)
        raise PromptError(f"{variant.title}{_with_preset(variant)} cannot take {refused}; {able} can")


def check_everything(variant: Variant) -> None:
    """Raise PromptError if a variant cannot find everything; the message names the families that can."""
    if not variant.capabilities.everything:
        able = _able(lambda other: other.capabilities.everything)
        raise PromptError(
            f"{variant.title}{_with_preset(variant)} answers boxes alone and cannot find everything by itself; give "
            f"boxes, or use {able}"
        )


def _able(is_able: Callable[[Variant], bool]) -> str:
    """Name the families of which some variant is able."""
    families = (VARIANTS[name].family for name in runnable_names() if is_able(VARIANTS[name]))
    return ", ".join(FAMILY_TITLES[family] for family in dict.fromkeys(families))


def _with_preset(variant: Variant) -> str:
    return "" if variant.preset is None else f" with the preset {variant.preset}"
