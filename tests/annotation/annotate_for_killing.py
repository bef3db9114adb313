"""Annotates a folder with the segmenter without a network, slowly and in small pieces; to be killed by tests."""

from __future__ import annotations

import sys
from pathlib import Path

from samara.annotation import runner
from tests.annotation.fake import Bright, annotator, store_of, work_on

if __name__ == "__main__":
    pictures, out, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    runner.PIECE_IMAGES, runner.WAIT_SECONDS = 2, 0.05
    print("ready", flush=True)
    segmenter = Bright(seconds)
    runner.annotate_store(store_of(pictures, out), annotator(segmenter), work_on(pictures))
    print(segmenter.seen)
