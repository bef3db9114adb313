"""micro-sam 1.8.14: `TrainableSAM` and each of its ways to adapt an encoder, on a small ViT from parts."""

import torch
from clients.lora import numbered, small_sam
from micro_sam.models import peft_sam
from micro_sam.training.trainable_sam import TrainableSAM


def trained(files, **adapting):
    sam = small_sam()
    numbered(sam)
    if adapting:
        sam = peft_sam.PEFT_Sam(sam, **adapting).sam
        numbered(sam)
    trainable = TrainableSAM(sam)
    image = torch.from_numpy(files.pixels[:192, :256].copy()).permute(2, 0, 1).float()
    batch = [{"image": image, "original_size": (192, 256), "boxes": torch.tensor([[20.0, 20, 200, 150]])}]
    parameters = [parameter for parameter in sam.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(parameters, lr=0.01)
    losses = []
    for _ in range(2):
        embeddings, inputs = trainable.image_embeddings_oft(batch)
        outputs = trainable(inputs, embeddings, multimask_output=True)
        loss = outputs[0]["masks"].sigmoid().mean() + outputs[0]["iou_predictions"].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, len(parameters)


def run(files):
    ways = {
        "plain": {},
        "lora": {"rank": 4, "peft_module": peft_sam.LoRASurgery},
        "lora_mlp": {"rank": 4, "peft_module": peft_sam.LoRASurgery, "update_matrices": ["q", "k", "v", "mlp"]},
        "fact": {"rank": 4, "peft_module": peft_sam.FacTSurgery, "dropout": 0.0},
        "ssf": {"rank": 2, "peft_module": peft_sam.SSFSurgery},
        "attention": {"rank": 2, "peft_module": peft_sam.AttentionSurgery},
        "bias": {"rank": 2, "peft_module": peft_sam.BiasSurgery},
        "norm": {"rank": 2, "peft_module": peft_sam.LayerNormSurgery},
        "adapters": {
            "rank": 2,
            "peft_module": peft_sam.AdaptFormer,
            "alpha": 1.0,
            "dropout": None,
            "projection_size": 8,
        },
        "late": {"rank": 2, "peft_module": peft_sam.ClassicalSurgery, "attention_layers_to_update": [2]},
    }
    results = {}
    for name, adapting in ways.items():
        results[f"{name}_losses"], results[f"{name}_trained"] = trained(files, **adapting)
    return results
