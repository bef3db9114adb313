"""micro-sam 1.8.14: its predictor, stored and tiled embeddings, prompts of every kind, batched inference."""

import numpy as np
from micro_sam import inference, prompt_based_segmentation, util


def run(files):
    predictor, sam = util.get_sam_model("vit_t", device="cpu", checkpoint_path=files.checkpoint, return_sam=True)
    image = files.pixels.mean(axis=2)
    embeddings = util.precompute_image_embeddings(predictor, image, str(files.work / "whole.zarr"), verbose=False)
    util.set_precomputed(predictor, embeddings)
    points, labels = np.array([[120, 160], [20, 20]]), np.array([1, 0])
    given = {"image_embeddings": embeddings}
    pointed = prompt_based_segmentation.segment_from_points(predictor, points, labels, **given)
    box = np.array([20, 60, 230, 260])
    boxed = prompt_based_segmentation.segment_from_box(predictor, box, **given)
    both = prompt_based_segmentation.segment_from_box_and_points(predictor, box, points, labels, **given)
    masked = prompt_based_segmentation.segment_from_mask(
        predictor, boxed[0], use_box=True, use_points=True, use_mask=False, **given
    )
    tiled = util.precompute_image_embeddings(
        predictor, image, str(files.work / "tiles.zarr"), tile_shape=(160, 160), halo=(16, 16), verbose=False
    )
    in_tile = prompt_based_segmentation.segment_from_points(predictor, points[:1], labels[:1], image_embeddings=tiled)
    batch = inference.batched_inference(
        predictor,
        image,
        batch_size=2,
        boxes=np.array([[60, 20, 260, 230], [0, 0, 100, 100], [150, 100, 319, 239]]),
        return_instance_segmentation=False,
        multimasking=True,
        verbose_embeddings=False,
    )
    batch = [record for group in batch for record in (group if isinstance(group, list) else [group])]
    volume = util.precompute_image_embeddings(predictor, np.stack([image, image[::-1]]), ndim=3, verbose=False)
    util.set_precomputed(predictor, volume, i=1)
    flipped, _, _ = predictor.predict(np.array([[160, 120]]), np.array([1]), multimask_output=False)
    return {
        "pointed": pointed.astype(bool),
        "boxed": boxed.astype(bool),
        "both": both.astype(bool),
        "masked": masked.astype(bool),
        "in_tile": in_tile.astype(bool),
        "batch": np.array([np.asarray(record["segmentation"]) for record in batch]).astype(bool),
        "batch_iou": np.array([float(record["predicted_iou"]) for record in batch]),
        "flipped": flipped,
        "features": np.asarray(embeddings["features"]),
        "device": np.array([str(predictor.device)]),
        "size": sam.image_encoder.img_size,
    }
