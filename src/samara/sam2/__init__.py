"""Drop-in for `sam2`, the official package of SAM 2 and 2.1, for images: the same names, signatures and results.

    from samara.sam2.build_sam import build_sam2
    from samara.sam2.sam2_image_predictor import SAM2ImagePredictor
    from samara.sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator

`modeling` and `utils` are here too, and `samara.segment_anything.install("sam2")` lets programs that cannot be edited
find all of it as `sam2`. Neither Hydra nor CUDA is needed.

Differs from the original, on purpose:
* videos are refused with an error that says so; their weights are kept, so that a saved state dict loads there;
* a configuration is known by its name, and a file that holds another network is one clear sentence;
* `build_sam2` takes a GPU if there is one, and nothing is ever downloaded silently;
* small holes and specks are removed everywhere, not on CUDA alone;
* boxes of automatic masks are COCO-exact (width = x1 − x0), masks are made a few at a time, and an image without masks
  gives an empty list; settings that are changed later count;
* an alpha channel or a float image is never converted silently; prompts that hold NaN, points without labels and
  boxes for other objects than the points are refused.
"""

from samara.sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from samara.sam2.build_sam import build_sam2, build_sam2_hf
from samara.sam2.sam2_image_predictor import SAM2ImagePredictor

__all__ = ["SAM2AutomaticMaskGenerator", "SAM2ImagePredictor", "build_sam2", "build_sam2_hf"]
