"""What callers get: a file that was opened, its stacks of slices, or why it was refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from tumortrace.errors import InputError

Spacing = tuple[float, float]


@dataclass(frozen=True)
class Header:
    """What the file itself says of its pictures; None where it says nothing."""

    modality: str | None = None
    """DICOM's code: ``MR``, ``CT``, ..."""
    body_part: str | None = None
    """DICOM's code: ``BRAIN``, ``HEAD``, ``CHEST``, ..."""
    contrast: bool | None = None
    """Whether a contrast agent was given."""
    spacing: Spacing | None = None
    """mm between rows, mm between columns."""


@dataclass(frozen=True)
class Stack:
    """Slices that belong together, decoded when asked for. May be shared between threads."""

    name: str
    """``axial``, ``coronal`` or ``sagittal`` of a volume; else empty."""
    count: int
    window: tuple[float, float] | None
    """Darkest and brightest pixel value that the file asks to be shown (of the middle slice). Never applied here."""
    _pixels: Callable[[int], npt.NDArray[Any]] = field(repr=False, compare=False)
    _label: Callable[[int], str] = field(repr=False, compare=False)
    _spacing: Callable[[int], Spacing | None] = field(repr=False, compare=False)

    def pixels(self, index: int) -> npt.NDArray[Any]:
        """Slice ``index`` from 0: ``[H, W]`` uint8, uint16, int16 or float32, all finite.

        Raises:
            InputError: This slice is broken, or too large.
            IndexError: There is no such slice.
        """
        return self._pixels(self._known(index))

    def label(self, index: int) -> str:
        """``axial 63 of 120``, ``slice 12 of 60``, ``frame 3 of 8``; empty where there is only one slice."""
        return self._label(self._known(index))

    def spacing(self, index: int) -> Spacing | None:
        """Mm between rows and mm between columns; None where unknown."""
        return self._spacing(self._known(index))

    def _known(self, index: int) -> int:
        if not 0 <= index < self.count:
            raise IndexError(f"slice {index} of {self.count}")
        return index


@dataclass(frozen=True)
class Opened:
    """A file, or the files of one DICOM series."""

    name: str
    """The file's name; ``archive.zip › inner/path.png`` of a file in a zip; of a series its folder, or the first name
    and how many more."""
    format: str
    """``PNG``, ``JPEG``, ``TIFF``, ``BMP``, ``WebP``, ``DICOM``, ``NIfTI`` or ``figshare .mat``."""
    stacks: tuple[Stack, ...]
    facts: dict[str, str]
    """Harmless facts for people, in the order in which to show them. Never free text of the file."""
    dropped: tuple[str, ...]
    """Names, never values, of what was in the file and could tell who this is."""
    header: Header
    colour: float
    """Mean over the pixels of (max - min of R, G, B) / 255, transparency on black; of the first slice. 0 is grey."""


@dataclass(frozen=True)
class Refused:
    """A file that cannot be judged."""

    name: str
    error: InputError
