"""From a loaded checkpoint to its segmenter: the one place that asks of which kind it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.instances.segmenter import InstanceSegmenter
from samara.segmentation.instances.settings import InstanceSettings
from samara.segmentation.predictor import Predictor
from samara.segmentation.prompted import PromptedSegmenter
from samara.segmentation.segmenter import Segmenter


def open_segmenter(
    loaded: Loaded,
    settings: AutomaticSettings | InstanceSettings | None = None,
    *,
    predictor: Callable[[Loaded], Predictor] = Predictor,
) -> Segmenter[Any]:  # Any: each kind sees its own
    """What makes masks with a checkpoint.

    Args:
        loaded: any checkpoint, from `samara.load`.
        settings: for everything in an image, of either kind. `AutomaticSettings` are translated for FastSAM and
            YOLO-seg, where they mean something.
        predictor: makes what embeds and answers, of a checkpoint that does, such as one that keeps embeddings.

    Raises:
        SettingsError: the settings ask for what the checkpoint does not do, such as a grid of points.
    """
    if not loaded.variant.embeds_images:
        return InstanceSegmenter(loaded, _instance_settings(settings, loaded.name))
    if isinstance(settings, InstanceSettings):
        raise SettingsError(f"InstanceSettings are for FastSAM and YOLO-seg; {loaded.name} takes AutomaticSettings")
    return PromptedSegmenter(loaded, settings, predictor=predictor(loaded))


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
