"""micro-sam 1.8.14: BioEngine's ONNX export of a vit_t, the predictor for bioimage.io, and UNETR's decoder on the encoder."""

import numpy as np
import onnxruntime
import torch
from micro_sam import util
from micro_sam.bioimageio import bioengine_export, predictor_adaptor
from micro_sam.instance_segmentation import get_unetr


def run(files):
    path = str(files.work / "decoder.onnx")
    bioengine_export.export_onnx_model("vit_t", files.work, opset=17, checkpoint_path=files.checkpoint)
    found = sorted(files.work.rglob("*.onnx"))
    session = onnxruntime.InferenceSession(str(found[0]) if found else path)
    predictor, sam = util.get_sam_model("vit_t", device="cpu", checkpoint_path=files.checkpoint, return_sam=True)
    predictor.set_image(files.pixels)
    shape = files.pixels.shape[:2]
    inputs = {
        "image_embeddings": predictor.get_image_embedding().numpy(),
        "point_coords": predictor.transform.apply_coords(np.array([[[160.0, 120], [0, 0]]]), shape).astype(np.float32),
        "point_labels": np.array([[1, -1]], np.float32),
        "mask_input": np.zeros((1, 1, 128, 128), np.float32),
        "has_mask_input": np.zeros(1, np.float32),
        "orig_im_size": np.array(shape, np.float32),
    }
    names = [value.name for value in session.get_inputs()]
    outputs = session.run(None, {name: inputs[name] for name in names})
    adaptor = predictor_adaptor.PredictorAdaptor("vit_t")
    adaptor.load_state_dict(torch.load(files.checkpoint, weights_only=True))
    image = torch.from_numpy(files.pixels.transpose(2, 0, 1).copy())[None]
    masks, scores, _ = adaptor(image, box_prompts=torch.tensor([[[60.0, 20, 260, 230], [0, 0, 100, 100]]]))
    assert get_unetr(sam.image_encoder, device="cpu").encoder is sam.image_encoder
    return {
        "names": np.array(names),
        "onnx": outputs[0] > 0,
        "onnx_iou": outputs[1],
        "masks": masks.numpy().astype(bool),
        "scores": scores.numpy(),
    }
