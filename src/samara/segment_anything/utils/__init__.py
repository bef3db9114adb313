"""The official `utils`: transforms, building blocks of automatic mask generators, and the decoder for export."""
