"""TIFF's traps: pages that are no pictures, and values that Pillow reads in another way than the tags say."""

from __future__ import annotations

from PIL import ExifTags, Image, TiffImagePlugin

from samara.errors import ImageError

_REDUCED, _MASK = 1, 4  # bits of the tag NewSubfileType
_MIN_IS_WHITE = 0
_SIGNED = 2


def has_one_full_page(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether all pages after the first are overviews or masks of it, as in cloud-optimised GeoTIFFs."""
    kinds = []
    for page in range(image.n_frames):
        image.seek(page)
        kinds.append(image.tag_v2.get(ExifTags.Base.NewSubfileType, 0) & (_REDUCED | _MASK))
    image.seek(0)
    return kinds[0] == 0 and all(kinds[1:])


def bits_per_value(image: TiffImagePlugin.TiffImageFile) -> int:
    """Bits of the widest channel."""
    return int(max(image.tag_v2.get(ExifTags.Base.BitsPerSample, (1,))))


def refuse_preview(image: TiffImagePlugin.TiffImageFile, name: str) -> None:
    """Refuse camera raw files, which are TIFFs whose first page is a thumbnail.

    Raises:
        ImageError: The page is not the picture.
    """
    kind = image.tag_v2.get(ExifTags.Base.NewSubfileType, 0)
    if ExifTags.Base.DNGVersion in image.tag_v2 or kind & _REDUCED:
        raise ImageError(f"{name} is a camera raw file or a thumbnail; develop or export the full picture first.")


def refuse_misread_values(image: TiffImagePlugin.TiffImageFile, name: str) -> None:
    """Refuse what Pillow would decode to other values than the file states.

    Raises:
        ImageError: Inverted values of more than 8 bits, or signed values of 8 bits.
    """
    tags, bits = image.tag_v2, bits_per_value(image)
    if bits > 8 and tags.get(ExifTags.Base.PhotometricInterpretation) == _MIN_IS_WHITE:
        # Pillow inverts such pictures at 8 bits, but not above.
        raise ImageError(f"{name} stores white as 0 in {bits} bits; invert the values and pass them as an array.")
    if bits == 8 and _SIGNED in tags.get(ExifTags.Base.SampleFormat, (1,)):
        # Pillow reads -1 as 255.
        raise ImageError(f"{name} holds signed 8-bit values; pass them as an int8 array with value_range.")


def allocate(image: TiffImagePlugin.TiffImageFile) -> None:
    """Give the image its memory, without which Pillow compares the size with its global limit once more."""
    if not image.tile:  # decoded already, by the caller
        return
    # The size as stored: `image.size` is the one after Pillow has turned the picture.
    size = image.tag_v2[ExifTags.Base.ImageWidth], image.tag_v2[ExifTags.Base.ImageLength]
    image.im = Image.new(image.mode, size, None).im
