"""A segmenter without a network: fast, and its masks follow from the pixels alone."""

from __future__ import annotations

import time

import numpy as np

from samara.annotation.inputs.prefetch import Reading
from samara.annotation.inputs.sources import open_source
from samara.annotation.run import runner
from samara.annotation.run.annotator import Annotator
from samara.annotation.run.runner import Work
from samara.annotation.run.settings import AnnotationSettings, Cleaning
from samara.annotation.store.shard_files import read_table
from samara.annotation.store.store import create_store
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask

JOB = {"checkpoint": {"name": "fake"}, "settings": {}}


class Bright:
    """Finds bright pixels, and darker ones."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.seen = 0

    def with_smaller_batches(self):
        return self

    def generate(self, image):
        time.sleep(self.seconds)
        self.seen += 1
        grey = image.mean(axis=2)
        masks = [grey > level for level in (200, 60, 45, 30)]
        return MaskSet(
            rles=tuple(encode_mask(mask) for mask in masks),
            size_hw=image.shape[:2],
            checkpoint="fake",
            predicted_iou=np.array([mask.mean() for mask in masks]),
            prompt_index=np.arange(len(masks)),
        )


class Together(Bright):
    """Embeds several images in a pass."""

    def __init__(self, seconds=0.0):
        super().__init__(seconds)
        self.passes = []

    def ready(self, image):
        return image

    def embed_ready(self, images):
        self.passes.append(len(images))
        return images

    def everything(self, seen):
        return self.generate(seen)


def annotator(segmenter=None, batch=1, **settings):
    return Annotator(segmenter or Bright(), AnnotationSettings(cleaning=Cleaning(hierarchy=True), **settings), batch)


def store_of(images, out, *, images_per_shard=4, if_there="resume"):
    return create_store(
        out, JOB, open_source([str(images)]).entries(), if_there=if_there, images_per_shard=images_per_shard
    )


def work_on(images, **options):
    options = {"max_pixels": None, "threads": 1, "in_flight": 1} | options
    reading = Reading(open_source([str(images)]).read, options.pop("max_pixels"), options.pop("threads"))
    return Work(reading, **options)


def final_rows(out):
    """What must be the same however it came about: the bytes of the masks, and the images without their times."""
    masks = {path.name: path.read_bytes() for path in sorted((out / "shards").glob("*.masks.parquet"))}
    images = {
        path.name: read_table(path).drop_columns("seconds").to_pylist()
        for path in sorted((out / "shards").glob("*.images.parquet"))
    }
    return masks, images


def annotate_for_killing(images, out, seconds, begin, seen):
    """Annotate a folder slowly and in small pieces, in a process of its own that may be killed at any moment."""
    runner.PIECE_IMAGES, runner.WAIT_SECONDS = 2, 0.02
    segmenter = Bright(seconds)
    begin.wait()
    runner.annotate_store(store_of(images, out), annotator(segmenter), work_on(images))
    seen.value = segmenter.seen
