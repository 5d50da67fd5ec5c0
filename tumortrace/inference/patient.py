"""One patient's slices as one case: what they say together. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumortrace.evaluation.case_context import DEFAULT_SHARE, with_context
from tumortrace.inference.prediction import Prediction

ENSEMBLE = "ensemble"


@dataclass(frozen=True)
class Case:
    """The answer for a patient."""

    probabilities: npt.NDArray[np.float64] | None
    """``[3]``: mean of the ensemble over the slices used; None where none could be."""
    used: int
    """Slices that the gate let in."""
    judged: int
    """Slices that could be read and judged at all."""
    of: int
    agreeing: int
    """Used slices whose own answer is the case's."""
    curve: tuple[tuple[str, npt.NDArray[np.float64], bool], ...]
    """Of each judged slice: its name, the ensemble's ``[3]``, and whether the gate let it in."""
    context: tuple[npt.NDArray[np.float64] | None, ...] = ()
    """Of each judged slice, in the curve's order: its answer with case context, from its own and the other let-in
    slices' log-probabilities; None where the gate kept it out."""

    @property
    def label(self) -> int | None:
        """The class of the highest probability."""
        return None if self.probabilities is None else int(self.probabilities.argmax())


def make_case(predictions: Sequence[Prediction], own_share: float = DEFAULT_SHARE) -> Case:
    """Average the slices that the gate let in, as the benchmark's patient-level figures average a patient's slices.

    Those figures rest on slices that all show a tumour; a whole series holds many that do not, and the gate's word on
    them counts. Where it lets none in there is no answer for the case.

    Args:
        answers: Of its slices, in their order.
        own_share: How much a slice's own answer counts in its answer with case context.
    """
    judged = [prediction for prediction in predictions if ENSEMBLE in prediction.probabilities]
    let_in = [prediction for prediction in judged if prediction.gate is None or prediction.gate.open]
    mean = np.mean([prediction.probabilities[ENSEMBLE] for prediction in let_in], axis=0) if let_in else None
    same = 0 if mean is None else sum(prediction.label == int(mean.argmax()) for prediction in let_in)
    curve = tuple(
        (
            prediction.slice or prediction.file,
            prediction.probabilities[ENSEMBLE],
            prediction.gate is None or prediction.gate.open,
        )
        for prediction in judged
    )
    pooled = iter(_with_context(let_in, own_share))
    context = tuple(next(pooled) if open_ else None for _, _, open_ in curve)
    return Case(mean, len(let_in), len(judged), len(predictions), same, curve, context)


def _with_context(let_in: Sequence[Prediction], own_share: float) -> npt.NDArray[np.float64]:
    if not let_in:
        return np.empty((0, 3))
    shares = np.stack([prediction.probabilities[ENSEMBLE] for prediction in let_in])
    return with_context(shares, np.zeros(len(let_in), dtype=np.int64), own_share)
