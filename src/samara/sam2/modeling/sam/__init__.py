"""The official `modeling.sam`: prompt encoder, mask decoder and transformer."""
