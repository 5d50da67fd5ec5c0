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


def csv(answers: Sequence[Prediction]) -> str:
    """A row a slice: file, slice, error, gate, prediction, sets, and the probabilities of each model."""
    return pd.DataFrame([_row(answer) for answer in answers]).to_csv(index=False)


def json_lines(answers: Sequence[Prediction]) -> str:
    """:meth:`Answer.record` of each, a line each."""
    return "".join(json.dumps(answer.record(), allow_nan=False) + "\n" for answer in answers)


def _row(answer: Prediction) -> dict[str, Any]:
    label = answer.named
    row: dict[str, Any] = {
        "file": _inert(answer.file),
        "slice": _inert(answer.slice),
        "error": _inert(answer.error or ""),
        "gate": answer.gate.verdict if answer.gate else "",
        "reason": answer.gate.reason if answer.gate else "",
        "prediction": "" if label is None else CLASSES[label],
    }
    row |= {
        f"set_{level}": " or ".join(CLASSES[one] for one in labels)
        for level, labels in answer.sets.items()
        if label is not None
    }
    for model, shares in answer.probabilities.items():
        row |= {f"{model}_{name}": round(float(share), 6) for name, share in zip(CLASSES, shares, strict=True)}
    return row


def _inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    plain = clean(text, 300)
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
