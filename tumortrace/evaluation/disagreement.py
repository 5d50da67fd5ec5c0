"""Where models disagree about a slice, and what each makes of the others' mistakes: from prediction rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.constants import CLASSES
from tumortrace.evaluation.predictions import PROBABILITIES
from tumortrace.evaluation.significance import mcnemar_exact

Floats = npt.NDArray[np.float64]

OUTCOMES: Final = ("both right", "only first", "only second", "both wrong")
KEYS: Final = ["slice_id", "seed"]


def jensen_shannon(shares: Floats) -> Floats:
    """How far several distributions over the classes are apart.

    The entropy of their mean less the mean of their entropies (Lin, 1991), over the most it can be for so many.

    Args:
        shares: ``[M, N, C]``: the probabilities that M models give to C classes for N slices.

    Returns:
        ``[N]``: 0 where all say the same with the same certainty, 1 where they could not be further apart.
    """
    voices, _, classes = shares.shape
    most = np.log(min(voices, classes))
    if voices < 2:
        return np.zeros(shares.shape[1])
    spread: Floats = _entropy(shares.mean(axis=0)) - _entropy(shares).mean(axis=0)
    clipped: Floats = np.clip(spread / most, 0, 1)
    return clipped


def disagreement(joined: pd.DataFrame) -> pd.DataFrame:
    """How much the models disagree about each slice.

    Args:
        joined: From :func:`~tumortrace.evaluation.predictions.join_truth`, of one protocol and the models that are
            compared.

    Returns:
        A row a slice and seed: ``slice_id, seed, disagreement`` (:func:`jensen_shannon` of those that judged it),
        ``voices`` (how many did), ``right`` (how many name its class), ``dissent`` (the share of them that do not say
        what most say; of equally many the first class counts).
    """
    if joined.empty:
        columns = {"slice_id": "string", "seed": "int64", "disagreement": "float64", "voices": "int64",
                   "right": "int64", "dissent": "float64"}  # fmt: skip
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    models = sorted(joined["model"].unique())
    place = joined.groupby(KEYS, sort=False).ngroup().to_numpy()
    count = int(place.max()) + 1
    shares = np.full((len(models), count, len(CLASSES)), np.nan)
    voice = joined["model"].map({name: row for row, name in enumerate(models)}).to_numpy()
    shares[voice, place] = joined[list(PROBABILITIES)].to_numpy(dtype=np.float64)
    heard = np.isfinite(shares[:, :, 0])
    apart = np.zeros(count)
    # Slices that the same models judged are taken together: nearly always all of them at once.
    for pattern in np.unique(heard, axis=1).T:
        here = (heard == pattern[:, None]).all(axis=0)
        apart[here] = jensen_shannon(shares[pattern][:, here])
    voices = heard.sum(axis=0)
    votes = np.zeros((count, len(CLASSES)), dtype=np.int64)
    np.add.at(votes, (place, joined["predicted"].to_numpy(dtype=np.int64)), 1)
    first = joined.drop_duplicates(KEYS)
    labels = first["label"].to_numpy(dtype=np.int64)
    return pd.DataFrame(
        {
            "slice_id": first["slice_id"].array, "seed": first["seed"].to_numpy(), "disagreement": apart,
            "voices": voices, "right": votes[np.arange(count), labels], "dissent": 1 - votes.max(axis=1) / voices,
        }
    )  # fmt: skip


def margins(joined: pd.DataFrame) -> Floats:
    """``[N]``: the greatest probability less that of the true class; 0 where the prediction is right."""
    shares = joined[list(PROBABILITIES)].to_numpy(dtype=np.float64)
    of_truth = shares[np.arange(len(shares)), joined["label"].to_numpy(dtype=np.int64)]
    gaps: Floats = shares.max(axis=1) - of_truth if len(shares) else np.zeros(0)
    return gaps


def side_by_side(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The slices that two models judged, and which of them got each right.

    Args:
        first: From :func:`~tumortrace.evaluation.predictions.join_truth`, of one model and protocol.
        second: The same of the other.

    Returns:
        ``slice_id, seed``, ``label, true_class, patient_id, person_id, fold`` and the first's prediction as it stands
        in ``first``; ``predicted_2, predicted_class_2, confidence_2, correct_2`` of the second; ``outcome`` of
        :data:`OUTCOMES`.
    """
    columns = ["predicted", "predicted_class", "confidence", "correct"]
    both = first.merge(second[[*KEYS, *columns]], on=KEYS, suffixes=("", "_2"))
    one, other = both["correct"].to_numpy(dtype=bool), both["correct_2"].to_numpy(dtype=bool)
    names = np.array(OUTCOMES, dtype=object)
    return both.assign(outcome=names[2 * ~one + ~other])


def confusion_difference(both: pd.DataFrame) -> pd.DataFrame:
    """Two confusion matrices on the same slices, and the first less the second.

    Args:
        both: From :func:`side_by_side`.

    Returns:
        ``true, predicted`` (class names, in order), ``first, second, difference`` (counts), ``support`` of the true
        class; nine rows.
    """
    size = len(CLASSES)
    labels = both["label"].to_numpy(dtype=np.int64)
    tables = [
        np.bincount(labels * size + both[name].to_numpy(dtype=np.int64), minlength=size**2).reshape(size, size)
        for name in ("predicted", "predicted_2")
    ]
    support = np.bincount(labels, minlength=size)
    return pd.DataFrame(
        [
            {
                "true": CLASSES[row], "predicted": CLASSES[column], "first": int(tables[0][row, column]),
                "second": int(tables[1][row, column]), "support": int(support[row]),
                "difference": int(tables[0][row, column]) - int(tables[1][row, column]),
            }
            for row in range(size) for column in range(size)
        ]
    )  # fmt: skip


def rescues(joined: pd.DataFrame, voter: str, members: Sequence[str]) -> list[dict[str, Any]]:
    """What a vote mends of each member's mistakes, and what it ruins.

    Args:
        joined: Rows of the voter and its members, one protocol.
        voter: The model that votes.
        members: Models it is compared with.

    Returns:
        For each member that judged the same slices, dicts of ``model, n, wrong`` (its mistakes), ``mended`` (wrong
        there, right in the vote), ``ruined`` (the other way round), ``kept`` (wrong in both), ``persons`` (whose slices
        were mended) and ``p_value`` (McNemar, exact; it takes slices for independent, so it is too small).
    """
    vote = joined[joined["model"] == voter]
    lines = []
    for member in members:
        both = side_by_side(vote, joined[joined["model"] == member])
        if both.empty:
            continue
        counts = both["outcome"].value_counts()
        mended, ruined, kept = (int(counts.get(name, 0)) for name in ("only first", "only second", "both wrong"))
        lines.append(
            {
                "model": member, "n": len(both), "wrong": mended + kept, "mended": mended, "ruined": ruined,
                "kept": kept, "persons": int(both.loc[both["outcome"] == "only first", "person_id"].nunique()),
                "p_value": mcnemar_exact(mended, ruined),
            }
        )  # fmt: skip
    return lines


def _entropy(shares: Floats) -> Floats:
    logs = np.log(np.where(shares > 0, shares, 1))
    total: Floats = -(shares * logs).sum(axis=-1)
    return total
