"""Segmenter of a loaded checkpoint; the only place that distinguishes the kinds."""

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
    """Open the segmenter of a checkpoint.

    Args:
        loaded: any checkpoint from `samara.load`.
        settings: settings of automatic masks, of either kind. For FastSAM and YOLO-seg, applicable `AutomaticSettings`
            are translated.
        predictor: creates the predictor of a promptable checkpoint, such as one that caches embeddings.

    Raises:
        SettingsError: The checkpoint does not support a setting, such as a grid of points.
    """
    if not loaded.variant.embeds_images:
        return InstanceSegmenter(loaded, _instance_settings(settings, loaded.name))
    if isinstance(settings, InstanceSettings):
        raise SettingsError(f"InstanceSettings are for FastSAM and YOLO-seg; {loaded.name} takes AutomaticSettings")
    return PromptedSegmenter(loaded, settings, predictor=predictor(loaded))


# Settings common to both kinds, and automatic settings with a different name for instances.
_SHARED = {field.name for field in fields(InstanceSettings)} & {field.name for field in fields(AutomaticSettings)}
_RENAMED = {"pred_iou_thresh": "confidence_thresh"}


def _instance_settings(settings: AutomaticSettings | InstanceSettings | None, name: str) -> InstanceSettings:
    """Return settings of instance segmentation, translated from automatic ones."""
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
            f"{name} finds everything in one pass, without a grid of points or crops; leave out "
            f"{', '.join(meaningless)}"
        )
    return InstanceSettings(**{_RENAMED.get(setting, setting): value for setting, value in changed.items()})
