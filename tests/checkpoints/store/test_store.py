import concurrent.futures
import dataclasses
import hashlib
import io
import json
import logging
import os
import zipfile

import pytest

from samara.checkpoints.catalogue import CATALOGUE, find
from samara.checkpoints.licences import licence_of
from samara.checkpoints.load import load
from samara.checkpoints.store import store as store_module
from samara.checkpoints.store.store import CheckpointStore
from samara.errors import ChecksumMismatch, DownloadFailed, LicenceNotAccepted, UnknownCheckpoint

CONTENT = b"weights" * 10_000
BASE = find("mobile_sam")


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path / "store", offline=False)


@pytest.fixture
def catalogue(monkeypatch):
    """Replace the row of mobile_sam by one that fits a small file."""

    def replace(**changes):
        facts = {
            "size_bytes": len(CONTENT),
            "sha256": hashlib.sha256(CONTENT).hexdigest(),
            "md5": None,
            "git_blob_sha1": None,
        }
        row = dataclasses.replace(BASE, **(facts | changes))
        rows = tuple(row if old.name == row.name else old for old in CATALOGUE)
        monkeypatch.setattr("samara.checkpoints.catalogue.CATALOGUE", rows)
        monkeypatch.setattr(store_module, "CATALOGUE", rows)
        return row

    return replace


def put(store, content=CONTENT):
    store.directory.mkdir(exist_ok=True)
    path = store.directory / BASE.file_name
    path.write_bytes(content)
    return path


def test_a_licence_that_forbids_commerce_is_accepted_first(store, serve, catalogue):
    server = serve(CONTENT)
    row = catalogue(url=server.url, licence="LicenseRef-S-Lab-1.0")
    with pytest.raises(
        LicenceNotAccepted, match=r"LicenseRef-S-Lab-1.0: not for commercial use\. Read https://.*LICENSE"
    ):
        store.get("vit_t")
    with pytest.raises(LicenceNotAccepted, match=f"get {row.name} with `accept_licence=True`"):
        load("vit_t", download=True, store=store)
    with pytest.raises(UnknownCheckpoint, match=r"checkpoints get mobile_sam` \(0 MB\)$"):
        load("vit_t", store=store)
    assert server.behaviour.requests == []
    assert not store.path(row).exists()
    path = store.get("vit_t", accept_licence=True)
    assert path.read_bytes() == CONTENT
    assert store.get("vit_t") == path  # what is there was accepted


def test_every_licence_to_accept_says_where_it_stands():
    forbidding = {licence_of(row.licence) for row in CATALOGUE if licence_of(row.licence).must_be_accepted}
    assert {licence.identifier for licence in forbidding} >= {"LicenseRef-S-Lab-1.0"}
    assert all(licence.text.startswith("https://") for licence in forbidding)


def test_a_checkpoint_is_fetched_once(store, serve, catalogue):
    server = serve(CONTENT)
    catalogue(url=server.url)
    told = []
    path = store.get("vit_t", progress=lambda *step: told.append(step))
    assert path == store.directory / "mobile_sam.pt"
    assert path.read_bytes() == CONTENT
    assert told[-1] == ("mobile_sam", len(CONTENT), len(CONTENT))
    assert store.get("mobile_sam") == path
    assert len(server.behaviour.requests) == 1


def test_a_checkpoint_without_a_digest_is_fetched_and_not_called_checked(store, serve, catalogue):
    catalogue(url=serve(CONTENT).url, sha256=None)
    path = store.get("mobile_sam")
    assert path.read_bytes() == CONTENT
    assert not path.with_name(f"{path.name}.checked.json").exists()


def test_the_embedded_checkpoint_is_in_the_package(store):
    path = store.get("samara_mini")
    assert path.is_file()
    assert path.parent.name == "weights"
    assert not store.directory.exists()
    assert not path.with_name(f"{path.name}.checked.json").exists()


def test_a_broken_installation_is_told(store, monkeypatch, tmp_path):
    monkeypatch.setattr(store_module.resources, "files", lambda package: tmp_path)
    with pytest.raises(ChecksumMismatch, match="Reinstall samara"):
        store.get("mini")


def test_unknown_names_are_answered_as_by_the_catalogue(store):
    with pytest.raises(UnknownCheckpoint, match="did you mean"):
        store.get("vit_bb")


def test_offline_says_where_the_file_belongs_and_where_it_comes_from(tmp_path):
    store = CheckpointStore(tmp_path, offline=True)
    with pytest.raises(DownloadFailed) as raised:
        store.get("vit_b")
    assert str(tmp_path / "sam_vit_b_01ec64.pth") in str(raised.value)
    assert "https://dl.fbaipublicfiles.com/" in str(raised.value)
    assert "SAMARA_OFFLINE" in str(raised.value)


def test_offline_a_file_that_is_there_is_used(tmp_path, catalogue):
    catalogue()
    store = CheckpointStore(tmp_path, offline=True)
    path = put(store)
    assert store.get("mobile_sam") == path


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b"x" + CONTENT[1:]])
def test_offline_a_wrong_file_is_not_used(tmp_path, catalogue, content):
    catalogue()
    store = CheckpointStore(tmp_path, offline=True)
    put(store, content)
    with pytest.raises(ChecksumMismatch, match="Downloads are disabled"):
        store.get("mobile_sam")


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b"x" + CONTENT[1:], b""])
def test_a_wrong_file_is_fetched_again_with_a_warning(store, serve, catalogue, caplog, content):
    catalogue(url=serve(CONTENT).url)
    path = put(store, content)
    with caplog.at_level(logging.WARNING):
        store.get("mobile_sam")
    assert path.read_bytes() == CONTENT
    assert "Downloading it again." in caplog.text


def test_a_gated_checkpoint_says_how_to_get_it(store):
    with pytest.raises(
        DownloadFailed,
        match=r"accept the licence at https://huggingface.co/facebook/sam3.*save the file as .*sam3\.pt",
    ):
        store.get("sam3")


def test_the_digest_is_computed_once(store, catalogue, monkeypatch):
    catalogue()
    path = put(store)
    computed = []
    original = store_module.digest_checkpoint
    monkeypatch.setattr(store_module, "digest_checkpoint", lambda *two: computed.append(two) or original(*two))
    for _ in range(3):
        store.get("mobile_sam")
    assert len(computed) == 1
    os.utime(path, ns=(1, 1))
    store.get("mobile_sam")
    assert len(computed) == 2
    store.verify(["mobile_sam"])
    assert len(computed) == 3


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"size": 1}'])
def test_a_damaged_note_is_ignored(store, catalogue, note):
    catalogue()
    path = put(store)
    path.with_name(f"{path.name}.checked.json").write_text(note)
    assert store.get("mobile_sam") == path


def test_a_note_of_a_wrong_digest_is_believed_too(store, serve, catalogue):
    catalogue(url=serve(CONTENT).url)
    path = put(store, b"x" + CONTENT[1:])
    assert store.verify(["mobile_sam"])[0].verdict == "wrong hash"
    assert "sha256" in json.loads(path.with_name(f"{path.name}.checked.json").read_text())
    assert store.get("mobile_sam").read_bytes() == CONTENT


def test_a_store_that_may_only_be_read_is_used(store, catalogue, monkeypatch):
    catalogue()
    path = put(store)

    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    assert store.get("mobile_sam") == path


@pytest.mark.parametrize(
    ("facts", "content", "verdict", "wrong"),
    [
        ({}, CONTENT, "ok", False),
        ({}, CONTENT[:-1], "wrong size", True),
        ({}, b"x" + CONTENT[1:], "wrong hash", True),
        ({}, None, "not there", True),
        ({"sha256": None}, CONTENT, "nothing to compare with", False),
        ({"sha256": None, "size_bytes": None}, CONTENT, "nothing to compare with", False),
        ({"sha256": None, "md5": hashlib.md5(CONTENT).hexdigest()}, CONTENT, "ok", False),
    ],
)
def test_verify(store, catalogue, facts, content, verdict, wrong):
    catalogue(**facts)
    if content is not None:
        put(store, content)
    (verification,) = store.verify(["vit_t"])
    assert (verification.verdict, verification.is_wrong) == (verdict, wrong)
    assert verification.name == "mobile_sam"
    assert str(verification.path) in verification.detail
    assert verification.detail.endswith(".")


def test_verify_without_names_checks_what_is_here(store, catalogue):
    catalogue()
    put(store)
    assert {each.name: each.verdict for each in store.verify()} == {
        "mobile_sam": "ok",
        "samara_mini": "ok",
    }


def test_entries_list_the_whole_catalogue(store, catalogue):
    catalogue()
    path = put(store, CONTENT[:5])
    (store.directory / "sam_vit_b_01ec64.pth.part").touch()
    states = {entry.checkpoint.name: entry.state for entry in store.entries()}
    assert list(states) == [row.name for row in CATALOGUE]
    assert states["samara_mini"] == "here"
    assert states["mobile_sam"] == "wrong size"
    assert states["sam_vit_b"] == "partial"
    assert states["sam_vit_h"] == "absent"
    path.write_bytes(CONTENT)
    assert next(entry for entry in store.entries() if entry.path == path).size_bytes == len(CONTENT)


def zipped(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, CONTENT)
    return stream.getvalue()


def archived(catalogue, serve, data):
    server = serve(data)
    catalogue(
        url=server.url,
        archive_name="mobile_sam.pt.zip",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    return server


def test_a_checkpoint_inside_a_zip_is_unpacked(store, serve, catalogue):
    server = archived(catalogue, serve, zipped("weights/mobile_sam.pt"))
    path = store.get("mobile_sam")
    assert path.read_bytes() == CONTENT
    assert not (store.directory / "mobile_sam.pt.zip").exists()
    assert store.get("mobile_sam") == path
    assert len(server.behaviour.requests) == 1
    assert store.verify(["mobile_sam"])[0].verdict == "nothing to compare with"


def test_two_at_once_unpack_once(store, serve, catalogue):
    server = archived(catalogue, serve, zipped("weights/mobile_sam.pt"))
    server.behaviour.pause_s = 0.3
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(store.get, ["mobile_sam"] * 2))
    assert paths[0] == paths[1]
    assert len(server.behaviour.requests) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped("other.pt"), "contains 0"),
        (zipped("a/mobile_sam.pt", "b/mobile_sam.pt"), "contains 2"),
        (b"x" * 100, "not a zip"),
    ],
)
def test_a_zip_without_the_checkpoint_is_told(store, serve, catalogue, data, reason):
    archived(catalogue, serve, data)
    with pytest.raises(DownloadFailed, match=reason):
        store.get("mobile_sam")


def test_the_directory_is_chosen_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "mine"))
    assert CheckpointStore().directory == tmp_path / "mine"
    monkeypatch.setenv("SAMARA_HOME", " ")
    assert CheckpointStore().directory.parts[-2:] == ("samara", "checkpoints")
    assert CheckpointStore(tmp_path).directory == tmp_path


@pytest.mark.parametrize("name", ["SAMARA_OFFLINE", "HF_HUB_OFFLINE"])
@pytest.mark.parametrize(("value", "expected"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("", False)])
def test_fetching_is_switched_off_by_the_environment(monkeypatch, name, value, expected):
    monkeypatch.setenv(name, value)
    assert CheckpointStore().offline is expected
    assert CheckpointStore(offline=False).offline is False


def test_making_a_store_touches_nothing(tmp_path):
    store = CheckpointStore(tmp_path / "store")
    store.entries()
    store.verify()
    assert not store.directory.exists()
