"""napari-segment-anything 0.1.4: its loop between clicks. Labels are booleans, the box has a row's axis, the logits of
the last call come back as mask input, and the points are a flipped view."""

import numpy as np

from segment_anything import SamPredictor, sam_model_registry


def run(files):
    from napari_segment_anything._widget import SAMWidget

    widget = SAMWidget.__new__(SAMWidget)  # without a viewer: there is no screen
    sam = sam_model_registry["default"](files.checkpoint)
    object.__setattr__(widget, "_predictor", SamPredictor(sam))
    widget._predictor.set_image(files.pixels)
    logits, masks = None, []
    drawn = np.array([[20.0, 60.0], [20, 260], [230, 260], [230, 60]])
    for count in (1, 2, 3):
        rows_columns = np.array([[120.0, 160.0], [40, 40], [200, 250]])[:count]
        points = np.flip(rows_columns, axis=-1)
        box = np.stack([drawn.min(axis=0), drawn.max(axis=0)], axis=0)
        box = np.flip(box, -1).reshape(-1)[None, ...]
        mask, _, logits = widget._predictor.predict(
            point_coords=points,
            point_labels=np.array([True, False, True])[:count],
            box=box if count > 1 else None,
            mask_input=logits,
            multimask_output=False,
        )
        masks.append(mask[0])
    return {"masks": np.array(masks), "logits": logits, "names": np.array(sorted({"vit_b"} & set(sam_model_registry)))}
