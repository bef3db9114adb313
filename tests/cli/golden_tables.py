"""The tables of every command, made from fixed data; `python -m tests.cli.golden_tables` writes them anew.

Look at each after that: one line per row, nothing cut without a word, readable by somebody who sees it first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from samara.annotation.review.doubts import NO_MASK, DoubtfulImage
from samara.annotation.review.review import Review
from samara.annotation.review.settings import ReviewSettings
from samara.annotation.review.tasks import Doubted
from samara.checkpoints.catalogue import find
from samara.checkpoints.store.added import AddedCheckpoint
from samara.checkpoints.store.store import StoredCheckpoint, Verification
from samara.cli import checkpoints, compare, doctor, evaluate, finetune, records, review
from samara.finetuning.before_after import ClickOrBox, Score
from samara.finetuning.training_state import EpochRecord
from samara.measurement.comparison.tables import tables
from samara.measurement.diagnosis.agreement import Agreement
from samara.measurement.diagnosis.doctor import Check, Diagnosis
from samara.measurement.records.records import Interval
from samara.recommendation.recommend import recommend
from samara.recommendation.text import as_text
from samara.system.machine import Machine
from tests.measurement.comparison.samples import comparison
from tests.recommendation.samples import record

FOLDER = Path(__file__).parent / "golden"
WIDTHS = (80, 120)
MACHINE = Machine(
    processor="AMD EPYC",
    architecture="x86_64",
    system="Linux 6",
    cores=2,
    instruction_sets=("AVX2", "AVX-512", "AVX-512-BF16"),
    memory_bytes=25_300_000_000,
    gpus=(),
    versions={"python": "3.11.7", "samara": "0.1.0", "torch": "2.13.0+cpu", "openvino": "2026.4.1"},
)
CHECKS = (
    Check("torch", "float32", "cpu", Agreement(0.0, 1.0, 1.0), True, 16.1, 0.1, 0.0117, 1.0),
    Check("torch", "bfloat16", "cpu", Agreement(0.0129, 0.9864, 0.8), False, 5.6, 0.09, 0.0075, 2.9),
    Check("torch", "float16", "cpu", note="slower than float32 on CPUs"),
    Check("torch", "float32", "cuda:0", Agreement(2e-6, 1.0, 0.9999), True, 0.081, 0.006, 0.0003, 198.8),
    Check("openvino", "bfloat16", "cpu", Agreement(0.0129, 0.9894, 0.9153), True, 3.29, 0.08, 0.0114, 4.9),
    Check("openvino", "int8", "cpu", Agreement(0.3, 0.71, 0.02), False, 1.9, 0.07, 0.0107, 8.5),
)


def of_doctor(width: int) -> str:
    """Engines on the CPU, one of which drifts."""
    cpu = tuple(check for check in CHECKS if check.device == "cpu")
    missing = {"onnxruntime": "pip install 'samara[onnx]'"}
    return "\n".join(doctor.report(Diagnosis(MACHINE, "sam_vit_b", "file", 1024, 2, missing, cpu, True), width))


def of_doctor_on_a_gpu(width: int) -> str:
    """Engines on both devices."""
    return "\n".join(doctor.report(Diagnosis(MACHINE, "sam_vit_b", "file", 1024, 2, {}, CHECKS[:5], True), width))


def of_checkpoints_list(width: int) -> str:
    """Some of the catalogue, and an added file."""
    names = ("sam_vit_h", "vit_b_medical_imaging", "samara_mini", "efficientvit_sam_xl0", "edge_sam", "yolo11n-seg")
    states = {"samara_mini": "here", "edge_sam": "partial"}
    entries = [
        StoredCheckpoint(checkpoint=find(name), path=Path(name), state=states.get(name, "absent"), size_bytes=None)
        for name in (*names, "sam3")
    ]
    own = AddedCheckpoint(
        name="cells",
        path="/data/cells.safetensors",
        sha256="ab" * 32,
        size_bytes=375_000_000,
        mtime_ns=0,
        is_copy=False,
        description="SAM ViT-B, fine-tuned",
    )

    class Here(AddedCheckpoint):
        state = "here"

    return checkpoints.entries_text(entries, [Here(**vars(own))], width)


def of_checkpoints_verify(width: int) -> str:
    """One right file and one that is cut off."""
    verdicts = (
        ("samara_mini", "ok", "its SHA-256 is the published one."),
        ("sam_vit_b", "cut off", "it has 1 of 375 MB."),
    )
    return checkpoints.verifications_text(
        [
            Verification(name=name, path=Path(name), verdict=verdict, detail=detail)
            for name, verdict, detail in verdicts
        ],
        width,
    )


def of_review(width: int) -> str:
    """Three of twenty images, one in a deep folder and one without a mask."""
    images = (
        DoubtfulImage(7, "north/2026-05-03/IMG_0007.jpg", 1.6, {}, ("14 parts", "predicted IoU 0.52"), 9),
        DoubtfulImage(
            3, "a/folder/with/quite/a/few/parts/IMG_0003.jpg", 1.1, {}, ("49% outside its box", "stability 0.61"), 1
        ),
        DoubtfulImage(4, "IMG_0004.jpg", 1.0, {NO_MASK: 1}, (), 0),
    )
    reasons = {"low predicted IoU": 12, "leaks out of its box": 1, "many parts": 4, NO_MASK: 1}
    limits = ReviewSettings(predicted_iou=0.6895, stability=0.8)
    return review.doubts_text(Review(Doubted(images, 5, 20, limits, reasons)), width)


def of_recommend(width: int) -> str:
    """A laptop."""
    return as_text(recommend(ram_gb=16, records=[], at_hand={"samara_mini"}), width=width)


def of_recommend_measured(width: int) -> str:
    """A laptop on which two checkpoints were measured, one on too few objects."""
    few = Interval(low=0.4, high=0.9, kind="95 % bootstrap")
    known = [
        *(record("mobile_sam", metric, 0.71) for metric in ("box_iou", "centre_click_iou")),
        record("samara_mini", "box_iou", 0.66, n=11, images=4, interval=few),
    ]
    found = recommend(ram_gb=16, records=known, at_hand={"samara_mini", "mobile_sam"})
    return as_text(found, width=width)


def of_recommend_nothing(width: int) -> str:
    """Limits that nothing meets."""
    asked = {"task": "real-time", "max_latency_s": 1 / 30}
    return as_text(recommend(ram_gb=16, records=[], at_hand={"samara_mini"}, **asked), width=width)


def of_recommend_many_images(width: int) -> str:
    """100,000 images on a small GPU."""
    asked = {"task": "batch annotation", "image_count": 100_000}
    return as_text(recommend(vram_gb=8, records=[], at_hand={"samara_mini"}, **asked), width=width)


def of_compare(width: int) -> str:
    """The tables that a terminal shows."""
    shown = [table for table in tables(comparison()) if table.name in compare.TERMINAL_TABLES]
    return "\n\n".join(compare.terminal_table(table, width) for table in shown)


def of_evaluate(width: int) -> str:
    """Two sources, and a metric that was not measured."""
    spread = Interval(low=0.62, high=0.7, kind="95 % bootstrap")
    found = [
        record("sam_vit_b", metric, 0.66, interval=spread, source=source, n=90, images=20)
        for metric in ("centre_click_iou", "box_iou", "box_boundary_iou")
        for source in ("coco", "bsds500", None)
    ]
    missing = record("sam_vit_b", "average_recall", None, status="not applicable", note="takes no everything")
    return evaluate.table_of([*found, missing], width)


def of_finetune(width: int) -> str:
    """A learning curve, of a checkpoint with clicks, and scores before and after."""
    curve = (
        EpochRecord(epoch=0, loss=None, click_iou=0.661, box_iou=0.78, learning_rate=0.0, duration_s=4.2),
        EpochRecord(epoch=1, loss=12.345, click_iou=0.672, box_iou=0.782, learning_rate=1e-4, duration_s=61.4),
        EpochRecord(epoch=2, loss=9.871, click_iou=0.685, box_iou=0.771, learning_rate=1e-4, duration_s=60.9),
    )
    scores: dict[str, dict[ClickOrBox, Score]] = {
        "test": {
            "click": Score(0.661, 0.702, 40, 12, 1_093, (0.6, 0.7), (0.65, 0.75), (0.012, 0.071)),
            "box": Score(0.848, 0.841, 20, 32, 1_093, (0.8, 0.9), (0.8, 0.9), (-0.021, 0.008)),
        },
        "validation": {"click": Score(0.687, 0.695, 1, 0, 8), "box": Score(0.831, 0.828, 0, 1, 8)},
    }
    return f"{finetune.curve_of(curve, curve[1], width)}\n\n{finetune.scores_of(scores, width)}"


def of_records(width: int) -> str:
    """Two files of which one is gone."""
    there = {
        "file": "/home/me/projects/cells/comparison/records.jsonl",
        "records": 890,
        "checkpoints": ["mobile_sam", "samara_mini"],
        "quality": 12,
        "from": "2026-11-21",
        "to": "2026-11-25",
    }
    gone = {"file": "/home/me/old/samara-measurements/records.jsonl", "problem": "the file is gone"}
    return records.table_of([there, gone], width)


TABLES: Mapping[str, Callable[[int], str]] = {
    name.removeprefix("of_"): made for name, made in list(globals().items()) if name.startswith("of_")
}


def file_of(name: str, width: int) -> Path:
    """Return the file of a table at a width."""
    return FOLDER / f"{name}_{width}.txt"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each, make in TABLES.items():
        for columns in WIDTHS:
            file_of(each, columns).write_text(f"{make(columns)}\n")
