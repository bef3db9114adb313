"""What a package that calls itself segment_anything offers, as data: modules, names, arguments, attributes.

`python -m tests.segment_anything.describe segment_anything segment_anything_hq > tests/segment_anything/official.json`,
where the official packages are installed, writes the file that the default tests compare with.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys
from functools import partial

import torch

# TinyViT came to HQ-SAM's package from another one, with training code that nobody imports from here.
LEFT_OUT = {"segment_anything_hq.modeling.tiny_vit_sam"}
# SAM's decoder takes HQ-SAM's arguments there, and ignores them.
LEFT_OUT_METHODS = {("segment_anything_hq.modeling.mask_decoder", "MaskDecoder", "forward")}


def describe(package):
    """Modules by their names below the package, each with the names that it defines and their arguments."""
    root = importlib.import_module(package)
    names = [package, *(name for _, name, _ in pkgutil.walk_packages(root.__path__, package + "."))]
    found = {
        name.removeprefix(package): _defined(importlib.import_module(name)) for name in names if name not in LEFT_OUT
    }
    return {"modules": found, "attributes": attributes(package)}


def _defined(module):
    """Names of a module; arguments are told where a name is at home, None stands for what comes from elsewhere."""
    own = module.__name__.split(".")[0]
    found = {}
    for name, value in vars(module).items():
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            if isinstance(value, dict) and "registry" in name:
                found[name] = sorted(value)
        elif value.__module__ == module.__name__:
            methods = inspect.isclass(value) and {method: arguments(one) for method, one in _methods(value, own)}
            found[name] = methods or arguments(value)
        elif value.__module__.split(".")[0] == own:
            found[name] = None
    return found


def _methods(kind, own):
    for name, value in inspect.getmembers(kind):
        if name.startswith("__") and name != "__init__":
            continue
        definer = next((one for one in kind.__mro__ if name in vars(one)), object)
        if (kind.__module__, kind.__name__, name) in LEFT_OUT_METHODS:
            continue
        if inspect.isroutine(value) and definer.__module__.split(".")[0] == own:
            yield name, value


def arguments(function):
    """Names, kinds and defaults of a function's arguments."""
    return [
        [one.name, one.kind.name, None if one.default is one.empty else _default(one.default)]
        for one in inspect.signature(function).parameters.values()
    ]


def _default(value):
    return value.__name__ if inspect.isclass(value) else repr(list(value) if isinstance(value, tuple) else value)


def tiny(package):
    """A network of the package's classes, by the arguments of the official constructors, for images of 64 pixels."""
    modeling = importlib.import_module(f"{package}.modeling")
    transformer = modeling.TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=64, num_heads=8)
    is_hq = hasattr(modeling, "MaskDecoderHQ")
    decoder = modeling.MaskDecoderHQ if is_hq else modeling.MaskDecoder
    return modeling.Sam(
        image_encoder=modeling.ImageEncoderViT(
            depth=3,
            embed_dim=32,
            img_size=64,
            mlp_ratio=2,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            num_heads=4,
            patch_size=16,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=[1],
            window_size=3,
            out_chans=256,
        ),
        prompt_encoder=modeling.PromptEncoder(
            embed_dim=256, image_embedding_size=(4, 4), input_image_size=(64, 64), mask_in_chans=16
        ),
        mask_decoder=decoder(
            num_multimask_outputs=3,
            transformer=transformer,
            transformer_dim=256,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
            **({"vit_dim": 32} if is_hq else {}),
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    ).eval()


def attributes(package):
    """What instances have besides methods, by the path to them."""
    sam = tiny(package)
    module = importlib.import_module(package)
    instances = {
        f"sam.{name}".rstrip("."): part
        for name, part in sam.named_modules()
        if type(part).__module__.startswith(package)
    }
    instances["predictor"] = module.SamPredictor(sam)
    instances["generator"] = module.SamAutomaticMaskGenerator(sam)
    return {name: sorted(_own(value)) for name, value in instances.items()}


def _own(value):
    plain = {name for name in vars(value) if not name.startswith("_") and name not in _TORCHS}
    if isinstance(value, torch.nn.Module):
        return plain | {*value._parameters, *value._buffers, *value._modules}
    return plain | {name for name, one in vars(type(value)).items() if isinstance(one, property)}


_TORCHS = set(vars(torch.nn.Module()))


if __name__ == "__main__":
    json.dump({package: describe(package) for package in sys.argv[1:]}, sys.stdout, indent=1, sort_keys=True)
