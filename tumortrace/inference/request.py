"""A slice to be judged, and what its file says of it. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tumortrace.errors import InputError
from tumortrace.imaging.formats import Opened
from tumortrace.inference.ood import FileMetadata

Pixels = npt.NDArray[np.generic]


@dataclass(frozen=True)
class SliceInput:
    """A slice to classify, and what its file says of it."""

    file: str
    pixels: Pixels
    """``[H, W]``, any real dtype."""
    slice: str = ""
    """Which slice of its file, as for people (``axial 63 of 120``); empty where it holds one."""
    claims: FileMetadata = field(default_factory=FileMetadata)
    spacing: tuple[float, float] | None = None
    """Mm between rows and between columns."""
    window: tuple[float, float] | None = None
    """Darkest and brightest value to show, where the file names them."""
    facts: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    """Names of identifying tags that the file held."""

    @property
    def title(self) -> str:
        """File and slice, for people."""
        return f"{self.file} · {self.slice}" if self.slice else self.file


def slice_input(opened: Opened, plane: int = 0, index: int = 0) -> SliceInput:
    """One slice of an opened file.

    Args:
        opened: From :func:`tumortrace.imaging.formats.open_files`.
        plane: Which of its stacks.
        index: Which slice of that, from 0.

    Raises:
        InputError: This slice is broken.
    """
    stack, header = opened.stacks[plane], opened.header
    claims = FileMetadata(opened.colour, header.modality, header.body_part, header.contrast)
    return SliceInput(
        opened.name, stack.pixels(index), stack.label(index), claims, stack.spacing(index), stack.window,
        opened.facts, opened.dropped,
    )  # fmt: skip


def slice_inputs(opened: Opened, plane: int = 0) -> Iterator[SliceInput | tuple[str, InputError]]:
    """Every slice of one plane; for a broken one its name and why."""
    for index in range(opened.stacks[plane].count):
        try:
            yield slice_input(opened, plane, index)
        except InputError as error:
            yield opened.stacks[plane].label(index), error


def deepest_stack(opened: Opened) -> int:
    """How many slices the longest of its stacks holds."""
    return max(stack.count for stack in opened.stacks)
