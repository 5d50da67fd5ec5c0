"""Does a confidence of 90 % mean right nine times in ten?

scipy is imported where it is used: pages read this module and must open at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.errors import DataError
from tumortrace.evaluation.metrics import ECE_BINS, LOG_LOSS_FLOOR, Floats, bin_sums, check, log_loss_terms

TEMPERATURES: Final = (0.05, 20.0)
"""Where the temperature is sought; an answer at an end means that the rows hold no answer."""


def reliability_bins(labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int = ECE_BINS) -> pd.DataFrame:
    """The reliability diagram as a table.

    Args:
        labels: ``[N]``, 0..2.
        probabilities: ``[N, 3]``.
        bins: Equal-width bins of the confidence (the greatest probability).

    Returns:
        A row a bin, empty ones too: ``low, high`` (the bin is ``(low, high]``), ``n``, mean ``confidence`` and
        ``accuracy`` of its rows (None in an empty bin; object columns).
    """
    counts, confidence, right = bin_sums(*check(labels, probabilities), bins)
    edges = np.linspace(0, 1, bins + 1)
    filled = [int(count) for count in counts]
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "n": filled,
            "confidence": pd.Series([_mean(s, n) for s, n in zip(confidence, filled, strict=True)], dtype=object),
            "accuracy": pd.Series([_mean(s, n) for s, n in zip(right, filled, strict=True)], dtype=object),
        }
    )


def fit_temperature(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """The temperature that minimises the log loss of these rows: above 1 for a model that is too sure.

    Fit it on validation rows, never on those it is then judged by.

    Args:
        labels: ``[N]``, 0..2; N at least 1.
        probabilities: ``[N, 3]``.

    Raises:
        DataError: There are no rows.
    """
    from scipy.optimize import minimize_scalar

    truth, shares = check(labels, probabilities)
    if not len(truth):
        raise DataError("no rows to fit a temperature on", value=0, remedy="Give validation rows with their labels.")

    def loss(log_temperature: float) -> float:
        return float(log_loss_terms(truth, apply_temperature(shares, float(np.exp(log_temperature)))).mean())

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def apply_temperature(probabilities: npt.ArrayLike, temperature: float) -> Floats:
    """Softmax of the logarithms over ``temperature``: ``[N, 3]`` again, the order of the classes unchanged."""
    if not temperature > 0:
        raise DataError("a temperature must be above 0", value=temperature, remedy="Use 1 to change nothing.")
    from scipy.special import softmax

    shares = np.clip(np.asarray(probabilities, dtype=np.float64), LOG_LOSS_FLOOR, None)
    return np.asarray(softmax(np.log(shares) / temperature, axis=1), dtype=np.float64)


def _mean(total: float, n: int) -> float | None:
    return float(total / n) if n else None
