"""FastSAM and YOLO-seg: all instances of an image in one pass, with the same result type as automatic masks."""
