"""Pictures of a report: at most so large, encoded as whichever is smaller."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

LARGEST: Final = 512


def encode(image: npt.NDArray[np.uint8]) -> tuple[bytes, str, tuple[int, int]]:
    """Bytes, ``png`` or ``jpeg``, and (width, height) of ``[H, W]`` or ``[H, W, 3]``."""
    picture = Image.fromarray(image)
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    found = []
    for kind, options in (("png", {"optimize": True}), ("jpeg", {"quality": 85})):
        raw = io.BytesIO()
        picture.save(raw, kind.upper(), **options)
        found.append((raw.getvalue(), kind))
    data, kind = min(found, key=lambda one: len(one[0]))
    return data, kind, picture.size
