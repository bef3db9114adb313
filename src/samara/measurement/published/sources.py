"""Sources of figures: one row per page, paper or file quoted in `samara.measurement.published.figures`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Publication:
    """Source of a figure.

    Attributes:
        name: short unique name for tables.
        title: title with the commit or version read.
        url: URL of the source.
    """

    name: str
    title: str
    url: str


_GITHUB = "https://github.com"

_SOURCES = (
    Publication(
        name="SAM paper",
        title="Kirillov et al. 2023, Segment Anything, arXiv:2304.02643",
        url="https://arxiv.org/abs/2304.02643",
    ),
    Publication(
        name="SAM FAQ",
        title="Segment Anything, project page, frequently asked questions",
        url="https://segment-anything.com",
    ),
    Publication(
        name="FastSAM README",
        title="CASIA-LMC-Lab/FastSAM, README.md, tables of speed, memory and COCO results",
        url=f"{_GITHUB}/CASIA-LMC-Lab/FastSAM",
    ),
    Publication(
        name="MobileSAM README",
        title="ChaoningZhang/MobileSAM, README.md @01813ba",
        url=f"{_GITHUB}/ChaoningZhang/MobileSAM",
    ),
    Publication(
        name="EdgeSAM README",
        title="chongzhou96/EdgeSAM, README.md @099ce8d, table Performance",
        url=f"{_GITHUB}/chongzhou96/EdgeSAM",
    ),
    Publication(
        name="TinySAM README",
        title="xinghaochen/TinySAM, README.md @0bc0355, table Evaluation",
        url=f"{_GITHUB}/xinghaochen/TinySAM",
    ),
    Publication(
        name="HQ-SAM README",
        title="SysCV/sam-hq, README.md @2b66d19, Light HQ-SAM vs MobileSAM; Grounded HQ-SAM on SegInW",
        url=f"{_GITHUB}/SysCV/sam-hq",
    ),
    Publication(
        name="HQ-SAM 2 README",
        title="SysCV/sam-hq, sam-hq2/README.md @1e6480e, Model Description",
        url=f"{_GITHUB}/SysCV/sam-hq/tree/main/sam-hq2",
    ),
    Publication(
        name="EfficientViT-SAM README",
        title="mit-han-lab/efficientvit, applications/efficientvit_sam/README.md @7c004eb, Pretrained EfficientViT-SAM",
        url=f"{_GITHUB}/mit-han-lab/efficientvit/tree/master/applications/efficientvit_sam",
    ),
    Publication(
        name="RepViT-SAM README",
        title="THU-MIG/RepViT, sam/README.md @3537948, Latency comparisons",
        url=f"{_GITHUB}/THU-MIG/RepViT/tree/main/sam",
    ),
    Publication(
        name="NanoSAM README",
        title="NVIDIA-AI-IOT/nanosam, README.md, Performance",
        url=f"{_GITHUB}/NVIDIA-AI-IOT/nanosam",
    ),
    Publication(
        name="segment-anything-fast",
        title="meta-pytorch/segment-anything-fast @e6aadeb, experiments/results.csv",
        url=f"{_GITHUB}/meta-pytorch/segment-anything-fast/blob/main/experiments/results.csv",
    ),
    Publication(
        name="torchao",
        title="pytorch/ao, benchmarks/sam_benchmark_results.csv",
        url=f"{_GITHUB}/pytorch/ao/blob/main/benchmarks/sam_benchmark_results.csv",
    ),
    Publication(
        name="optimum-intel PR 1384",
        title="huggingface/optimum-intel, pull request 1384, table of SAM in INT8",
        url=f"{_GITHUB}/huggingface/optimum-intel/pull/1384",
    ),
    Publication(
        name="lightning-sam README",
        title="luca-medeiros/lightning-sam, README.md; its config trains ViT-H",
        url=f"{_GITHUB}/luca-medeiros/lightning-sam",
    ),
    Publication(
        name="RectLabel",
        title="RectLabel's author, comment on running SAM on an M1",
        url="https://rectlabel.com",
    ),
    Publication(
        name="Ultralytics docs 8.3.90",
        title="Ultralytics documentation 8.3.90, docs/en/models/mobile-sam.md",
        url="https://docs.ultralytics.com/models/mobile-sam/",
    ),
    Publication(
        name="Ultralytics docs 8.4.31",
        title="Ultralytics documentation 8.4.31, docs/en/models/fast-sam.md",
        url="https://docs.ultralytics.com/models/fast-sam/",
    ),
    Publication(
        name="Ultralytics docs, older",
        title="Ultralytics documentation, an older docs/en/models/sam.md",
        url="https://docs.ultralytics.com/models/sam/",
    ),
    Publication(
        name="SAM 2 README",
        title="facebookresearch/sam2, README.md @2b90b9f, Model Description",
        url=f"{_GITHUB}/facebookresearch/sam2",
    ),
    Publication(
        name="SAM 3 README",
        title="facebookresearch/sam3, README.md",
        url=f"{_GITHUB}/facebookresearch/sam3",
    ),
    Publication(
        name="Huang et al. 2024",
        title="Segment anything model for medical images?, Medical Image Analysis 92, arXiv:2304.14660",
        url="https://www.sciencedirect.com/science/article/abs/pii/S1361841523003213",
    ),
    Publication(
        name="SAM-Med2D README",
        title="OpenGVLab/SAM-Med2D README, results",
        url=f"{_GITHUB}/OpenGVLab/SAM-Med2D",
    ),
    Publication(
        name="samara fine-tuning benchmark",
        title="benchmarks/finetuning_memory.py, measured by this project, benchmarks/results/finetuning_memory.csv",
        url="benchmarks/results/finetuning_memory.csv",
    ),
    Publication(
        name="samara_mini card",
        title="docs/samara_mini.md, measured by this project, training/results/samara_mini.json",
        url="docs/samara_mini.md",
    ),
)

SOURCES: Mapping[str, Publication] = {source.name: source for source in _SOURCES}
