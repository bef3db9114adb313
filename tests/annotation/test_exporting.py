"""From the store to formats: the same masks, classes and names; not half a data set by accident."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from samara.annotation.exporting import annotated_images, export_store
from samara.annotation.inputs.sources import open_source
from samara.annotation.run.runner import annotate_store
from samara.annotation.store.rows import mask_table
from samara.annotation.store.store import create_store
from samara.datasets.reading.coco import read_coco
from samara.errors import AnnotationStopped
from tests.annotation.conftest import entries, image_row, random_masks, write_images
from tests.annotation.fake import annotator, work_on

JOB = {
    "checkpoint": {"name": "none", "sha256": "0" * 64, "licence": "Apache-2.0", "weights": "file"},
    "settings": {"points_per_side": 32},
}


def stored(tmp_path, *, seal=True):
    write_images(tmp_path / "images", 4, size=(24, 18))
    job = JOB | {"source": {"kind": "folder", "root": str(tmp_path / "images")}}
    store = create_store(tmp_path / "store", job, entries(4))
    rows = [image_row(number, 2, path=f"{number - 1:04d}.png", height=18, width=24) for number in range(1, 4)]
    rows.append(image_row(4, 0, path="0003.png", status="quarantined", reason="is a PDF"))
    georeference = json.dumps({"transform": [0.5, 0, 100, 0, -0.5, 200], "crs": "EPSG:32633"})
    rows[1] = image_row(2, 2, path="0001.png", height=18, width=24, georeference=georeference)
    classes = {1: ["rod", None], 2: [None, None], 3: ["cell", "rod"]}
    masks = [
        mask_table(row, random_masks(row.image_id, 2, (18, 24)), categories=classes[row.image_id]) for row in rows[:3]
    ]
    store.files(0).add_piece(rows, masks)
    if seal:
        store.files(0).seal()
    return store


def test_images_reach_the_writers_with_all_that_is_known(tmp_path):
    store = stored(tmp_path)
    first, second, third = annotated_images(store)
    assert first.categories == ("rod", "object")
    assert second.categories is None
    assert second.georeference.crs == "EPSG:32633"
    assert third.categories == ("cell", "rod")
    assert third.path == tmp_path / "images" / "0002.png"
    assert third.image_id == 3
    assert third.masks.rles == random_masks(3, 2, (18, 24)).rles


def test_coco_is_read_back_as_it_was(tmp_path):
    store = stored(tmp_path)
    losses = export_store(store, ["coco", "yolo"], tmp_path / "out")
    assert losses["coco"].changed == 0
    assert losses["coco"].masks == 6
    images = read_coco(tmp_path / "out" / "coco.json", tmp_path / "images")
    assert [image.name for image in images] == ["0000.png", "0001.png", "0002.png"]
    for number, image in enumerate(images, start=1):
        assert [one.rle for one in image.instances] == list(random_masks(number, 2, (18, 24)).rles)
    info = json.loads((tmp_path / "out" / "coco.json").read_text())["info"]
    assert info["licence_of_weights"] == "Apache-2.0"


def test_half_a_store_is_exported_on_purpose_only(tmp_path):
    store = stored(tmp_path, seal=False)
    with pytest.raises(AnnotationStopped, match="is incomplete"):
        export_store(store, ["coco"], tmp_path / "out")
    export_store(store, ["coco"], tmp_path / "out", is_partial=True)
    assert (tmp_path / "out" / "coco.json").exists()


def test_masks_of_a_geotiff_lie_where_it_lies(tmp_path):
    """From the image to GeoJSON, and burnt into the image's raster again by GDAL."""
    rasterio = pytest.importorskip("rasterio")
    from rasterio import features, transform

    (name,) = write_images(tmp_path, 1)
    pixels = np.asarray(Image.open(tmp_path / name)).transpose(2, 0, 1)
    place = transform.Affine(0.5, 0, 399_960, 0, -0.5, 5_300_040)
    folder = tmp_path / "images"
    folder.mkdir()
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "height": pixels.shape[1], "width": pixels.shape[2]}
    with rasterio.open(folder / "field.tif", "w", crs="EPSG:32633", transform=place, **profile) as file:
        file.write(pixels)
    source = open_source([str(folder)])
    store = create_store(tmp_path / "store", JOB | {"source": source.facts()}, source.entries())
    annotate_store(store, annotator(), work_on(folder))
    export_store(store, ["geojson"], tmp_path / "out")
    document = json.loads((tmp_path / "out" / "geojson" / "field.geojson").read_text())
    assert document["crs"]["properties"]["name"].endswith("EPSG::32633")
    (row,) = store.masks()
    assert len(document["features"]) == len(row.masks) > 0
    for feature, mask in zip(document["features"], row.masks.masks(), strict=True):
        burnt = features.rasterize([feature["geometry"]], out_shape=row.masks.size_hw, transform=place)
        np.testing.assert_array_equal(burnt.astype(bool), mask)
