"""Names of coordinate reference systems, and files beside images that are none of what they seem."""

from __future__ import annotations

import pytest

from samara.datasets.beside_images import named_system, read_auxiliary, read_world_file

INNER = 'PROJCS["x",GEOGCS["WGS 84",AUTHORITY["EPSG","4326"]],UNIT["metre",1]'


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        (f'{INNER},AUTHORITY["EPSG","32633"]]', "EPSG:32633"),
        (f"{INNER}]", f"{INNER}]"),
        ('PROJCRS["x",ID["EPSG",25832]]', "EPSG:25832"),
        ('PROJCRS["x",BASEGEOGCRS["y",ID["EPSG",4326]],UNIT["metre",1]]', None),
        ("  ", None),
    ],
)
def test_the_code_is_that_of_the_whole(definition, name):
    assert named_system(definition) == (name or definition.strip() or None)


def test_what_is_not_there_or_something_else(tmp_path):
    image = tmp_path / "a.tif"
    assert read_auxiliary(image) == (None, None, False)
    assert read_world_file(image) is None
    (tmp_path / "a.tif.aux.xml").write_text("<PAMDataset><GCPList Projection=''><GCP/></GCPList></PAMDataset>")
    assert read_auxiliary(image).is_tied_by_points
    (tmp_path / "a.tif.aux.xml").write_text("<GeoTransform>1, 2, x, 4, 5, 6</GeoTransform>")
    with pytest.raises(ValueError, match="x"):
        read_auxiliary(image)
    (tmp_path / "a.tfw").write_bytes(b"0 " * (1 << 20))
    assert read_world_file(image) is None
