"""The rules of the guide "SAM Model Checkpoints Comparison" as data, and where samara differs.

Many people choose by these rules. Each row is a situation with the guide's recommendation; where measurements and
published figures disagree, they take precedence, `differs` says why, and a recommendation that departs from the rule
says so too. `tests/recommendation/test_guide.py` tests every row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from samara.checkpoints.catalogue import find
from samara.errors import SettingsError
from samara.measurement.published.guide_claims import GUIDE
from samara.recommendation.quality import WITHOUT_HQ
from samara.recommendation.request import Request
from samara.recommendation.target import Target

THRESHOLDS: tuple[tuple[float, str], ...] = ((12, "vit_h"), (6, "vit_l"), (0, "vit_b"))
"""Min. GB of GPU memory and the guide's variant for it, largest first."""


def select_sam_checkpoint(available_vram_gb: float) -> str:
    """Choose among SAM's three checkpoints by GPU memory alone: 12 GB and more ViT-H, 6 GB and more ViT-L, else ViT-B.

    The guide's own rule, kept for code that relies on it. It is conservative: samara estimates about 4 GB for ViT-H,
    and the rule has no checkpoint smaller than ViT-B; `samara.recommend` also considers task, speed, licence and
    quality.

    Args:
        available_vram_gb: memory of the GPU in GB, at least 0.

    Returns:
        A catalogue alias accepted by `samara.load` and `sam_model_registry`.

    Raises:
        SettingsError: it is not a number, or negative.

    Source: the guide, section 7, "Checkpoint Selection for ARR-COC".
    """
    if math.isnan(available_vram_gb) or available_vram_gb < 0:
        raise SettingsError(f"available_vram_gb is {available_vram_gb}; it must be a number of GB, at least 0")
    return next(variant for least, variant in THRESHOLDS if available_vram_gb >= least)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row of section 6 of the guide.

    Attributes:
        where: the table or list.
        situation: name of the situation in the guide.
        primary: recommended checkpoints, names in the catalogue.
        alternatives: checkpoints it allows as well.
        task, domain: the situation in samara's terms; None if the row applies to any.
        gpu_gb: min. and max. memory of the GPU; (0, 0) for CPU only, None for any machine.
        instead: samara's recommendation on a typical machine, if different.
        differs: reason for the difference, a clause about `instead`; empty if samara follows the row.
    """

    where: str
    situation: str
    primary: tuple[str, ...]
    alternatives: tuple[str, ...] = ()
    task: str | None = None
    domain: str | None = None
    gpu_gb: tuple[float, float] | None = None
    instead: tuple[str, ...] = ()
    differs: str = ""

    def speaks_of(self, request: Request, target: Target) -> bool:
        """Return whether the row applies to this request on this machine."""
        fits_task = self.task in (None, request.task)
        fits_domain = self.domain in (None, request.domain)
        return fits_task and fits_domain and (self.gpu_gb is None or _lies_in(self.gpu_gb, target))


def _lies_in(gpu_gb: tuple[float, float], target: Target) -> bool:
    low, high = gpu_gb
    if target.device != "cuda" or target.memory_bytes is None:
        return high == 0
    # A card sold as 24 GB reports slightly more or less.
    return low * 0.95 <= target.memory_bytes / 1e9 < max(high, low) * 1.08 and high > 0


_H, _L, _B = ("sam_vit_h",), ("sam_vit_l",), ("sam_vit_b",)
_SMALL = ("mobile_sam", "fastsam_s", "fastsam_x")


_HQ_IS_AHEAD = (
    "HQ-SAM ViT-H has the same image encoder and is better where both were published: mean AP 0.496 to 0.487 on SegInW"
)
_NEWER = (
    "EfficientViT-SAM is newer than the guide: its five sizes encode an image with 0.07 to 0.64 TFLOP where ViT-B, "
    "ViT-L and ViT-H take 1.0, 3.0 and 6.0, and by published figures they reach 0.96 to 1.01 of ViT-H's quality, ViT-B "
    "0.91"
)
RULES: tuple[Rule, ...] = (
    Rule(
        where="Decision Matrix",
        situation="Maximum quality",
        primary=_H,
        task="maximum quality",
        instead=("sam_hq_vit_h",),
        differs=_HQ_IS_AHEAD,
    ),
    Rule(
        where="Decision Matrix",
        situation="Production balanced",
        primary=_L,
        task="production",
        instead=("efficientvit_sam_xl0",),
        differs=_NEWER,
    ),
    Rule(
        where="Decision Matrix",
        situation="Real-time",
        primary=_B,
        task="real-time",
        instead=("efficientvit_sam_l0",),
        differs=_NEWER,
    ),
    Rule(
        where="Decision Matrix",
        situation="Edge/Mobile",
        primary=_B,
        task="edge",
        instead=("efficientvit_sam_l0",),
        differs=_NEWER,
    ),
    Rule(
        where="Decision Matrix",
        situation="Fine-tuning (limited GPU)",
        primary=_B,
        task="fine-tuning",
        gpu_gb=(4, 8),
        instead=("efficientvit_sam_l2",),
        differs=_NEWER,
    ),
    Rule(where="Decision Matrix", situation="Research benchmarks", primary=_H, task="benchmark"),
    Rule(
        where="Decision Matrix",
        situation="Medical imaging",
        primary=_H,
        domain="medical",
        instead=("efficientvit_sam_xl0",),
        differs=_NEWER,
    ),
    Rule(
        where="Decision Matrix",
        situation="Interactive annotation",
        primary=_L,
        task="interactive annotation",
        instead=("efficientvit_sam_xl1",),
        differs=_NEWER,
    ),
    Rule(
        where="Application-Based Recommendations",
        situation="Medical Imaging & Scientific",
        primary=_H,
        alternatives=_L,
        domain="medical",
        task="maximum quality",
        instead=("efficientvit_sam_xl1",),
        differs=_NEWER,
    ),
    Rule(
        where="Application-Based Recommendations",
        situation="Autonomous Driving",
        primary=_B + _L,
        alternatives=_SMALL,
        domain="driving",
        task="real-time",
        instead=("efficientvit_sam_l0",),
        differs=_NEWER,
    ),
    Rule(
        where="Application-Based Recommendations",
        situation="Content Creation / Background Removal",
        primary=_L,
        alternatives=_B,
        domain="content creation",
        instead=("efficientvit_sam_xl0",),
        differs=_NEWER,
    ),
    Rule(
        where="Application-Based Recommendations",
        situation="Dataset Annotation, interactive",
        primary=_L,
        task="interactive annotation",
        instead=("efficientvit_sam_xl1",),
        differs=_NEWER,
    ),
    Rule(
        where="Application-Based Recommendations",
        situation="Dataset Annotation, large-scale",
        primary=_B,
        task="batch annotation",
        instead=("efficientvit_sam_xl1",),
        differs=_NEWER,
    ),
    Rule(
        where="Application-Based Recommendations",
        situation="Robotics / Embedded",
        primary=_B,
        alternatives=_SMALL,
        domain="robotics",
        task="edge",
        instead=("efficientvit_sam_l0",),
        differs=_NEWER,
    ),
    Rule(
        where="Hardware-Based Selection",
        situation="High-End GPU (24+ GB VRAM)",
        primary=_H,
        gpu_gb=(24, math.inf),
        instead=("efficientvit_sam_xl1",),
        differs=_NEWER,
    ),
    Rule(
        where="Hardware-Based Selection",
        situation="Mid-Range GPU (8-16 GB VRAM)",
        primary=_L,
        gpu_gb=(8, 16),
        instead=("efficientvit_sam_xl0",),
        differs=_NEWER,
    ),
    Rule(
        where="Hardware-Based Selection",
        situation="Mid-Range GPU, fine-tuning",
        primary=_B,
        task="fine-tuning",
        gpu_gb=(8, 16),
        instead=("efficientvit_sam_xl0",),
        differs=_NEWER,
    ),
    Rule(
        where="Hardware-Based Selection",
        situation="Consumer GPU (4-8 GB VRAM)",
        primary=_B,
        alternatives=("mobile_sam",),
        gpu_gb=(4, 8),
        instead=("efficientvit_sam_l2",),
        differs=_NEWER,
    ),
    Rule(
        where="Hardware-Based Selection",
        situation="CPU Only",
        primary=_B,
        gpu_gb=(0, 0),
        instead=("efficientvit_sam_l0",),
        differs=_NEWER,
    ),
    Rule(
        where="Cost-Benefit Analysis",
        situation="ViT-H for production",
        primary=_H,
        task="production",
        instead=("efficientvit_sam_xl0",),
        differs=_NEWER,
    ),
    Rule(where="Cost-Benefit Analysis", situation="ViT-H for research", primary=_H, task="benchmark"),
    Rule(
        where="Cost-Benefit Analysis",
        situation="ViT-L for most applications",
        primary=_L,
        task="production",
        instead=("efficientvit_sam_xl0",),
        differs=_NEWER,
    ),
    Rule(
        where="Cost-Benefit Analysis",
        situation="ViT-B where speed is critical",
        primary=_B,
        task="real-time",
        instead=("efficientvit_sam_l0",),
        differs=_NEWER,
    ),
    Rule(
        where="Cost-Benefit Analysis",
        situation="ViT-B for edge",
        primary=_B,
        task="edge",
        instead=("efficientvit_sam_l0",),
        differs=_NEWER,
    ),
)


def rules_for(request: Request, target: Target) -> tuple[Rule, ...]:
    """Return the rows that apply to a request, the most specific situation first."""
    speaking = [rule for rule in RULES if rule.speaks_of(request, target)]
    return tuple(sorted(speaking, key=lambda rule: (rule.domain is None, rule.task is None, rule.gpu_gb is None)))


def guide_note(request: Request, target: Target, chosen: str | None) -> str | None:
    """Say whether a recommendation follows the guide, or why not; None without a rule or a choice."""
    rules = rules_for(request, target)
    if not rules or chosen is None:
        return None
    agreeing = next((rule for rule in rules if chosen in rule.primary), None)
    if agreeing is not None:
        others = [rule for rule in rules if chosen not in (*rule.primary, *rule.alternatives)]
        but = f"; for {others[0].situation} it says {' or '.join(others[0].primary)}" if others else ""
        return f"{_says(agreeing)}, and so does this recommendation{but}."
    allowing = next((rule for rule in rules if chosen in rule.alternatives), None)
    if allowing is not None:
        return f"{_says(allowing)} and allows {chosen}."
    by_machine = sorted(rules, key=lambda rule: rule.gpu_gb is None)
    explained = next((rule for rule in by_machine if chosen in rule.instead), None)
    if explained is not None:
        return f"{_says(explained)}; this recommendation differs: {explained.differs}."
    return f"{_says(rules[0])}; on this machine and with these limits the figures above lead to a different choice."


def _says(rule: Rule) -> str:
    return f'The guide "{GUIDE}" says {" or ".join(rule.primary)} for {rule.situation}'


def memory_note(target: Target, chosen: str | None, memory_bytes: float | None) -> str | None:
    """Say if the guide's memory thresholds would forbid the chosen checkpoint."""
    if target.device != "cuda" or target.memory_bytes is None or chosen is None or memory_bytes is None:
        return None
    least = {variant: gigabytes for gigabytes, variant in THRESHOLDS}
    wanted = least.get(find(WITHOUT_HQ.get(chosen, chosen)).variant)
    if wanted is None or target.memory_bytes / 1e9 >= wanted * 0.95:
        return None
    return (
        f"By the guide's thresholds {chosen} needs a GPU with {wanted:g} GB; the estimate above is "
        f"{memory_bytes / 1e9:.1f} GB, because samara never stores a whole attention matrix."
    )
