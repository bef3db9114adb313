"""The catalogue's record of a checkpoint file."""

from __future__ import annotations

from dataclasses import dataclass

from samara.checkpoints.licences import licence_of
from samara.networks.presets import with_preset
from samara.networks.variants import VARIANTS, Variant


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One published file of weights.

    Attributes:
        name: samara's name for it; lower case, unique.
        aliases: further names; unique over the whole catalogue.
        variant: its architecture, a name in `samara.networks.variants`.
        file_name: name of the file in the store.
        url: the publisher's address; None if it needs no download, or an account.
        licence: SPDX identifier, or LicenseRef-... for a licence that SPDX does not list.
        source: page or repository, and who vouches for size and digests.
        trained_on: data sets, as the publisher states them.
        size_bytes: exact length of the file.
        sha256: SHA-256, 64 hexadecimal digits.
        md5: MD5, 32 hexadecimal digits; the only known digest of some files.
        git_blob_sha1: its git object id, 40 digits, vouched for by the publisher's repository.
        xxh128: XXH128, 32 hexadecimal digits; shows damage, but not forgery.
        input_size: side in pixels of the square network input it was trained for.
        pred_iou_thresh: automatic masks below this predicted IoU are dropped; None for the variant's own.
        stability_score_thresh: automatic masks below this stability score are dropped; None for the variant's own.
        archive_name: name of the zip if `url` serves one with the checkpoint inside; size and digests are then those of
            the zip.
        preset: how it wants its images, where its tensors cannot tell; a name in `samara.networks.presets`.
        embedded: whether the file is part of the package.
        origin: name of the checkpoint that it was trained further from, for a speciality; None for most.
        speciality: the domain of images, a name in `samara.recommendation.tasks`, that it was trained further for, and
            is recommended for alone; empty for most.
        note: what to know before choosing it; empty for most.
    """

    name: str
    aliases: tuple[str, ...]
    variant: str
    file_name: str
    url: str | None
    licence: str
    source: str
    trained_on: str | None
    size_bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    git_blob_sha1: str | None = None
    xxh128: str | None = None
    input_size: int = 1024
    pred_iou_thresh: float | None = None
    stability_score_thresh: float | None = None
    archive_name: str | None = None
    preset: str | None = None
    embedded: bool = False
    origin: str | None = None
    speciality: str = ""
    note: str = ""

    @property
    def network(self) -> Variant:
        """Its architecture, with the preset."""
        return with_preset(VARIANTS[self.variant], self.preset)

    @property
    def is_free_for_commerce(self) -> bool:
        """Whether products may use it without licence conditions, see `samara.checkpoints.licences`."""
        return licence_of(self.licence).commercial == "free"
