"""Names of a call: lists and addresses."""

import io
import json

import pytest
from PIL import Image

import samara
from samara.errors import ImageError, SettingsError
from samara.segmentation.addresses import names_meant

from ..checkpoints.server import Behaviour, Server

FEW = {"points": [(9, 9)], "save": ["json", "overlay"]}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "SAMARA_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    data = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 10, 10)).save(data, "PNG")
    running = Server(Behaviour(data.getvalue(), content_type="image/png"))
    yield running
    running.stop()


def address(server, name="photos/truck.png"):
    return server.url.replace("file.bin", name)


@pytest.mark.usefixtures("small_inputs")
def test_images_by_address_are_segmented(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text(f"# of today\n{address(server)}\nb.png\n")
    Image.new("RGB", (40, 30)).save(tmp_path / "b.png")
    found = samara.segment("list.txt", out="out", download=True, **FEW)
    assert [one.overlay.name for one in found.done] == ["truck.png", "b.png"]
    rows = json.loads(found.annotations.read_text())["images"]
    assert rows[0]["coco_url"] == address(server)
    assert "coco_url" not in rows[1]
    again = samara.segment(address(server), out="out", **FEW)  # is there already
    assert len(again.done) == 1
    assert len(server.behaviour.requests) == 1


def test_nothing_is_downloaded_without_leave(server, tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match=r"truck.png would have to be downloaded; allow that with `download=True`"):
        samara.segment(address(server), out=tmp_path / "out")
    with pytest.raises(SettingsError, match=r"truck.png and 1 more images would"):
        samara.segment([address(server), address(server, "car.png")], out=tmp_path / "out")
    monkeypatch.setenv("SAMARA_OFFLINE", "1")
    with pytest.raises(SettingsError, match="downloads are disabled"):
        samara.segment(address(server), out=tmp_path / "out", download=True)
    assert not server.behaviour.requests
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("small_inputs")
def test_an_address_that_fails_does_not_stop_the_others(server, tmp_path):
    server.behaviour.statuses.append(404)
    both = [address(server, "gone.png"), address(server)]
    found = samara.segment(both, out=tmp_path / "out", download=True, **FEW)
    assert [one.reason.partition(" answers ")[2][:3] for one in found.failed] == ["404"]
    assert len(found.done) == 1
    with pytest.raises(ImageError, match="not an address of http or https"):
        samara.segment("file:///etc/hostname.png", out=tmp_path / "out", download=True)


def test_lists(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "list.txt").write_text("a.png\n\n# none\n/data/b.png\n")
    monkeypatch.chdir(tmp_path)
    named = names_meant(["x.png", "sub/list.txt", "nosuch.txt"], tmp_path, download=False)
    assert named.names[:2] == ["x.png", "sub/a.png"]
    assert named.names[2].endswith("data/b.png")
    assert named.names[3] == "nosuch.txt"
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(SettingsError, match=r"empty.txt lists no image"):
        names_meant(["empty.txt"], tmp_path, download=False)
