"""The commands as a user types them, in this process; what they call is tested in tests/checkpoints."""

import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from samara.checkpoints.catalogue import CATALOGUE, find
from samara.checkpoints.store import store as store_module
from samara.cli.checkpoints import app
from samara.cli.sentences import as_options
from samara.errors import DownloadFailed, LicenceNotAccepted, UnknownCheckpoint, UnrecognisedCheckpoint

from ..checkpoints.server import Behaviour, Server

CONTENT = b"weights" * 1000


@pytest.fixture(autouse=True)
def _isolated(monkeypatch, tmp_path):
    for name in ("SAMARA_OFFLINE", "HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "store"))


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=True)


@pytest.fixture
def served(monkeypatch):
    server = Server(Behaviour(CONTENT))
    row = dataclasses.replace(
        find("mobile_sam"),
        url=server.url,
        size_bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        md5=None,
        git_blob_sha1=None,
    )
    rows = tuple(row if old.name == row.name else old for old in CATALOGUE)
    monkeypatch.setattr("samara.checkpoints.catalogue.CATALOGUE", rows)
    monkeypatch.setattr(store_module, "CATALOGUE", rows)
    yield row
    server.stop()


def test_list_shows_every_checkpoint_with_its_licence(run):
    result = run("list")
    assert result.exit_code == 0
    for row in CATALOGUE:
        assert row.name in result.output
        assert row.licence.removeprefix("LicenseRef-") in result.output
        assert row.note in " ".join(result.output.split())
    assert "375.0 MB" in result.output


def test_list_as_json(run, tmp_path):
    records = json.loads(run("list", "--json").output)
    assert [record["name"] for record in records] == [row.name for row in CATALOGUE]
    mini = next(record for record in records if record["name"] == "samara_mini")
    assert (mini["state"], mini["here_bytes"]) == ("here", mini["size_bytes"])
    absent = next(record for record in records if record["name"] == "sam_vit_b")
    assert (absent["state"], absent["path"]) == ("absent", str(tmp_path / "store" / "sam_vit_b_01ec64.pth"))


def test_list_of_what_may_be_sold(run):
    records = json.loads(run("list", "--commercial", "--json").output)
    assert {record["licence"] for record in records} == {"Apache-2.0", "CC-BY-4.0"}
    assert {record["commercial"] for record in records} == {"free"}
    everything = {record["name"]: record["commercial"] for record in json.loads(run("list", "--json").output)}
    assert everything["fastsam_s"] == "conditions"
    assert everything["edge_sam"] == "forbidden"
    table = run("list", "--commercial").output
    assert "sam_vit_b" in table
    assert "yolo11n-seg" not in table
    assert "AGPL" not in table


def test_list_says_what_the_licences_mean(run):
    output = run("list").output
    assert "AGPL-3.0-only: anything built on it and offered to others" in output
    assert "S-Lab-1.0: not for commercial use" in " ".join(output.split())
    assert max(len(line) for line in output.splitlines()[: len(CATALOGUE) + 1]) <= 80


def test_list_of_another_directory(run, tmp_path):
    records = json.loads(run("list", "--json", "--dir", tmp_path).output)
    assert next(record["path"] for record in records if record["name"] == "mobile_sam") == str(
        tmp_path / "mobile_sam.pt"
    )


def test_get_prints_the_path_and_no_bar_without_a_terminal(run, served, tmp_path):
    result = run("get", "vit_t", "--dir", tmp_path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{tmp_path / 'mobile_sam.pt'}\n", "")
    assert (tmp_path / "mobile_sam.pt").read_bytes() == CONTENT


def test_get_asks_for_a_licence_to_be_accepted(run, tmp_path):
    result = run("get", "edge_sam", "--dir", tmp_path)
    assert isinstance(result.exception, LicenceNotAccepted)
    assert as_options(str(result.exception)).endswith("get edge_sam with --accept-licence")
    assert not (tmp_path / "edge_sam.pth").exists()


def test_get_says_a_licence_that_binds(run, tmp_path):
    row = find("fastsam_s")
    (tmp_path / row.file_name).write_bytes(b"any: no digest is known")
    result = run("get", "fastsam_s", "--dir", tmp_path)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / row.file_name}\n")
    assert result.stderr.startswith("samara: fastsam_s is under AGPL-3.0-only: anything built on it")


def test_get_shows_a_bar_on_a_terminal(run, served, monkeypatch):
    monkeypatch.setattr("samara.cli.progress.stderr_is_terminal", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = run("get", "vit_t")
    assert result.exit_code == 0
    assert "vit_t" in result.stderr
    assert result.stdout.endswith("mobile_sam.pt\n")


def test_errors_are_left_to_the_main_command(run, monkeypatch, tmp_path):
    assert isinstance(run("get", "vit_bb").exception, UnknownCheckpoint)
    assert isinstance(run("identify", tmp_path / "nothing").exception, UnrecognisedCheckpoint)
    monkeypatch.setenv("SAMARA_OFFLINE", "1")
    assert isinstance(run("get", "vit_b").exception, DownloadFailed)


def test_identify_says_a_sentence(run):
    path = store_module.CheckpointStore().path(find("samara_mini"))
    result = run("identify", path, "--hash")
    assert result.exit_code == 0
    assert result.output.startswith(f"{path}: MobileSAM (vit_t), 10,130,092 parameters")
    assert result.output.endswith("the published samara_mini.\n")


def test_identify_as_json(run):
    record = json.loads(run("identify", store_module.CheckpointStore().path(find("samara_mini")), "--json").output)
    assert (record["variant"], record["part"], record["keys"]) == ("vit_t", "whole", 439)


def test_verify_without_names_checks_what_is_here(run):
    result = run("verify", "--json")
    assert result.exit_code == 0
    assert [(each["name"], each["verdict"]) for each in json.loads(result.output)] == [("samara_mini", "ok")]


def test_verify_checks_what_was_added(run, tmp_path):
    file = shutil.copy(store_module.CheckpointStore().path(find("samara_mini")), tmp_path / "own.safetensors")
    assert run("add", file, "--name", "own", "--dir", tmp_path / "store").exit_code == 0
    result = run("verify", "--json", "--dir", tmp_path / "store")
    assert [(each["name"], each["verdict"]) for each in json.loads(result.output)] == [
        ("samara_mini", "ok"),
        ("own", "ok"),
    ]
    with file.open("r+b") as changed:
        changed.write(b"x")
    result = run("verify", "OWN", "--json", "--dir", tmp_path / "store")
    assert (result.exit_code, json.loads(result.output)[0]["verdict"]) == (1, "wrong hash")
    file.unlink()
    result = run("verify", "--json", "--dir", tmp_path / "store")
    assert (result.exit_code, json.loads(result.output)[-1]["verdict"]) == (1, "not there")


def test_verify_fails_when_something_is_wrong(run, served, tmp_path):
    (tmp_path / "mobile_sam.pt").write_bytes(b"x" * len(CONTENT))
    result = run("verify", "mobile_sam", "mini", "--dir", tmp_path)
    assert result.exit_code == 1
    assert "wrong hash" in result.output
    assert "samara_mini" in result.output
    result = run("verify", "sam_vit_b", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)[0]["verdict"] == "not there"


@pytest.mark.parametrize("command", ["list", "get", "identify", "verify"])
def test_help_has_an_example(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Example: samara checkpoints {command}" in result.output


def test_no_command_shows_the_help(run):
    assert "identify" in run().output


def test_importing_the_command_loads_nothing_heavy():
    heavy = "{'torch', 'httpx', 'numpy', 'rich.progress'}"
    code = f"import samara.cli.checkpoints, sys; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


def test_a_file_is_added_listed_and_removed(run):
    file = store_module.CheckpointStore().path(find("samara_mini"))
    said = run("add", file, "--name", "cells")
    assert said.output.startswith("cells: MobileSAM")
    assert said.output.endswith("use it as in `samara segment photo.jpg --checkpoint cells`\n")
    record = json.loads(run("list", "--json").output)[-1]
    assert (record["name"], record["path"], record["state"]) == ("cells", str(file), "added")
    listed = run("list").output
    assert "cells: added from" in listed
    assert "cells" not in run("list", "--commercial").output
    assert run("remove", "cells").output == f"cells is forgotten; {file} is where it was\n"
    assert len(json.loads(run("list", "--json").output)) == len(CATALOGUE)
