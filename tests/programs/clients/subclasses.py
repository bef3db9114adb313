"""Research code that derives from the official classes and reaches into the generator's steps."""

import numpy as np
import torch
from files import stacked
from segment_anything.utils.amg import (
    MaskData,
    area_from_rle,
    batch_iterator,
    batched_mask_to_box,
    box_xyxy_to_xywh,
    build_all_layer_point_grids,
    build_point_grid,
    calculate_stability_score,
    coco_encode_rle,
    generate_crop_boxes,
    is_box_near_crop_edge,
    mask_to_rle_pytorch,
    remove_small_regions,
    rle_to_mask,
    uncrop_boxes_xyxy,
    uncrop_masks,
    uncrop_points,
)
from segment_anything.utils.transforms import ResizeLongestSide
from torchvision.ops.boxes import batched_nms

from segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry
from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam


class Counting(SamAutomaticMaskGenerator):
    """Counts its batches and throws masks over half the image away."""

    batches = crops = 0

    def _process_batch(self, points, im_size, crop_box, orig_size):
        self.batches += 1
        data = super()._process_batch(points, im_size, crop_box, orig_size)
        areas = torch.tensor([area_from_rle(rle) for rle in data["rles"]])
        data.filter(areas < 0.5 * orig_size[0] * orig_size[1])
        return data

    def _process_crop(self, image, crop_box, crop_layer_idx, orig_size):
        self.crops += 1
        return super()._process_crop(image, crop_box, crop_layer_idx, orig_size)


class Everything:
    """An everything mode of its own on `utils.amg`, as EfficientSAM's, SAM-6D's and tree segmentation's."""

    def __init__(self, sam, side):
        self.predictor, self.grids = SamPredictor(sam), build_all_layer_point_grids(side, 0, 1)

    @torch.no_grad()
    def generate(self, image):
        height, width = image.shape[:2]
        crop_boxes, _ = generate_crop_boxes((height, width), 0, 512 / 1500)
        crop = crop_boxes[0]
        self.predictor.set_image(image)
        points = self.grids[0] * np.array([[width, height]])
        data = MaskData()
        for (batch,) in batch_iterator(4, points):
            given = torch.as_tensor(self.predictor.transform.apply_coords(batch, (height, width)))
            masks, iou, _ = self.predictor.predict_torch(
                given[:, None, :], torch.ones(len(given), 1, dtype=torch.int), return_logits=True
            )
            found = MaskData(masks=masks.flatten(0, 1), iou=iou.flatten(0, 1))
            found.filter(found["iou"] > 0.4)
            found["stability"] = calculate_stability_score(found["masks"], 0.0, 1.0)
            found.filter(found["stability"] > 0.4)
            found["masks"] = found["masks"] > self.predictor.model.mask_threshold
            found["boxes"] = batched_mask_to_box(found["masks"])
            found.filter(~is_box_near_crop_edge(found["boxes"], crop, [0, 0, width, height]))
            found["masks"] = uncrop_masks(found["masks"], crop, height, width)
            found["rles"] = mask_to_rle_pytorch(found["masks"])
            data.cat(found)
        keep = batched_nms(data["boxes"].float(), data["iou"], torch.zeros_like(data["boxes"][:, 0]), 0.7)
        data.filter(keep)
        data["boxes"] = uncrop_boxes_xyxy(data["boxes"], crop)
        data.to_numpy()
        return data


class Deeper(MaskDecoder):
    """A decoder with a head of its own."""

    def predict_masks(self, *args, **kwargs):
        masks, iou = super().predict_masks(*args, **kwargs)
        return masks * 1.5, iou


def run(files):
    sam = sam_model_registry["vit_b"](checkpoint=files.checkpoint)
    assert isinstance(sam, Sam)
    assert isinstance(sam.prompt_encoder, PromptEncoder)
    counting = Counting(sam, points_per_side=4, points_per_batch=6, crop_n_layers=1, pred_iou_thresh=0.99)
    counting.pred_iou_thresh = counting.stability_score_thresh = 0.4
    results = stacked(counting.generate(files.pixels))
    results["counts"] = np.array([counting.batches, counting.crops])
    assert isinstance(counting.predictor, SamPredictor)
    names = (
        "points_per_batch",
        "pred_iou_thresh",
        "stability_score_thresh",
        "stability_score_offset",
        "box_nms_thresh",
    )
    results["settings"] = np.array([getattr(counting, name) for name in names], dtype=float)
    results["grids"] = np.concatenate(counting.point_grids)
    counting.point_grids = [build_point_grid(2)] * 2
    counting.min_mask_region_area, counting.crop_n_layers = 50, 0
    results["every_regrid"] = stacked(counting.generate(files.pixels))["every_mask"]

    data = Everything(sam, 4).generate(files.pixels)
    results["every_own"] = np.array([rle_to_mask(rle) for rle in data["rles"]])
    results["own_boxes"] = np.array(sorted(map(tuple, data["boxes"].astype(float))))
    results["counts_text"] = np.array(sorted(coco_encode_rle(rle)["counts"] for rle in data["rles"]))
    cleaned, changed = remove_small_regions(results["every_own"][0], 200, "islands")
    results["cleaned"], results["changed"] = cleaned, np.array([changed])
    results["xywh"] = box_xyxy_to_xywh(torch.tensor([1, 2, 30, 40])).numpy()
    results["uncropped"] = uncrop_points(torch.tensor([[1, 2]]), [10, 20, 100, 100]).numpy()
    resize = ResizeLongestSide(sam.image_encoder.img_size)
    results["resized"] = resize.apply_image(files.pixels).astype(float)
    image = torch.from_numpy(files.pixels).permute(2, 0, 1)[None].float()
    results["resized_torch_rough"] = resize.apply_image_torch(image).numpy()
    results["shape"] = np.array(resize.get_preprocess_shape(240, 320, 512))

    old = sam.mask_decoder
    sam.mask_decoder = Deeper(
        transformer_dim=256,
        transformer=old.transformer,
        num_multimask_outputs=3,
        activation=torch.nn.GELU,
        iou_head_depth=3,
        iou_head_hidden_dim=256,
    )
    sam.mask_decoder.load_state_dict(old.state_dict())
    predictor = SamPredictor(sam.eval())
    predictor.set_image(files.pixels)
    results["deeper"] = predictor.predict(np.array([[160, 120]]), np.array([1]))[2]
    generator = SamAutomaticMaskGenerator(sam, points_per_side=3, pred_iou_thresh=-9, stability_score_thresh=0.0)
    results["every_deeper"] = stacked(generator.generate(files.pixels))["every_mask"]
    return results
