"""From the bytes of an uploaded file to grey pixels. Nothing is written to disk."""

from __future__ import annotations

import io
import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from tumortrace.errors import InputError

SUFFIXES: Final = ("png", "jpg", "jpeg")
MAX_PIXELS: Final = 64_000_000
_REMEDY: Final = "Give one slice as PNG or JPEG."


def read_image(data: bytes, name: str) -> npt.NDArray[np.generic]:
    """Read a PNG or JPEG.

    Args:
        data: The whole file.
        name: Its name, for messages; what it is is told from its bytes, not from its suffix.

    Returns:
        ``[H, W]``: uint8, or uint16 where the file has 16 bits. Colour is reduced to luminance, transparency is laid on
        black, EXIF rotation is applied.

    Raises:
        InputError: Empty, not a PNG or JPEG, broken, or larger than 64 megapixels.
    """
    if not data:
        raise InputError("the file is empty", value=name, remedy=_REMEDY)
    try:
        with warnings.catch_warnings():
            # Pillow only warns of a decompression bomb at first; the size is judged below, before decoding.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise InputError(
                        f"the image is larger than {MAX_PIXELS // 10**6} megapixels",
                        value=f"{name}: {image.width}x{image.height}",
                        remedy="Reduce it and try again.",
                    )
                return _grey(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise InputError("this is not a PNG or JPEG image", value=name, remedy=_REMEDY) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"the image is broken ({error})", value=name, remedy="Export it again.") from error


def _grey(image: Image.Image) -> npt.NDArray[Any]:
    if image.mode.startswith("I"):
        wide: npt.NDArray[Any] = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        return wide
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    return np.asarray(image.convert("L"))
