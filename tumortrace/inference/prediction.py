"""What is said of a slice, as plain values for a page, a report or JSON. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from tumortrace.config import PreprocessSettings
from tumortrace.constants import CLASSES, NOT_FOR_CLINICAL_USE
from tumortrace.evaluation.conformal import LEVELS

GateOutcome = Literal["in_range", "unlike", "not_mr"]
DISCLAIMER: Final = (
    f"{NOT_FOR_CLINICAL_USE} No answer here may inform the care of a patient. "
    "The models know three tumours and no healthy brain."
)


@dataclass(frozen=True)
class GateDecision:
    """The gate's decision: is this picture in distribution, so that the models may answer?"""

    verdict: GateOutcome
    """``in_range``; ``unlike``: an MR slice perhaps, but unlike what the models were trained on; ``not_mr``: a picture
    of something else."""
    reason: str
    """Why, in one or two plain sentences."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """What the verdict rests on, each as a share of its limit: above 1 it closes the gate."""

    @property
    def open(self) -> bool:
        """Whether probabilities may be headlined."""
        return self.verdict == "in_range"

    def record(self) -> dict[str, Any]:
        """The decision as plain values, for JSON."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "measures": {name: round(float(value), 4) for name, value in self.measures.items()},
        }


@dataclass(frozen=True)
class Prediction:
    """What the models say of one slice, or why they say nothing."""

    file: str
    slice: str = ""
    """Which slice of the file, as for people (``axial 63 of 120``); empty where it holds one."""
    error: str | None = None
    gate: GateDecision | None = None
    probabilities: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    """Model to calibrated ``[3]`` in class order; ``ensemble`` among them."""
    sets: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Promised coverage (%) to the classes that cannot be ruled out, likeliest first."""
    image: npt.NDArray[np.uint8] | None = None
    """``[S, S]``, as the networks saw it."""
    outline: npt.NDArray[np.float32] | None = None
    """``[S, S]``, probability of tumour by TraceNet; None where it was not asked."""
    view: PreprocessSettings | None = None
    """How ``image`` and ``outline`` were cut from the slice."""
    features: npt.NDArray[np.float32] | None = None
    """``[F]``, what TraceNet's classifier saw: where to look for similar slices."""

    @property
    def label(self) -> int | None:
        """The class of the ensemble's highest probability."""
        shares = self.probabilities.get("ensemble")
        return None if shares is None else int(np.argmax(shares))

    @property
    def named_label(self) -> int | None:
        """:attr:`label` where the slice may be judged: None behind a closed gate."""
        return self.label if self.gate is None or self.gate.open else None

    @property
    def agreeing(self) -> int:
        """How many single models name the ensemble's class first."""
        return sum(int(np.argmax(each)) == self.label for each in self.single.values())

    @property
    def single(self) -> dict[str, npt.NDArray[np.float64]]:
        """The models without their ensemble."""
        return {name: each for name, each in self.probabilities.items() if name != "ensemble"}

    def record(self) -> dict[str, Any]:
        """For JSON: ``file, slice, error, gate, probabilities, prediction, prediction_set, prediction_sets``,
        ``notice``."""
        named = {
            model: {name: round(float(share), 6) for name, share in zip(CLASSES, shares, strict=True)}
            for model, shares in self.probabilities.items()
        }
        # Behind a closed gate no class is named: whoever reads this field alone would take it for an answer.
        label = self.named_label
        said = self.sets if label is not None else {}
        sets = {str(level): [CLASSES[one] for one in labels] for level, labels in said.items()}
        return {
            "file": self.file,
            "slice": self.slice,
            "error": self.error,
            "gate": self.gate.record() if self.gate else None,
            "probabilities": named,
            "prediction": None if label is None else CLASSES[label],
            "prediction_set": sets.get(str(LEVELS[0]), []),
            "prediction_sets": sets,
            "notice": NOT_FOR_CLINICAL_USE,
        }
