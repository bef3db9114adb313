"""segment-geospatial 1.4.2: everything mode of a GeoTIFF, prompts, and its predictor, a subclass without `__init__`."""

import numpy as np
import rasterio
from files import stacked
from samgeo import SamGeo
from samgeo.samgeo import SamGeoPredictor


def run(files):
    settings = {"points_per_side": 4, "pred_iou_thresh": 0.4, "stability_score_thresh": 0.4, "crop_n_layers": 0}
    everything = SamGeo("vit_h", checkpoint=files.checkpoint, sam_kwargs=settings)
    everything.generate(files.geotiff, str(files.work / "masks.tif"), foreground=True, unique=True)
    with rasterio.open(files.work / "masks.tif") as raster:
        drawn = raster.read(1)
    one = SamGeo("vit_b", automatic=False, checkpoint=files.checkpoint)
    one.set_image(files.geotiff)
    point = one.predict([[160, 120]], 1, return_results=True)
    box = one.predict(boxes=[60.0, 20.0, 260.0, 230.0], multimask_output=False, return_results=True)
    longitudes = [[15.0001, 45.1532]]
    placed = one.predict(longitudes, point_labels=1, point_crs="EPSG:4326", return_results=True)
    one.predict([[160, 120]], 1, output=str(files.work / "one.tif"))
    bare = SamGeoPredictor(one.sam)
    bare.set_image(files.pixels)
    bared = bare.predict(point_coords=np.array([[160, 120]]), point_labels=np.array([1]))
    return stacked(everything.masks) | {
        "drawn": drawn > 0,
        "count": drawn.max(),
        "point": point[0],
        "box": box[0],
        "placed": placed[0],
        "bared": bared[0],
        "logits": bared[2],
    }
