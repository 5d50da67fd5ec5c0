"""Calibration of the ensemble: temperature scaling, weights of the vote, limits of prediction sets. No torch.

All of it was fitted out of fold by the benchmark, and is read from its results and reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tumortrace.config import CONTEXT
from tumortrace.evaluation import published
from tumortrace.evaluation.calibration import apply_temperature
from tumortrace.evaluation.case_context import DEFAULT_SHARE
from tumortrace.evaluation.conformal import set_members
from tumortrace.evaluation.ensemble import NAME
from tumortrace.evaluation.results_document import EnsembleVote, ResultsDocument
from tumortrace.evaluation.shipped import shipped_reports
from tumortrace.evaluation.tables import figures

Floats = npt.NDArray[np.float64]
CALIBRATION_PROTOCOLS = ("person", "official")
"""The protocols whose fits are taken: the one whose vote hears most models, the first of equals."""


@dataclass(frozen=True)
class EnsembleCalibration:
    """What turns the predictions of single models into one, fitted out of fold."""

    protocol: str | None = None
    """Whose folds it was fitted on; None: nothing was fitted, all models count the same."""
    temperatures: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    """Promised coverage (%) to the least probability of each class that stays in the set."""
    own_share: float = DEFAULT_SHARE
    """How much a slice's own answer counts beside the others of its case."""
    slices: int = 0
    """How many out-of-fold slices the limits rest on."""

    def temperature_scale(self, model: str, shares: Floats) -> Floats:
        """``[N, 3]`` probabilities of one model, calibrated."""
        return apply_temperature(shares, self.temperatures.get(model, 1.0))

    def vote(self, calibrated: Mapping[str, Floats]) -> Floats:
        """The ensemble's ``[N, 3]`` of each model's calibrated ``[N, 3]``.

        Models that were fitted together have their weights and others beside them no say; where one of them is not
        asked, all that are count the same.
        """
        names = list(calibrated)
        weights = np.array([self.weights.get(name, 0.0) for name in names])
        if not self.fits(names):
            weights = np.ones(len(names))
        mixed: Floats = np.einsum("m,mnc->nc", weights / weights.sum(), np.stack([calibrated[name] for name in names]))
        return mixed

    def fits(self, models: Sequence[str]) -> bool:
        """Whether all that were fitted together are among these: only then do the sets keep their promise."""
        return bool(self.weights) and set(self.weights) <= set(models)

    def sets(self, models: Sequence[str], shares: Floats) -> dict[int, tuple[int, ...]]:
        """The prediction sets of one slice's ensemble ``[3]``; none where other models were asked."""
        if not self.fits(models):
            return {}
        return {level: set_members(shares, limits) for level, limits in self.limits.items()}


def shipped_calibration() -> EnsembleCalibration:
    """The calibration of the shipped benchmark; an empty one where none ships, or it has no ensemble."""
    found = published.results()
    fitted = {
        protocol: [vote for vote in found.votes if vote.protocol == protocol] for protocol in CALIBRATION_PROTOCOLS
    }
    fitted = {protocol: mine for protocol, mine in fitted.items() if mine}
    if not fitted:
        return EnsembleCalibration()
    protocol, mine = max(fitted.items(), key=lambda item: len(item[1][0].weights))
    return EnsembleCalibration(
        protocol,
        {name: _geometric(mine, name) for name in mine[0].temperatures},
        {name: float(np.mean([vote.weights[name] for vote in mine])) for name in mine[0].weights},
        {level: tuple(one) for level, one in found.limits.get(protocol, {}).items()},
        _own_share(found, protocol),
        _tested(protocol),
    )


def _own_share(found: ResultsDocument, protocol: str) -> float:
    """The mean over the folds of what was fitted for the ensemble."""
    fitted = found.context_shares.get(f"{NAME}{CONTEXT}", {})
    held = [share for place, share in fitted.items() if place.startswith(f"{protocol}/")]
    return float(np.mean(held)) if held else DEFAULT_SHARE


def _geometric(votes: list[EnsembleVote], model: str) -> float:
    return float(np.exp(np.mean(np.log([vote.temperatures[model] for vote in votes]))))


def _tested(protocol: str) -> int:
    """The slices behind the ensemble's accuracy; 0 where no report of it ships."""
    held = [one for one in shipped_reports() if (one.model, one.protocol) == (NAME, protocol)]
    counts = [
        int(line["n"])
        for report in held
        for line in figures(report)
        if (line["unit"], line["metric"]) == ("slice", "accuracy")
    ]
    return counts[0] if counts else 0
