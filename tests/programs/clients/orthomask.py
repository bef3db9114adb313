"""orthomasker 1.0.2: masks of a GeoTIFF's tiles as polygons."""

import numpy as np
from orthomasker.mask_generator import MaskGenerator
from rasterio.features import rasterize

import segment_anything


def run(files):
    maker = MaskGenerator(files.checkpoint, "vit_b", tile_size=200, overlap=40)
    maker.mask_generator = segment_anything.SamAutomaticMaskGenerator(
        maker.mask_generator.predictor.model, points_per_side=3, pred_iou_thresh=0.3, stability_score_thresh=0.3
    )
    table = maker.generate_geojson(files.geotiff, str(files.work / "masks.geojson"))
    drawn = rasterize(
        [(shape, i) for i, shape in enumerate(table.geometry, 1)],
        (240, 320),
        transform=[0.5, 0, 500000, 0, -0.5, 5000000],
    )
    return {"confidence": np.sort(table.confidence.to_numpy()), "area": np.sort(table.area.to_numpy()), "drawn": drawn}
