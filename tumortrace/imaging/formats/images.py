"""PNG, JPEG, TIFF, BMP and WebP. Runs in a reader process."""

from __future__ import annotations

import contextlib
import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from tumortrace.errors import InputError
from tumortrace.imaging.formats.document import Document, Sheaf
from tumortrace.imaging.formats.limits import LARGE, SIDE, SLICES
from tumortrace.imaging.formats.values import (
    bits,
    check_size,
    chroma_and_grey,
    finite,
    is_flat,
    mended_fact,
    standard,
)

_GPS: Final = 0x8825
_BITS: Final = 258
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""EXIF's orientation to what turns the picture upright."""
_TOLD: Final = {"exif": "EXIF", "xmp": "XMP", "XML:com.adobe.xmp": "XMP", "photoshop": "IPTC", "comment": "comment"}
_TIFF_TEXTS: Final = {
    270: "ImageDescription", 269: "DocumentName", 271: "Make", 272: "Model", 285: "PageName", 305: "Software",
    306: "DateTime", 315: "Artist", 316: "HostComputer", 700: "XMP", 33432: "Copyright", 33723: "IPTC", 34665: "EXIF",
    34853: "EXIF GPS position",
}  # fmt: skip


def open_picture(data: bytes, kind: str) -> Document:
    """Open a picture; its first page is decoded, to know that it is whole.

    Args:
        data: The file.
        kind: ``PNG``, ``JPEG``, ``TIFF``, ``BMP`` or ``WebP``; nothing else is tried.

    Raises:
        InputError: Broken, too large or too small, or half of its pixels are not numbers.
    """
    image = Image.open(io.BytesIO(data), formats=(kind.upper(),))
    check_size(image.height, image.width)
    frames = _frames(image, kind)
    mode, deep = image.mode, _deep(image, data)
    dropped = _dropped(image)
    pixels, colour = _grey(_upright(image))
    whole, mended = finite(pixels)
    first = _reduced(whole)
    size = f"{whole.shape[1]} x {whole.shape[0]}"
    if first is not whole:
        size += f", reduced to {first.shape[1]} x {first.shape[0]}"
    depth = "16, of which the upper 8 are read" if deep and first.dtype == np.uint8 else bits(first)
    facts = {"size": size, "bits": depth, "pixels": _mode(mode)}
    if frames > 1:
        facts["frames"] = str(frames)
    elif getattr(image, "n_frames", 1) > 1:
        facts["animation"] = "only its first picture is read"

    def read(index: int) -> npt.NDArray[Any]:
        if index == 0 and frames == 1:
            return first
        with Image.open(io.BytesIO(data), formats=(kind.upper(),)) as page:
            page.seek(index)
            check_size(page.height, page.width)
            return _reduced(finite(_grey(_upright(page))[0])[0])

    return Document(
        format=kind,
        sheaves=(Sheaf(frames, read, unit="frame"),),
        facts=facts | mended_fact(mended),
        dropped=dropped,
        colour=colour,
        flat=is_flat(first),
        weight=len(data) + first.nbytes,
    )


def _frames(image: Image.Image, kind: str) -> int:
    # Only a TIFF's pages are slices; an animation is not.
    frames = int(getattr(image, "n_frames", 1)) if kind == "TIFF" else 1
    if frames > SLICES:
        raise InputError(f"the file has more than {SLICES} pages", value=frames, remedy="Give fewer at once.")
    image.seek(0)
    return frames


def _upright(image: Image.Image) -> Image.Image:
    image.load()  # what is cut off fails here, not in the rotation, whose own failures are forgiven
    turn = None
    with contextlib.suppress(Exception):  # without a legible rotation the picture stays as it is
        # Pillow's own function writes all of EXIF anew, and fails where any other tag is malformed.
        turn = _TURNS.get(int(image.getexif().get(_ORIENTATION, 1)))
    return image if turn is None else image.transpose(turn)


def _deep(image: Image.Image, data: bytes) -> bool:
    """Whether the file has 16 bits a sample; of colour or transparency Pillow reads only the upper 8."""
    if image.format == "PNG":
        return data[24:25] == b"\x10"
    tags = getattr(image, "tag_v2", None)
    return tags is not None and 16 in np.atleast_1d(tags.get(_BITS, 8))


def _reduced(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``[H, W]`` with at most LARGE rows and columns, by means over squares of pixels; the same where it is so."""
    factor = -(-max(pixels.shape) // LARGE)
    if factor == 1 or min(pixels.shape) < factor * SIDE:
        return pixels
    height, width = (side // factor for side in pixels.shape)
    squares = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor)
    small: npt.NDArray[Any] = squares.mean(axis=(1, 3), dtype=np.float32)
    return small if pixels.dtype.kind == "f" else np.rint(small, out=small).astype(pixels.dtype)


def _grey(image: Image.Image) -> tuple[npt.NDArray[Any], float]:
    """Pixels ``[H, W]`` and mean chroma."""
    if image.mode.startswith(("I", "F")):
        return standard(np.asarray(image)), 0.0
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    if image.mode in {"1", "L"}:
        return np.array(image.convert("L")), 0.0
    colour, grey = chroma_and_grey(image if image.mode == "RGB" else image.convert("RGB"))
    return grey, colour


def _mode(mode: str) -> str:
    names = {"1": "black and white", "L": "grey", "LA": "grey, transparent", "P": "palette", "PA": "palette"}
    names |= {"RGB": "colour", "RGBA": "colour, transparent", "CMYK": "CMYK", "YCbCr": "colour", "LAB": "Lab"}
    return names.get(mode, "grey")


def _dropped(image: Image.Image) -> tuple[str, ...]:
    found = {name for key, name in _TOLD.items() if image.info.get(key)}
    with contextlib.suppress(Exception):  # hostile EXIF is named all the same
        if image.getexif().get_ifd(_GPS):
            found.add("EXIF GPS position")
    tags = getattr(image, "tag_v2", None)
    if tags is not None:
        found |= {name for number, name in _TIFF_TEXTS.items() if number in tags}
    if image.format == "PNG":
        with contextlib.suppress(Exception):
            found |= {"PNG text"} if getattr(image, "text", None) else set()
    return tuple(sorted(found))
