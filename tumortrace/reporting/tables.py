"""A batch as CSV and as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from tumortrace.constants import CLASSES
from tumortrace.inference.prediction import Prediction
from tumortrace.reporting.wording import clean

_FORMULA = ("=", "+", "-", "@")


def csv(predictions: Sequence[Prediction]) -> str:
    """A row a slice: file, slice, error, gate, prediction, sets, and the probabilities of each model."""
    return pd.DataFrame([_row(prediction) for prediction in predictions]).to_csv(index=False)


def json_lines(predictions: Sequence[Prediction]) -> str:
    """:meth:`Answer.record` of each, a line each."""
    return "".join(json.dumps(prediction.record(), allow_nan=False) + "\n" for prediction in predictions)


def _row(prediction: Prediction) -> dict[str, Any]:
    label = prediction.named_label
    row: dict[str, Any] = {
        "file": _inert(prediction.file),
        "slice": _inert(prediction.slice),
        "error": _inert(prediction.error or ""),
        "gate": prediction.gate.verdict if prediction.gate else "",
        "reason": prediction.gate.reason if prediction.gate else "",
        "prediction": "" if label is None else CLASSES[label],
    }
    row |= {
        f"set_{level}": " or ".join(CLASSES[one] for one in labels)
        for level, labels in prediction.sets.items()
        if label is not None
    }
    for model, shares in prediction.probabilities.items():
        row |= {f"{model}_{name}": round(float(share), 6) for name, share in zip(CLASSES, shares, strict=True)}
    return row


def _inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    plain = clean(text, 300)
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
