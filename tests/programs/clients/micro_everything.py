"""micro-sam 1.8.14: its everything mode on the official `utils.amg`, whole, from a stored state and in tiles."""

import numpy as np
from micro_sam import instance_segmentation, util


def run(files):
    predictor = util.get_sam_model("vit_t", device="cpu", checkpoint_path=files.checkpoint)
    image = files.pixels.mean(axis=2)
    settings = {"pred_iou_thresh": 0.4, "stability_score_thresh": 0.4}
    generator = instance_segmentation.AutomaticMaskGenerator(predictor, points_per_side=4, points_per_batch=5)
    generator.initialize(image)
    records = generator.generate(**settings, output_mode="binary_mask")
    state = generator.get_state()
    restored = instance_segmentation.AutomaticMaskGenerator(predictor, points_per_side=4)
    restored.set_state(state)
    labels = restored.generate(**settings, min_mask_region_area=30, output_mode="instance_segmentation")
    tiled = instance_segmentation.TiledAutomaticMaskGenerator(predictor, points_per_side=3)
    tiles = {"tile_shape": (160, 160), "halo": (16, 16), "verbose": False}
    tiled.initialize(image, util.precompute_image_embeddings(predictor, image, **tiles))
    in_tiles = tiled.generate(**settings, output_mode="instance_segmentation")
    order = np.argsort([-record["area"] for record in records])
    return {
        "every_mask": np.array([records[i]["segmentation"] for i in order]).astype(bool),
        "labels": np.asarray(labels) > 0,
        "count": np.max(labels),
        "in_tiles": np.asarray(in_tiles) > 0,
        "tile_count": np.max(in_tiles),
    }
