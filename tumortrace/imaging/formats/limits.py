"""How much of an uploaded file is looked at before it is refused; docs/input.md says the same."""

from __future__ import annotations

import os
from typing import Final

FILE_BYTES: Final = 256 * 2**20
"""One file, as given and after unpacking (gzip, deflated DICOM, a volume's voxels)."""
ARCHIVE_BYTES: Final = 512 * 2**20
"""All files of one zip together, unpacked."""
MEMBERS: Final = 2000
"""Entries of one zip."""
MEGAPIXELS: Final = 64
PIXELS: Final = MEGAPIXELS * 10**6
"""Of one slice."""
LARGE: Final = 2048
"""Most rows and columns of a picture that are handed on; a larger one, which no scanner makes, is reduced."""
SIDE: Final = 16
"""Fewest rows and columns of a slice."""
SLICES: Final = 2000
"""Most slices of one stack."""
MAT_SIDE: Final = 4096
"""Most rows and columns of the image in a ``.mat``."""
DEPTH: Final = 50
"""Most levels of nested DICOM sequences that are searched for identifying tags."""
SECONDS: Final = 5.0
"""One request to a reader: opening a file, or decoding one slice. See :func:`seconds`."""
VARIABLE: Final = "TUMORTRACE_READER_SECONDS"
START_SECONDS: Final = 60.0
"""Until a fresh reader process must have said that it is ready."""
READERS: Final = 2
"""Reader processes at once."""
READER_BYTES: Final = 2 * 2**30
"""Address space of one reader process."""
KEPT: Final = 4
"""Files that a reader keeps open for the next slice."""
KEPT_BYTES: Final = 2**29
KEPT_SECONDS: Final = 60.0
"""After which an idle reader forgets them."""
HUGE: Final = 1e30
"""Pixel values beyond this are taken for no numbers: their differences would not fit float32."""


def seconds() -> float:
    """How long one request may take: ``TUMORTRACE_READER_SECONDS`` where that is above 0, else :data:`SECONDS`."""
    try:
        given = float(os.environ.get(VARIABLE, SECONDS))
    except ValueError:
        return SECONDS
    return given if given > 0 else SECONDS
