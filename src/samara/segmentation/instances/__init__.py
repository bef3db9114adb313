"""FastSAM and YOLO-seg: all instances of a picture in one pass, with the same results as automatic mask generation."""
