"""The official `modeling.backbones`: the image encoder and its trunk."""
