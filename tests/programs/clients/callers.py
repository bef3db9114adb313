"""Small habits of many repositories in one: imports by every path, keyword names, module lists, threads, freezing."""

import inspect
import threading

import numpy as np
import torch
from segment_anything.automatic_mask_generator import SamAutomaticMaskGenerator as Generator
from segment_anything.build_sam import build_sam_vit_b, build_sam_vit_h, build_sam_vit_l
from segment_anything.modeling.common import LayerNorm2d, MLPBlock
from segment_anything.modeling.image_encoder import (
    Attention,
    Block,
    PatchEmbed,
    add_decomposed_rel_pos,
    get_rel_pos,
    window_partition,
    window_unpartition,
)
from segment_anything.modeling.mask_decoder import MLP
from segment_anything.modeling.prompt_encoder import PositionEmbeddingRandom
from segment_anything.modeling.transformer import Attention as DecoderAttention
from segment_anything.modeling.transformer import TwoWayAttentionBlock
from segment_anything.predictor import SamPredictor as Predictor
from segment_anything.utils.onnx import SamOnnxModel
from segment_anything.utils.transforms import ResizeLongestSide

import segment_anything
from segment_anything import SamAutomaticMaskGenerator, SamPredictor, build_sam, sam_model_registry
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

CLASSES = (
    SamAutomaticMaskGenerator,
    SamPredictor,
    Sam,
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    TwoWayTransformer,
    TwoWayAttentionBlock,
    DecoderAttention,
    MLP,
    MLPBlock,
    LayerNorm2d,
    Attention,
    Block,
    PatchEmbed,
    PositionEmbeddingRandom,
    SamOnnxModel,
    ResizeLongestSide,
)


def numbered(module, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.state_dict().values():
            value.copy_(torch.randn(value.shape, generator=generator) * 0.2)
    return module


def blocks():
    """Each class built and called as the original's tests and research code do."""
    image = torch.randn(2, 14, 14, 32, generator=torch.Generator().manual_seed(1))
    windows, padded = window_partition(image[:, :13, :12], 7)
    yield "windows", windows
    yield "unwindowed", window_unpartition(windows, 7, padded, (13, 12))
    yield "rel_pos", get_rel_pos(14, 14, torch.arange(27.0)[:, None].repeat(1, 8))
    yield "rel_pos_resized", get_rel_pos(10, 10, torch.arange(27.0)[:, None].repeat(1, 8))
    query, table = image.flatten(1, 2), torch.linspace(-1, 1, 27)[:, None].repeat(1, 32)
    scores = torch.zeros(2, 196, 196)
    yield "decomposed", add_decomposed_rel_pos(scores, query, table, table, (14, 14), (14, 14))
    yield "attention", numbered(Attention(32, num_heads=4, use_rel_pos=True, input_size=(14, 14)))(image)
    yield "block", numbered(Block(32, 4, window_size=7, use_rel_pos=True, input_size=(14, 14)))(image)
    yield "patches", numbered(PatchEmbed((4, 4), (4, 4), in_chans=32, embed_dim=8))(image.permute(0, 3, 1, 2))
    yield "norm", numbered(LayerNorm2d(32))(image.permute(0, 3, 1, 2))
    yield "mlp_block", numbered(MLPBlock(32, 64, torch.nn.ReLU))(image)
    yield "mlp", numbered(MLP(32, 16, 8, 3, sigmoid_output=True))(image)
    yield "decoder_attention", numbered(DecoderAttention(32, 4, downsample_rate=2))(query, query, query)
    pair = numbered(TwoWayAttentionBlock(32, 4, mlp_dim=64))(query, query, query, query)
    yield from (("two_way_queries", pair[0]), ("two_way_keys", pair[1]))
    whole = numbered(TwoWayTransformer(1, 32, 4, 64))(
        image.permute(0, 3, 1, 2), image.permute(0, 3, 1, 2), query[:, :5]
    )
    yield from (("transformer_queries", whole[0]), ("transformer_keys", whole[1]))
    embedding = PositionEmbeddingRandom(16, 1.0)
    embedding.positional_encoding_gaussian_matrix.copy_(torch.linspace(-1, 1, 32).reshape(2, 16))
    yield "positions", embedding((5, 7))
    encoder = numbered(PromptEncoder(32, (14, 14), (224, 224), 8))
    points = (torch.tensor([[[10.0, 20], [30, 40]]]), torch.tensor([[1, 0]]))
    sparse, dense = encoder(points, torch.tensor([[10.0, 20, 100, 90]]), torch.ones(1, 1, 56, 56))
    yield from (("sparse", sparse), ("dense", dense))


def run(files):
    assert Predictor is SamPredictor
    assert Generator is SamAutomaticMaskGenerator
    assert segment_anything.SamPredictor is SamPredictor
    assert all(map(callable, (build_sam, build_sam_vit_b, build_sam_vit_h, build_sam_vit_l)))
    with torch.no_grad():
        results = {name: value.numpy() for name, value in blocks()}
    for kind in CLASSES:
        given = inspect.signature(kind.__init__).parameters.values()
        by_name = [parameter.name for parameter in given if parameter.kind is parameter.KEYWORD_ONLY]
        in_order = [parameter.name for parameter in given if parameter.name not in by_name]
        results[f"signature_{kind.__name__}"] = np.array([*in_order, "*", *sorted(by_name)])
    sam = sam_model_registry["vit_b"](checkpoint=files.checkpoint)
    for name, parameter in sam.named_parameters():
        parameter.requires_grad_(name.startswith("mask_decoder"))
    results["trainable"] = sum(value.numel() for value in sam.parameters() if value.requires_grad)
    results["children"] = np.array([name for name, _ in sam.named_children()])
    results["training"] = np.array([sam.train().training, sam.eval().training])
    predictors, masks = [SamPredictor(sam) for _ in range(2)], {}

    def segment(i):
        predictors[i].set_image(files.pixels[:, :: 1 - 2 * i])
        masks[i] = predictors[i].predict(np.array([[100, 120]]), np.array([1]))[0]

    threads = [threading.Thread(target=segment, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results["threads"] = np.array([masks[0], masks[1]])
    results["attributes"] = np.array(
        sorted({"features", "input_size", "model", "original_size", "transform"} & vars(predictors[0]).keys())
    )
    return results
