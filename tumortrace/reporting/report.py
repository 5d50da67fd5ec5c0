"""What a report holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from tumortrace.inference.prediction import Prediction

IN_FULL: Final = 40
"""Slices with pictures; of more there is a line each in the table."""


@dataclass(frozen=True)
class Picture:
    """A picture and what it shows."""

    caption: str
    image: npt.NDArray[np.uint8]  # [H, W] or [H, W, 3]


@dataclass(frozen=True)
class SliceReport:
    """What the report says of one slice."""

    prediction: Prediction
    pictures: tuple[Picture, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaseLine:
    """The answer for a series."""

    title: str
    probabilities: npt.NDArray[np.float64]  # [3]
    used: int
    of: int
    curve: Sequence[tuple[str, npt.NDArray[np.float64]]] = ()


@dataclass(frozen=True)
class ModelLine:
    """A line of a model's card."""

    title: str
    trained_on: str
    figures: str


@dataclass(frozen=True)
class Report:
    """Everything a report says."""

    slices: tuple[SliceReport, ...]
    case: CaseLine | None
    models: tuple[ModelLine, ...]
    titles: Mapping[str, str]
    """Model to its name for people."""
    coverage: Mapping[int, str]
    """Promised coverage (%) to what was held on the benchmark."""
    versions: Mapping[str, str]
    created: datetime
    dropped: Mapping[str, tuple[str, ...]]
    """File to the names of identifying tags that it held."""
