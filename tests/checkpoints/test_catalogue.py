import importlib.resources
import re
import subprocess
import sys

import pytest

from samara.checkpoints.catalogue import CATALOGUE, find
from samara.checkpoints.store.digests import digest_checkpoint
from samara.errors import UnknownCheckpoint
from samara.networks.variants import VARIANTS
from samara.recommendation.tasks import DOMAINS
from tests.checkpoints.files import parameters_of

SPDX = {"Apache-2.0", "AGPL-3.0-only", "CC-BY-4.0"}
ROWS = pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)


def test_every_name_and_alias_belongs_to_one_checkpoint():
    names = [name for row in CATALOGUE for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))
    assert len({row.file_name.lower() for row in CATALOGUE}) == len(CATALOGUE)


@ROWS
def test_row_is_well_formed(row):
    for name in (row.name, *row.aliases):
        assert re.fullmatch(r"[a-z][a-z0-9._+-]*", name)
    assert row.variant in VARIANTS
    assert re.fullmatch(r"[\w.+-]+\.(pth|pt|safetensors)", row.file_name)
    assert row.licence in SPDX or row.licence.startswith("LicenseRef-")
    assert row.source
    assert row.trained_on
    assert row.pred_iou_thresh is None or 0 <= row.pred_iou_thresh < 1
    assert row.stability_score_thresh is None or 0 <= row.stability_score_thresh < 1
    assert row.input_size % VARIANTS[row.variant].preprocessing.multiple == 0


@ROWS
def test_row_says_where_the_file_comes_from(row):
    if row.url is None:
        assert row.embedded or row.note
    else:
        assert re.fullmatch(r"https://[\w./+-]+", row.url)
        # Some publishers give several files one name; the store then needs another.
        served = row.url.rpartition("/")[2]
        assert row.archive_name in (None, served)
        assert served in (row.archive_name, row.file_name, "model.safetensors", "download", f"{row.variant}.pt")


@ROWS
def test_digests_have_their_length(row):
    for digest, length in ((row.sha256, 64), (row.md5, 32), (row.git_blob_sha1, 40), (row.xxh128, 32)):
        assert digest is None or re.fullmatch(f"[0-9a-f]{{{length}}}", digest)


@pytest.mark.parametrize("name", ["sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam"])
def test_published_float32_files_hold_all_parameters(name):
    row = find(name)
    # Headers of a zip: some hundred bytes per tensor.
    assert 4 * parameters_of(row.variant) <= row.size_bytes <= 4 * parameters_of(row.variant) + 400_000


def test_a_speciality_is_a_domain_of_recommendations_and_has_an_origin_with_the_same_network():
    specialists = [row for row in CATALOGUE if row.speciality or row.origin]
    assert specialists
    for row in specialists:
        assert row.speciality in DOMAINS
        assert row.origin is None or find(row.origin).variant == row.variant


def test_md5_of_sam_begins_with_the_suffix_of_its_name():
    for name in ("vit_h", "vit_l", "vit_b"):
        row = find(name)
        assert row.md5.startswith(row.file_name.removesuffix(".pth").rpartition("_")[2])


def test_embedded_row_describes_the_real_file():
    row = find("samara_mini")
    with importlib.resources.as_file(
        importlib.resources.files("samara.checkpoints") / "weights" / row.file_name
    ) as path:
        assert path.stat().st_size == row.size_bytes
        assert digest_checkpoint(path, "sha256") == row.sha256


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vit_b", "sam_vit_b"),
        ("VIT_H", "sam_vit_h"),
        (" vit_l ", "sam_vit_l"),
        ("vit_t", "mobile_sam"),
        ("mini", "samara_mini"),
        ("hq_vit_t", "sam_hq_vit_tiny"),
        ("sam2.1_hiera_large", "sam2.1_l"),
        ("sam2_b", "sam2_b+"),
        ("FastSAM-x", "fastsam_x"),
        ("yolo11n_seg", "yolo11n-seg"),
    ],
)
def test_find_takes_names_and_aliases_in_any_case(name, expected):
    assert find(name).name == expected


@pytest.mark.parametrize(
    ("name", "hint"), [("vit_bb", "vit_b"), ("sam_vit_huge", "sam_vit_h"), ("mobilsam", "mobilesam")]
)
def test_unknown_name_is_answered_with_near_ones(name, hint):
    with pytest.raises(UnknownCheckpoint, match=f"{name}.*did you mean.*{hint}"):
        find(name)


def test_unknown_name_far_from_all_points_to_the_list():
    with pytest.raises(UnknownCheckpoint, match="samara checkpoints list"):
        find("qqqqqqqqqqqq")


def test_catalogue_imports_the_standard_library_only():
    code = "import sys; old = set(sys.modules); import samara.checkpoints.catalogue; print(*set(sys.modules) - old)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"samara"}
    assert foreign == set()


def test_every_size_of_yolo_and_fast_sam_has_a_row():
    rows = {row.variant: row for row in CATALOGUE if VARIANTS[row.variant].family == "yolo_seg"}
    assert set(rows) == {name for name, variant in VARIANTS.items() if variant.family == "yolo_seg"}
    assert {row.licence for row in rows.values()} == {"AGPL-3.0-only"}
    for name, row in rows.items():
        assert row.input_size == VARIANTS[name].preprocessing.input_size
        # Half precision, in a pickled module.
        if row.size_bytes is not None:
            assert 2 * VARIANTS[name].parameters < row.size_bytes < 2.3 * VARIANTS[name].parameters
