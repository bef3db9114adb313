#!/bin/sh
# A researcher with a handful of own images and their ground truth: how good is the checkpoint on them, does a short
# fine-tuning help, and is the difference more than chance? `cells` has the images, train.json and test.json.
set -eu

# How good is it as it is? Numbers, curves, and the worst masks to look at.
samara evaluate --ground-truth cells/test.json --images cells/images --measure box --measure centre_click \
    --objects 3 --failures 2 --out results

# A short fine-tuning on the other images; these only measure it, before and after, with intervals.
samara finetune --train cells/train.json --images cells/images --test cells/test.json --epochs 1 --augment none \
    --objects-per-image 3 --criterion click --out tuned.safetensors --report tuned.html

# The same measurement of the result, into the same folder.
samara evaluate --ground-truth cells/test.json --images cells/images --measure box --measure centre_click \
    --objects 3 --failures 2 --checkpoint tuned.safetensors --out results

# Before and after, side by side and object by object; nothing is measured again.
samara compare --records results/records.jsonl --ground-truth cells/test.json --images cells/images --out before-after
