"""One interface to every checkpoint that runs: everything in an image, or what prompts ask for.

What answers prompts (SAM, MobileSAM, HQ-SAM) and what finds all instances in one pass (FastSAM, YOLO-seg) work
differently inside; who only wants masks of an image need not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Protocol

from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.images.read import ImageSource
from samara.masks.mask_set import MaskSet
from samara.segmentation.automatic.generator import AutomaticMaskGenerator
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.instances.segmenter import InstanceSegmenter
from samara.segmentation.instances.settings import InstanceSettings
from samara.segmentation.predictor import check_capabilities
from samara.segmentation.prompts import Prompt
from samara.system.progress import Progress


class Segmenter(Protocol):
    """Masks of images, with whatever checkpoint.

    Attributes:
        loaded: the checkpoint.
    """

    loaded: Loaded

    def generate(self, image: ImageSource, *, progress: Progress | None = None) -> MaskSet:
        """Find everything in one image; see `AutomaticMaskGenerator.generate` and `InstanceSegmenter.generate`."""
        ...

    def predict_prompts(self, image: ImageSource, prompts: Sequence[Prompt], *, multimask: bool = True) -> MaskSet:
        """Answer prompts on one image: for each, several masks or one. YOLO-seg takes none.

        Raises:
            PromptError: a prompt is outside the image, or nothing that the checkpoint takes.
        """
        ...

    def described_settings(self) -> dict[str, Any]:
        """What `generate` works with, thresholds filled in, fit for JSON."""
        ...


def open_segmenter(loaded: Loaded, settings: AutomaticSettings | InstanceSettings | None = None) -> Segmenter:
    """What makes masks with a checkpoint.

    Args:
        loaded: any checkpoint, from `samara.load`.
        settings: for everything in an image, of either kind. `AutomaticSettings` are translated for FastSAM and
            YOLO-seg, where they mean something.

    Raises:
        SettingsError: the settings ask for what the checkpoint does not do, such as a grid of points.
    """
    if loaded.variant.detector is not None:
        return InstanceSegmenter(loaded, _instance_settings(settings, loaded.name))
    if isinstance(settings, InstanceSettings):
        raise SettingsError(f"InstanceSettings are for FastSAM and YOLO-seg; {loaded.name} takes AutomaticSettings")
    return PromptedSegmenter(loaded, settings)


class PromptedSegmenter:
    """A segmenter that embeds images and answers prompts.

    Args:
        loaded: SAM, MobileSAM, HQ-SAM or samara's own.
        settings: for everything in an image.
    """

    def __init__(self, loaded: Loaded, settings: AutomaticSettings | None = None) -> None:
        self.loaded = loaded
        self.generator = AutomaticMaskGenerator(loaded, settings)

    def generate(self, image: ImageSource, *, progress: Progress | None = None) -> MaskSet:
        """See `Segmenter.generate`."""
        return self.generator.generate(image, progress=progress)

    def predict_prompts(self, image: ImageSource, prompts: Sequence[Prompt], *, multimask: bool = True) -> MaskSet:
        """See `Segmenter.predict_prompts`."""
        for prompt in prompts:  # before the encoder spends its seconds
            check_capabilities(prompt, self.loaded.variant)
        predictor = self.generator.predictor
        return predictor.predict_prompts(predictor.embed(image), prompts, multimask=multimask)

    def described_settings(self) -> dict[str, Any]:
        """See `Segmenter.described_settings`."""
        settings = self.generator.settings
        return asdict(settings) | {"point_grids": None if settings.point_grids is None else "given"}


# Settings of both kinds, and those of automatic masks that have another name for instances.
_SHARED = {field.name for field in fields(InstanceSettings)} & {field.name for field in fields(AutomaticSettings)}
_RENAMED = {"pred_iou_thresh": "confidence_thresh"}


def _instance_settings(settings: AutomaticSettings | InstanceSettings | None, name: str) -> InstanceSettings:
    """Settings for finding instances; those of automatic masks translated."""
    if settings is None or isinstance(settings, InstanceSettings):
        return settings or InstanceSettings()
    default = AutomaticSettings()
    changed = {
        field.name: getattr(settings, field.name)
        for field in fields(settings)
        if getattr(settings, field.name) != getattr(default, field.name)
    }
    meaningless = sorted(changed.keys() - _SHARED - _RENAMED.keys())
    if meaningless:
        raise SettingsError(
            f"{name} finds everything in one pass, without a grid of points or crops, so {', '.join(meaningless)} "
            "cannot be chosen; leave it out"
        )
    return InstanceSettings(**{_RENAMED.get(setting, setting): value for setting, value in changed.items()})
