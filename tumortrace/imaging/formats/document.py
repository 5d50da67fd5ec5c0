"""What a reader makes of one file's bytes, inside the reader process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from tumortrace.imaging.formats.opened import Header, Spacing

Pixels = npt.NDArray[Any]


@dataclass(frozen=True)
class Sheaf:
    """A stack before it is handed on: ``read(index)`` decodes one slice."""

    count: int
    read: Callable[[int], Pixels]
    name: str = ""
    unit: str = "slice"
    """What a slice is called in its label."""
    spacing: Spacing | None = None
    window: tuple[float, float] | None = None

    def plain(self) -> dict[str, Any]:
        """Everything but the pixels, for JSON."""
        return {
            "count": self.count,
            "name": self.name,
            "unit": self.unit,
            "spacing": self.spacing,
            "window": self.window,
        }


@dataclass(frozen=True)
class Place:
    """Where a DICOM slice stands in its series."""

    series: str
    """Digest of what slices of one stack have in common; tells nothing about the identifier it is made of."""
    along: float | None
    """mm along the normal of the slices."""
    number: int | None
    """InstanceNumber."""


@dataclass(frozen=True)
class Document:
    """A file that was opened."""

    format: str
    sheaves: tuple[Sheaf, ...]
    facts: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    header: Header = field(default_factory=Header)
    colour: float = 0.0
    flat: bool = False
    """All pixels have one value."""
    place: Place | None = None
    weight: int = 0
    """Bytes it holds in memory."""

    def plain(self) -> dict[str, Any]:
        """Everything but the pixels, for JSON."""
        header, place = self.header, self.place
        return {
            "format": self.format,
            "sheaves": [sheaf.plain() for sheaf in self.sheaves],
            "facts": self.facts,
            "dropped": list(self.dropped),
            "header": [header.modality, header.body_part, header.contrast, header.spacing],
            "colour": self.colour,
            "flat": self.flat,
            "place": None if place is None else [place.series, place.along, place.number],
        }
