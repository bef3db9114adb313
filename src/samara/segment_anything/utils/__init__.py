"""The official `utils`: transforms, the parts of automatic mask generators, and the decoder for exporters."""
