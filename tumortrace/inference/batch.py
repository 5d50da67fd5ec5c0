"""Several files through several models; a bad file spoils no other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumortrace.data.catalog import CLASSES
from tumortrace.errors import InputError
from tumortrace.imaging.read import read_image
from tumortrace.inference.bundle import Bundle
from tumortrace.inference.classifier import Classifier


def classify_files(files: Sequence[Path], bundles: Sequence[Bundle]) -> list[dict[str, Any]]:
    """Classify image files.

    Returns:
        One dict a file, in order: ``file``, ``error`` (None or a sentence), ``probabilities`` (model to class to
        probability), ``prediction`` (class of the highest mean probability) and ``summary`` (a line for people).
    """
    classifiers = [Classifier.from_bundle(bundle) for bundle in bundles]
    answers = []
    for path in files:
        answer: dict[str, Any] = {
            "file": str(path),
            "error": None,
            "probabilities": {},
            "prediction": None,
            "summary": "",
        }
        try:
            pixels = read_image(path.read_bytes(), path.name)
            found = {model.name: model.predict([pixels])[0] for model in classifiers}
        except InputError as error:
            answer["error"] = str(error)
        except OSError as error:
            answer["error"] = f"cannot be read: {error.strerror}. Check the path."
        else:
            answer |= _answer(found)
        answers.append(answer)
    return answers


def _answer(found: dict[str, npt.NDArray[np.float64]]) -> dict[str, Any]:
    mean = np.mean(list(found.values()), axis=0)
    named = {model: dict(zip(CLASSES, map(float, values), strict=True)) for model, values in found.items()}
    best = CLASSES[int(mean.argmax())]
    summary = ", ".join(f"{name} {share:.1%}" for name, share in zip(CLASSES, mean, strict=True))
    return {"probabilities": named, "prediction": best, "summary": f"{best} ({summary})"}
