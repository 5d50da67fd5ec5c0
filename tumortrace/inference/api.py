"""Classify files from Python, as the Classify page and ``tumortrace predict`` do; behind :func:`tumortrace.predict`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumortrace.config import START_RUN
from tumortrace.errors import InputError, UnknownModel
from tumortrace.imaging.formats import Opened, Refused, open_files
from tumortrace.inference.bundle import find_bundle, list_bundles
from tumortrace.inference.classifier import Classifier
from tumortrace.inference.prediction import Prediction
from tumortrace.inference.predictor import Predictor
from tumortrace.inference.request import SliceInput, slice_inputs
from tumortrace.runs.run import find_run

Source = str | Path | bytes | npt.NDArray[np.generic]
PLANES = ("axial", "coronal", "sagittal")


def load_classifier(name: str) -> Classifier:
    """A shipped model, or with ``run:ID`` the one that a run trained.

    Raises:
        UnknownModel: None of that name ships.
        RunNotFound: There is no such run, or it has no weights yet.
        WeightsMismatch: The weights are missing, changed, or do not fit.
    """
    if name.startswith(START_RUN):
        return Classifier.from_run(find_run(name.removeprefix(START_RUN)))
    return Classifier.from_bundle(find_bundle(name))


def load_predictor(models: Sequence[str | Classifier] | Predictor | None = None) -> Predictor:
    """Models that are asked together, with everything that was fitted for the shipped ones.

    Args:
        models: Each loaded, or named as :func:`load_classifier` has it; None takes every shipped one.

    Raises:
        UnknownModel: None of that name ships, or there is none to ask.
        RunNotFound: There is no such run, or it has no weights yet.
        WeightsMismatch: The weights of one are missing, changed, or do not fit.
        DataError: The gate's files are damaged.
    """
    if isinstance(models, Predictor):
        return models
    if models is None:
        chosen = [Classifier.from_bundle(bundle) for bundle in list_bundles()]
    else:
        asked = [models] if isinstance(models, str) else models
        chosen = [load_classifier(one) if isinstance(one, str) else one for one in asked]
    if not chosen:
        raise UnknownModel("there is no model to ask", value=models, remedy="Name at least one, or restore artifacts/.")
    return Predictor.fitted(chosen)


def classify(
    sources: Source | Sequence[Source], predictor: Predictor | None = None, plane: str = "axial"
) -> list[Prediction]:
    """Answer every slice of every source.

    Args:
        sources: Paths (a folder stands for its files), whole files as bytes, or slices ``[H, W]``; one or several. Any
            format that :mod:`tumortrace.imaging.formats` reads.
        predictor: Which models; the shipped ones, loaded anew, by default. Keep one to classify more than once.
        plane: Which slices of a volume.

    Returns:
        A prediction a slice, in the order of the sources. A file that cannot be read, or a slice that cannot be judged,
        has ``error`` instead of probabilities and spoils no other.
    """
    several = [sources] if isinstance(sources, str | Path | bytes | np.ndarray) else sources
    return list(predict_all(_in_order(several, plane), predictor or load_predictor()))


def _in_order(sources: Sequence[Source], plane: str) -> Iterator[SliceInput | Prediction]:
    # Files that stand together are opened together: slices of one series find each other.
    for arrays, group in groupby(sources, lambda one: isinstance(one, np.ndarray)):
        together = list(group)
        if arrays:
            yield from (SliceInput("array", one) for one in together if isinstance(one, np.ndarray))
        else:
            yield from read_inputs([one for one in together if not isinstance(one, np.ndarray)], plane)


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
