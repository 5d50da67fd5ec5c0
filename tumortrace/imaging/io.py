"""From the bytes of one picture file to grey pixels, in this process: what an import reads.

The decoders are those of uploads (:mod:`tumortrace.imaging.formats`), so that rotation, transparency, colour and
16 bits mean the same wherever a picture comes from.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tumortrace.errors import InputError

SUFFIXES: Final = ("png", "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "bmp", "webp", "dcm", "ima")
"""Of files that may hold one slice, in small letters; what a file is, its content decides."""


def read_image(data: bytes, name: str) -> npt.NDArray[np.generic]:
    """Read a file that holds one slice.

    Args:
        data: The whole file.
        name: Its name, for messages; what it is is told from its bytes, not from its suffix.

    Returns:
        ``[H, W]``: uint8, uint16, int16 or float32, as the file has it. Colour is reduced to luminance, transparency is
        laid on black, EXIF rotation is applied.

    Raises:
        InputError: Of no known kind, broken, of an impossible size, or with more than one slice.
    """
    from tumortrace.imaging.formats.decode import open_document, read_slice
    from tumortrace.imaging.formats.sniff import sniff

    kind = sniff(data, name)
    if kind == "zip":
        raise InputError("this is a zip", value=name, remedy="Unpack it first.")
    try:
        document = open_document(data, kind)
        count = sum(sheaf.count for sheaf in document.sheaves)
        if count != 1:
            raise InputError(f"it holds {count} slices", value="", remedy="Export one slice a file, as PNG.")
        return read_slice(document, 0, 0)
    except InputError as error:
        said = error.what if kind in error.what else f"{kind}: {error.what}"
        raise InputError(said, value=name, remedy=error.remedy) from None
