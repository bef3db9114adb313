"""Every format can be downloaded, with what was saved up to now."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile

import pytest

from samara.datasets.formats import WRITERS
from tests.serving.routes.test_images import put, thing


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_a_download(client, name, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    put(client, 1, thing())
    response = client.get(f"/export/{name}")
    assert response.status_code == 200, response.text
    assert response.headers["content-disposition"].startswith("attachment")
    if zipfile.is_zipfile(io.BytesIO(response.content)):
        assert zipfile.ZipFile(io.BytesIO(response.content)).namelist()
    else:
        assert json.loads(response.content)
    assert list(tmp_path.glob("samara-export-*")) == []


def test_classes_have_their_numbers(client):
    client.put("/classes", json={"classes": [{"name": "dog"}, {"name": "cat"}]})
    put(client, 1, thing())
    put(client, 2)
    coco = client.post("/export", json={"format": "coco"}).json()
    assert [one["name"] for one in coco["categories"]] == ["dog", "cat"]
    (annotation,) = coco["annotations"]
    assert annotation["category_id"] == coco["categories"][1]["id"]
    assert len(coco["images"]) == 2


def test_unknown_formats_are_refused(client):
    response = client.get("/export/docx")
    assert response.status_code == 404
    assert "coco" in response.json()["error"]
    assert client.get("/export/..%2f..%2fetc").status_code == 404
