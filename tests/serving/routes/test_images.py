"""The images of the folder: listed, looked at, saved; nothing else of the disk can be read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from samara.annotation.store.store import open_store
from samara.masks.rle import encode_mask
from samara.serving.serve import make_server
from samara.serving.settings import ServeSettings
from tests.annotation.conftest import write_images
from tests.serving.conftest import SIZE_HW, TOKEN, client_of


def mask(x=5, y=6, side=10, size_hw=SIZE_HW):
    pixels = np.zeros(size_hw, bool)
    pixels[y : y + side, x : x + side] = True
    return dict(encode_mask(pixels).to_coco())


def thing(name="a1", **fields):
    return {"id": name, "class": "cat", "mask": mask()} | fields


def put(client, image, *objects, **headers):
    return client.put(f"/images/{image}/objects", json={"objects": objects}, headers=headers)


def test_the_list(fixed_client):
    found = fixed_client.get("/images").json()
    assert found["total"] == 6
    assert found["images"][0] == {
        "id": 1,
        "name": "0000.png",
        "width": SIZE_HW[1],
        "height": SIZE_HW[0],
        "state": "new",
        "objects": 0,
        "doubt": None,
        "reason": None,
    }
    part = fixed_client.get("/images", params={"offset": 4, "limit": 1, "order": "doubt"}).json()
    assert [one["id"] for one in part["images"]] == [5]
    assert fixed_client.get("/images", params={"state": "annotated"}).json() == {"total": 0, "images": []}
    assert fixed_client.get("/images/3").json()["name"] == "0002.png"


@pytest.mark.parametrize("query", ["order=size", "limit=0", "limit=1001", "offset=-1", "offset=x", "state=old"])
def test_wrong_parts_are_refused(fixed_client, query):
    response = fixed_client.get(f"/images?{query}")
    assert response.status_code == 422
    assert query.partition("=")[0] in response.json()["error"]


@pytest.fixture
def odd_client(tmp_path, small_mini):
    """A folder with a turned photo, a dark image of 16 bits, one that is damaged, and a link out of the folder."""
    folder = tmp_path / "odd"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8)[:, None, None], (1, 150, 3))).save(
        folder / "a.jpg", exif=exif
    )
    (folder / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    write_images(tmp_path / "secret", 1)
    (folder / "c.png").symlink_to(tmp_path / "secret" / "0000.png")
    Image.fromarray((np.indices((30, 50)).sum(0) * 10).astype(np.uint16)).save(folder / "d.tif")
    settings = ServeSettings(embedding_cache=tmp_path / "embeddings")
    with client_of(make_server(folder, tmp_path / "store", [small_mini], settings, token=TOKEN)) as client:
        yield client


def opened(response):
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/jpeg"
    return np.asarray(Image.open(io.BytesIO(response.content)))


def test_images_are_shown_upright_and_in_8_bits(odd_client):
    turned = opened(odd_client.get("/images/1/pixels"))
    assert turned.shape == (150, 200, 3)
    assert turned[:, 0].mean() > turned[:, -1].mean() + 100  # turned to the right
    assert opened(odd_client.get("/images/1/pixels", params={"max": 100})).shape == (75, 100, 3)
    assert opened(odd_client.get("/images/1/thumbnail")).shape == (96, 128, 3)


def test_images_that_cannot_be_read_say_why(odd_client):
    listed = odd_client.get("/images").json()["images"]
    assert [one["state"] for one in listed] == ["new", "unreadable", "unreadable", "new"]
    assert "out of the folder" in listed[2]["reason"]
    for image in (2, 3):
        for path in ("pixels", "thumbnail"):
            response = odd_client.get(f"/images/{image}/{path}")
            assert response.status_code == 422
            assert "secret" not in response.text
        assert odd_client.post("/embed", json={"image": image}).status_code == 422
    dark = odd_client.get("/images/4/pixels")
    assert dark.status_code == 422
    assert "value_range" in dark.json()["error"]


@pytest.mark.parametrize("image", ["0", "7", "-1", "../1", "1.5", "0000.png", "99999999999999999999999"])
@pytest.mark.parametrize("path", ["", "/pixels", "/thumbnail", "/objects"])
def test_only_ids_of_images_are_answered(fixed_client, image, path):
    assert fixed_client.get(f"/images/{image}{path}").status_code in (404, 422)


def test_browsers_keep_images_until_they_change(tmp_path, client):
    first = client.get("/images/1/thumbnail")
    assert "max-age" in first.headers["cache-control"]
    known = {"If-None-Match": first.headers["etag"]}
    assert client.get("/images/1/thumbnail", headers=known).status_code == 304
    (tmp_path / "images" / "0000.png").write_bytes((tmp_path / "images" / "0001.png").read_bytes())
    changed = client.get("/images/1/thumbnail", headers=known)
    assert changed.status_code == 200
    assert changed.content != first.content


def test_objects_are_saved_and_come_back(tmp_path, client):
    assert client.get("/images/2/objects").json()["objects"] == []
    asked = {"points": [[3.5, 4], [20, 5]], "labels": [1, 0], "box_prompt": [1, 2, 30, 31]}
    objects = [thing(**asked, predicted_iou=1.25, checkpoint="vit_b"), thing("b2", **{"class": None}, mask=mask(9))]
    saved = put(client, 2, *objects).json()
    assert saved["state"] == "annotated"
    found = client.get("/images/2/objects").json()
    assert found["revision"] == saved["revision"]
    for one, sent in zip(found["objects"], objects, strict=True):
        assert {name: one[name] for name in sent} == sent
        assert (one["area"], one["made_by"]) == (100, "human")
    assert client.get("/images/2").json() | {"name": ""} == {
        **{"id": 2, "name": "", "width": 40, "height": 32, "state": "annotated"},
        **{"objects": 2, "doubt": None, "reason": None},
    }
    (row,) = open_store(tmp_path / "store").masks()
    assert row.categories == ("cat", None)
    assert row.masks.predicted_iou.tolist() == [1.25, 1.0]


def test_two_tabs_do_not_overwrite_each_other(client):
    start = client.get("/images/1/objects").json()["revision"]
    first = put(client, 1, thing(), **{"If-Match": f'"{start}"'})
    assert put(client, 1, thing(), **{"If-Match": start}).json() == first.json()
    late = put(client, 1, thing("z"), **{"If-Match": start})
    assert late.status_code == 409
    assert late.json()["revision"] == first.json()["revision"]
    assert [one["id"] for one in client.get("/images/1/objects").json()["objects"]] == ["a1"]


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ([thing(), thing()], "two objects are called 'a1'"),
        ([thing(mask=mask(size_hw=(10, 10), x=0, y=0, side=5))], "10 x 10"),
        ([thing(mask=mask(side=0))], "empty"),
        ([thing(mask={"size": [32, 40], "counts": "nonsense"})], "ounts"),
        ([thing(mask={"size": [1 << 40, 1 << 40], "counts": "0"})], ""),
        ([thing(mask={"size": [-1, 0], "counts": ""})], ""),
        ([thing("../a")], "objects.0.id"),
        ([thing(points=[[1, 2]])], "1 points and 0 labels"),
        ([thing(predicted_iou="high")], "predicted_iou"),
        ([thing(colour="red")], "colour"),
        ([thing(**{"class": "two\nlines"})], "class"),
        ([thing(**{"class": ""})], "class"),
    ],
)
def test_objects_that_make_no_sense_are_refused(client, objects, words):
    response = put(client, 1, *objects)
    assert response.status_code == 422, response.text
    assert words in response.json()["error"]
    assert client.get("/images/1").json()["state"] == "new"
