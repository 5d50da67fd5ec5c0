"""Classify files from Python, as the Classify page and ``tumortrace predict`` do.

>>> from tumortrace.inference.api import classify        # doctest: +SKIP
>>> for answer in classify(["scan.dcm", "series.zip"]):  # doctest: +SKIP
...     if answer.gate.open:
...         print(answer.file, answer.slice, answer.probabilities["ensemble"], answer.sets[90])
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumortrace.errors import InputError
from tumortrace.imaging.formats import Opened, Refused, open_files
from tumortrace.inference.prediction import Prediction
from tumortrace.inference.predictor import Predictor
from tumortrace.inference.request import SliceInput, slice_inputs

Source = str | Path | bytes | npt.NDArray[np.generic]
PLANES = ("axial", "coronal", "sagittal")


def classify(
    sources: Source | Sequence[Source], predictor: Predictor | None = None, plane: str = "axial"
) -> list[Prediction]:
    """Answer every slice of every source.

    Args:
        sources: Paths (a folder stands for its files), whole files as bytes, or slices ``[H, W]``; one or several. Any
            format that :mod:`tumortrace.imaging.formats` reads.
        predictor: Over which models; the shipped ones, loaded anew, by default. Keep one to classify more than once.
        plane: Which slices of a volume.

    Returns:
        A :class:`~tumortrace.inference.prediction.Prediction` a slice. A file that cannot be read, or a slice that
        cannot be prepared, has ``error`` instead of probabilities and spoils no other.
    """
    several = sources if isinstance(sources, Sequence) and not isinstance(sources, str | bytes) else [sources]
    found: list[SliceInput | Prediction] = []
    for one in several:
        if isinstance(one, np.ndarray):
            found.append(SliceInput("array", one))
    files = [one for one in several if not isinstance(one, np.ndarray)]
    found += list(read_inputs(files, plane))
    return list(predict_all(found, predictor or Predictor.shipped()))


def read_inputs(files: Iterable[str | Path | bytes], plane: str = "axial") -> Iterator[SliceInput | Prediction]:
    """Every slice of files; for what cannot be read the answer that says so."""
    read: list[tuple[str, bytes]] = []
    for one in files:
        if isinstance(one, bytes):
            read.append(("bytes", one))
            continue
        for path in _files(Path(one)):
            try:
                read.append((str(path), path.read_bytes()))
            except OSError as error:
                yield Prediction(str(path), error=f"cannot be read: {error.strerror}. Check the path.")
    for opened in open_files(read):
        if isinstance(opened, Refused):
            yield Prediction(opened.name, error=str(opened.error))
            continue
        for item in slice_inputs(opened, _place(opened, plane)):
            if isinstance(item, SliceInput):
                yield item
            else:
                yield Prediction(opened.name, item[0], error=str(item[1]))


def predict_all(items: Iterable[SliceInput | Prediction], predictor: Predictor) -> Iterator[Prediction]:
    """Answers in the order of the items; those that are answers already go through."""
    for prediction, _ in predict_with(items, predictor):
        yield prediction


def predict_with(
    items: Iterable[SliceInput | Prediction], predictor: Predictor
) -> Iterator[tuple[Prediction, SliceInput | None]]:
    """Each prediction with its input; None beside it for what could not be read."""
    waiting: list[SliceInput | Prediction] = []
    for item in items:
        waiting.append(item)
        if sum(isinstance(one, SliceInput) for one in waiting) == predictor.batch:
            yield from _flush(waiting, predictor)
            waiting = []
    yield from _flush(waiting, predictor)


def _flush(
    waiting: list[SliceInput | Prediction], predictor: Predictor
) -> Iterator[tuple[Prediction, SliceInput | None]]:
    predictions = predictor.predict([one for one in waiting if isinstance(one, SliceInput)])
    for item in waiting:
        yield (next(predictions), item) if isinstance(item, SliceInput) else (item, None)


def _files(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def _place(opened: Opened, plane: str) -> int:
    if plane not in PLANES:
        raise InputError("no such plane", value=plane, remedy=f"Choose one of {', '.join(PLANES)}.")
    names = [stack.name for stack in opened.stacks]
    return names.index(plane) if plane in names else 0
