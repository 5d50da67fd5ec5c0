"""The ensemble: a soft vote of calibrated models, weighted by what the validation part says of each.

Everything is fitted inside the training part of its fold: a temperature a model, and one weight a model, on the rows of
the validation part (persons that no member has trained on). The test part decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.config.models import has_vote
from tumortrace.errors import DataError
from tumortrace.evaluation.calibration import apply_temperature, fit_temperature
from tumortrace.evaluation.metrics import LOG_LOSS_FLOOR
from tumortrace.evaluation.predictions import COLUMNS, PROBABILITIES

NAME: Final = "ensemble"
PRIOR: Final = 0.5
"""Strength of the pull towards equal weights, as a share of the validation rows: they come from some twenty persons."""
_ROUNDS: Final = 500

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EnsembleFit:
    """What was fitted for one protocol, seed and fold."""

    protocol: str
    seed: int
    fold: int
    temperatures: dict[str, float]
    weights: dict[str, float]
    n: int  # validation rows

    def record(self) -> dict[str, Any]:
        """The vote as plain values, for JSON."""
        return vars(self)


def fit_ensemble(
    test: pd.DataFrame, validation: pd.DataFrame, truth: pd.DataFrame
) -> tuple[pd.DataFrame, list[EnsembleFit]]:
    """Ensemble rows for every fold that all models of its protocol and seed have, and what was fitted for each.

    Args:
        test: Prediction rows of the models (:mod:`tumortrace.evaluation.predictions`).
        validation: Their rows of the validation parts, same columns.
        truth: ``slice_id, label``.

    Returns:
        Rows of the model ``ensemble``; and a :class:`EnsembleFit` for each protocol, seed and fold. A fold that a model
        lacks has none. Models without a vote get a temperature and no weight, unless they are the only ones.

    Raises:
        DataError: The members were validated or tested on different slices.
    """
    labels = truth.set_index(truth["slice_id"].astype("string"))["label"].astype("int64")
    everyone = {key: sorted(part["model"].unique()) for key, part in test.groupby(["protocol", "seed"])}
    parts, votes = [], []
    for key, part in test.groupby(["protocol", "seed", "fold"], sort=True):
        protocol, seed, fold = _key(key)
        members = everyone[protocol, seed]
        same = (validation["protocol"] == protocol) & (validation["seed"] == seed) & (validation["fold"] == fold)
        held = validation[same]
        if set(part["model"]) != set(members) or set(held["model"]) != set(members):
            continue
        held_ids, held_shares = _aligned(held, members)
        known = labels.reindex(held_ids).to_numpy(dtype=np.int64)
        temperatures = [fit_temperature(known, shares) for shares in held_shares]
        scaled = _temperature_scaled(held_shares, temperatures)
        voting = [place for place, name in enumerate(members) if has_vote(name)] or list(range(len(members)))
        weights = fit_weights(scaled[voting][:, np.arange(len(known)), known])
        found = EnsembleFit(
            protocol, seed, fold,
            dict(zip(members, temperatures, strict=True)),
            dict(zip([members[place] for place in voting], weights.tolist(), strict=True)), len(known),
        )  # fmt: skip
        parts.append(_mixed(part, found))
        votes.append(found)
    empty = test.iloc[:0][list(COLUMNS)]
    return (pd.concat(parts, ignore_index=True) if parts else empty), votes


def apply_ensemble(rows: pd.DataFrame, votes: list[EnsembleFit]) -> pd.DataFrame:
    """Ensemble rows of any rows of the members (of their validation parts, say), by votes fitted before."""
    parts = [
        _mixed(
            rows[(rows["protocol"] == vote.protocol) & (rows["seed"] == vote.seed) & (rows["fold"] == vote.fold)], vote
        )
        for vote in votes
    ]
    return pd.concat(parts, ignore_index=True) if parts else rows.iloc[:0][list(COLUMNS)]


def _mixed(part: pd.DataFrame, vote: EnsembleFit) -> pd.DataFrame:
    ids, shares = _aligned(part, list(vote.weights))
    scaled = _temperature_scaled(shares, [vote.temperatures[name] for name in vote.weights])
    mixed = np.einsum("m,mnc->nc", np.array(list(vote.weights.values())), scaled)
    head = {"model": NAME, "protocol": vote.protocol, "seed": vote.seed, "fold": vote.fold, "slice_id": ids}
    rows = pd.DataFrame(head).assign(**{name: mixed[:, place] for place, name in enumerate(PROBABILITIES)})
    return rows.astype({"slice_id": "string"})


def fit_weights(of_truth: Floats, prior: float = PRIOR) -> Floats:
    """The mixture weights that make the true classes likeliest, pulled towards equal ones.

    Expectation maximisation of a mixture whose components are known: convex, so there is one answer.

    Args:
        of_truth: ``[M, N]``: what each of M models gives the true class of each of N rows.
        prior: Rows' worth of equal weights added, as a share of N.

    Returns:
        ``[M]``, summing to 1.
    """
    models, rows = of_truth.shape
    likelihood = np.clip(of_truth, LOG_LOSS_FLOOR, None)
    weights = np.full(models, 1 / models)
    for _ in range(_ROUNDS):
        shares = weights[:, None] * likelihood
        counts = (shares / shares.sum(axis=0)).sum(axis=1) + prior * rows / models
        before, weights = weights, counts / counts.sum()
        if np.abs(weights - before).max() < 1e-9:
            break
    return weights


def calibrated(test: pd.DataFrame, votes: list[EnsembleFit]) -> pd.DataFrame:
    """The members' rows at the temperatures of their folds; folds without one are left out."""
    found = {(vote.protocol, vote.seed, vote.fold): vote.temperatures for vote in votes}
    parts = []
    for (model, *fold), part in test.groupby(["model", "protocol", "seed", "fold"], sort=True):
        temperatures = found.get(_key(fold))
        if temperatures is not None:
            shares = apply_temperature(part[list(PROBABILITIES)].to_numpy(), temperatures[str(model)])
            parts.append(part.assign(**{name: shares[:, place] for place, name in enumerate(PROBABILITIES)}))
    return pd.concat(parts, ignore_index=True) if parts else test.iloc[:0]


def _key(values: Any) -> tuple[str, int, int]:
    protocol, seed, fold = values
    return str(protocol), int(seed), int(fold)


def _aligned(rows: pd.DataFrame, members: list[str]) -> tuple[pd.Index[str], Floats]:
    """Slice ids, and the members' probabilities of each ``[M, N, 3]``."""
    tables = [rows[rows["model"] == name].set_index("slice_id")[list(PROBABILITIES)] for name in members]
    ids = tables[0].index
    for name, table in zip(members, tables, strict=True):
        if set(table.index) != set(ids) or len(table) != len(ids):
            raise DataError(
                "the members of the ensemble did not predict the same slices",
                value=f"{members[0]} and {name}",
                remedy="Train them with the same protocol, fold, seed and validation share.",
            )
    return ids, np.stack([table.reindex(ids).to_numpy(dtype=np.float64) for table in tables])


def _temperature_scaled(shares: Floats, temperatures: list[float]) -> Floats:
    return np.stack([apply_temperature(part, each) for part, each in zip(shares, temperatures, strict=True)])
