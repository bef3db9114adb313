"""Networks in other modules' hands: DataParallel, jit, compile, peft, hooks, quantisation, deepcopy, pickle."""

import copy
import pickle
import warnings

import numpy as np
import torch
from files import stacked
from torch import nn

from segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry

warnings.filterwarnings("ignore")
SETTINGS = {"points_per_side": 3, "pred_iou_thresh": -9, "stability_score_thresh": 0.0}


def low(sam, pixels):
    """Logits of one click."""
    predictor = SamPredictor(sam)
    predictor.set_image(pixels)
    return predictor.predict(np.array([[160, 120]]), np.array([1]))[2]


def build(files):
    return sam_model_registry["vit_b"](checkpoint=files.checkpoint)


def adapted(sam):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    sam.mask_decoder = get_peft_model(sam.mask_decoder, LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))
    for name, value in sam.mask_decoder.named_parameters():
        if "lora_B" in name:
            value.data = torch.randn(value.shape, generator=torch.Generator().manual_seed(len(name))) * 0.3


def run(files):
    pixels, results = files.pixels, {}
    sam = build(files)
    adapted(sam)
    results |= {
        f"peft_{name}": v for name, v in stacked(SamAutomaticMaskGenerator(sam, **SETTINGS).generate(pixels)).items()
    }
    results["every_peft"] = results.pop("peft_every_mask")
    results["peft"] = low(sam, pixels)
    results["peft_names"] = np.array(sorted(name for name in sam.state_dict() if "lora" in name))

    sam = build(files)
    sam.image_encoder = nn.DataParallel(sam.image_encoder)
    sam.image_encoder.img_size = sam.image_encoder.module.img_size
    sam.mask_decoder = nn.DataParallel(sam.mask_decoder)
    results["parallel"] = low(sam, pixels)

    sam = build(files)
    seen = []
    sam.image_encoder.register_forward_hook(lambda module, given, out: seen.append(out.shape) or out * 1.1)
    sam.mask_decoder.register_forward_pre_hook(lambda module, given: None)
    sam.mask_decoder.transformer.register_forward_hook(lambda module, given, out: (out[0] * 1.05, out[1]))
    results["hooked"] = low(sam, pixels)
    results["seen"] = np.array(seen)
    hooked = SamAutomaticMaskGenerator(sam, **SETTINGS).generate(pixels)
    results["every_hooked"] = stacked(hooked)["every_mask"]

    sam = build(files)
    torch.ao.quantization.quantize_dynamic(sam.mask_decoder, {nn.Linear}, inplace=True)
    results["quantised_rough"] = low(sam, pixels)

    sam = build(files)
    twin = copy.deepcopy(sam)
    again = pickle.loads(pickle.dumps(sam))
    results["copied"], results["unpickled"] = low(twin, pixels), low(again, pixels)
    torch.save(sam, files.work / "whole.pt")
    results["saved_whole"] = low(torch.load(files.work / "whole.pt", weights_only=False), pixels)
    sam.load_state_dict(torch.load(files.checkpoint, weights_only=True), strict=True)
    results["keys"] = np.array(sorted(sam.state_dict()))
    results["modules"] = np.array(sorted(name for name, _ in sam.mask_decoder.named_modules()))

    side = sam.image_encoder.img_size
    image = torch.from_numpy(pixels[:240, :240].copy()).permute(2, 0, 1)[None].float() / 255
    image = nn.functional.interpolate(image, (side, side))
    with torch.no_grad():
        results["traced"] = torch.jit.trace(sam.image_encoder, image, check_trace=False)(image).numpy()
        results["compiled"] = torch.compile(sam.image_encoder, backend="eager")(image).numpy()
        embedding = sam.image_encoder(image)
        sparse, dense = sam.prompt_encoder(points=None, boxes=torch.tensor([[10.0, 10, 300, 300]]), masks=None)
        pe = sam.prompt_encoder.get_dense_pe()
        positional = torch.compile(sam.mask_decoder, backend="eager")(embedding, pe, sparse, dense, True)
        results["decoded"], results["decoded_iou"] = (value.numpy() for value in positional)
        results["predict_masks"] = sam.mask_decoder.predict_masks(embedding, pe, sparse, dense)[0].numpy()
        results["pe"] = pe.numpy()
        results["embed_masks"] = sam.prompt_encoder._embed_masks(torch.ones(1, 1, 128, 128)).numpy()
        results["embed_boxes"] = sam.prompt_encoder._embed_boxes(torch.tensor([[10.0, 10, 300, 300]])).numpy()
        coords = torch.tensor([[[10.0, 20]]])
        results["embed_points"] = sam.prompt_encoder._embed_points(coords, torch.tensor([[1]]), pad=True).numpy()
        results["with_coords"] = sam.prompt_encoder.pe_layer.forward_with_coords(coords, (side, side)).numpy()
        results["pe_encoding"] = sam.prompt_encoder.pe_layer._pe_encoding(coords / side).numpy()
        tokens = torch.cat([sam.mask_decoder.iou_token.weight, sam.mask_decoder.mask_tokens.weight])[None]
        query, keys = sam.mask_decoder.transformer(embedding + dense, pe, torch.cat([tokens, sparse], dim=1))
        results["transformer_query"], results["transformer_keys"] = query.numpy(), keys.numpy()
        upscaled = sam.mask_decoder.output_upscaling(keys.transpose(1, 2).reshape(1, 256, side // 16, side // 16))
        results["upscaled"] = upscaled.numpy()
        sam.half()
        results["half_dtype"] = np.array([str(sam.mask_decoder.mask_tokens.weight.dtype), str(sam.device)])
        sam.float()
    numbers = ("transformer_dim", "num_multimask_outputs", "num_mask_tokens")
    results["numbers"] = np.array([getattr(sam.mask_decoder, name) for name in numbers])
    encoder = sam.prompt_encoder
    results["sizes"] = np.array([*encoder.image_embedding_size, *encoder.input_image_size, encoder.embed_dim, side])
    results["constants"] = np.array([sam.mask_threshold, *sam.pixel_mean.flatten(), *sam.pixel_std.flatten()])
    return results
