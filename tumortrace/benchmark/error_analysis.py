"""Where models fail: error rates by what is known of a slice, the persons behind most errors, and suspect labels."""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.constants import CLASSES
from tumortrace.data.datasets import Dataset
from tumortrace.data.identity import is_published
from tumortrace.data.planes import estimate_planes
from tumortrace.evaluation.bootstrap import (
    REPLICATES,
    clusters_of,
    percentile_interval,
    resampling_weights,
    weighted_mean_samples,
)
from tumortrace.evaluation.predictions import PROBABILITIES, join_truth

GROUPS: Final = {
    "class": "Class",
    "plane": "Plane (estimated)",
    "size": "Tumour area, share of the slice",
    "side": "Tumour's distance from the midline",
    "height": "Tumour's height in the slice",
    "contrast": "Tumour's contrast to its surroundings",
    "slices": "Slices of the patient",
}
_CUTS: Final = {
    "size": ((0, 0.005, 0.01, 0.02, 0.04, 1), "{:.1%} to {:.1%}"),
    "side": ((0, 0.08, 0.16, 0.24, 1), "{:.0%} to {:.0%} of the width"),
    "height": ((0, 0.3, 0.45, 0.6, 1), "{:.0%} to {:.0%} from the top"),
    "contrast": ((-1, 0, 0.1, 0.2, 1), "{:+.1f} to {:+.1f}"),
    "slices": ((1, 6, 11, 16, 21, 1000), "{:.0f} to {:.0f}"),
}
PERSONS: Final = 15
_RING_SHARE: Final = 0.03


def describe(dataset: Dataset, images: npt.NDArray[np.uint8], masks: npt.NDArray[np.uint8]) -> pd.DataFrame:
    """What a slice's errors may depend on, a row a slice.

    Args:
        dataset: Whose manifest the arrays are aligned with.
        images: ``[N, S, S]`` prepared slices.
        masks: ``[N, S, S]``, 0 or 1.

    Returns:
        Indexed by slice id: ``plane`` (estimated; ``<NA>`` where unknown), ``size`` (tumour area over the slice's),
        ``side`` (distance of the tumour's middle from the slice's vertical midline over the width), ``height`` (0 at
        the top), ``contrast`` (mean intensity inside less that of a ring around, in 0..1) and ``slices`` (of the
        patient). NaN without an outline.
    """
    manifest = dataset.manifest
    rows = [_measured(image, mask) for image, mask in zip(images, masks, strict=True)]
    frame = pd.DataFrame(rows, columns=["size", "side", "height", "contrast"])
    # Another dataset's numbers say nothing of its planes.
    frame["plane"] = estimate_planes(manifest["slice_id"]).to_numpy() if is_published(dataset) else pd.NA
    frame["slices"] = manifest.groupby("patient_id")["slice_id"].transform("size").to_numpy()
    return frame.set_index(manifest["slice_id"].astype("string"))


def error_rates(rows: pd.DataFrame, truth: pd.DataFrame, facts: pd.DataFrame) -> list[dict[str, Any]]:
    """Error rate of each model and protocol in each group of slices, with intervals.

    Args:
        rows: Prediction rows.
        truth: ``slice_id, label, patient_id, person_id``.
        facts: From :func:`describe`.

    Returns:
        Dicts of ``model, protocol, by`` (of :data:`GROUPS`), ``group``, ``value, low, high``, ``n`` (slices) and
        ``persons``.
    """
    lines = []
    for (model, protocol), part in rows.groupby(["model", "protocol"], sort=True):
        joined = join_truth(part, truth)
        beside = facts.reindex(joined["slice_id"]).reset_index(drop=True)
        for by in GROUPS:
            marks = joined["true_class"] if by == "class" else _binned(beside[by], by)
            for group, line in rates(joined, marks):
                lines.append({"model": model, "protocol": protocol, "by": by, "group": group, **line})
    return lines


def hardest_persons(rows: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    """The persons behind most errors of each model and protocol.

    Returns:
        Dicts of ``model, protocol, person_id, patients`` (ids), ``class, errors, n`` (their slices, over all seeds) and
        ``share`` of all errors; at most :data:`PERSONS` each, most errors first.
    """
    lines = []
    for (model, protocol), part in rows.groupby(["model", "protocol"], sort=True):
        joined = join_truth(part, truth)
        wrong = int((~joined["correct"]).sum())
        by_person = joined.groupby("person_id").agg(
            patients=("patient_id", lambda ids: sorted(ids.dropna().unique().tolist())),
            errors=("correct", lambda right: int((~right).sum())),
            n=("correct", "size"),
            label=("true_class", "first"),
        )
        worst = by_person[by_person["errors"] > 0].sort_values(["errors", "n"], ascending=[False, True]).head(PERSONS)
        lines += [
            {
                "model": model, "protocol": protocol, "person_id": str(person), "patients": list(one.patients),
                "class": str(one.label),
                "errors": int(one.errors), "n": int(one.n), "share": float(one.errors) / wrong,
            }
            for person, one in worst.iterrows()
        ]  # fmt: skip
    return lines


def suspects(rows: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    """Slices whose label cleanlab (Northcutt et al., 2021, arXiv 1911.00068) doubts, for review; none is removed.

    Args:
        rows: Out-of-fold rows of one model and protocol; seeds are averaged.
        truth: ``slice_id, label, patient_id``.

    Returns:
        Dicts of ``slice_id, patient_id, label`` and ``suggested`` (class names), ``quality`` (0..1, low is doubtful),
        lowest first.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    mean = rows.groupby("slice_id", sort=True)[list(PROBABILITIES)].mean()
    known = truth.set_index(truth["slice_id"].astype("string"))
    labels = known["label"].reindex(mean.index).to_numpy(dtype=np.int64)
    shares = mean.to_numpy(dtype=np.float64)
    shares = shares / shares.sum(axis=1, keepdims=True)
    if len(np.unique(labels)) < len(CLASSES):
        return []
    doubtful = find_label_issues(labels, shares, return_indices_ranked_by="self_confidence", n_jobs=1)
    quality = get_label_quality_scores(labels, shares)
    return [
        {
            "slice_id": str(mean.index[row]), "patient_id": _text(known["patient_id"].get(mean.index[row])),
            "label": CLASSES[labels[row]], "suggested": CLASSES[int(shares[row].argmax())],
            "quality": float(quality[row]),
        }
        for row in doubtful
    ]  # fmt: skip


def _measured(image: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8]) -> tuple[float, float, float, float]:
    inside = mask > 0
    if not inside.any():
        return (float("nan"),) * 4
    from scipy.ndimage import binary_dilation

    side = len(mask)
    down, across = np.nonzero(inside)
    around = binary_dilation(inside, iterations=max(1, round(_RING_SHARE * side))) & ~inside
    contrast = (float(image[inside].mean()) - float(image[around].mean())) / 255 if around.any() else float("nan")
    middle, height = (across.mean() + 0.5) / side, (down.mean() + 0.5) / side  # from the pixels' middles
    return float(inside.mean()), abs(float(middle) - 0.5), float(height), contrast


def _binned(values: pd.Series[Any], by: str) -> pd.Series[Any]:
    if by not in _CUTS:
        return values.astype(object)
    edges, words = _CUTS[by]
    whole = by == "slices"
    names = [words.format(low, high - whole) for low, high in itertools.pairwise(edges)]
    names[-1] = _open_ended(words, edges[-2])
    bins = pd.cut(values, list(edges), right=False, labels=names, include_lowest=True)
    return bins.astype(object)


def _open_ended(words: str, edge: float) -> str:
    return words.split(" to ")[0].format(edge) + " and more"


def rates(joined: pd.DataFrame, marks: pd.Series[Any]) -> list[tuple[str, dict[str, Any]]]:
    """The error rate of each group of rows, with its interval.

    Args:
        joined: From :func:`~tumortrace.evaluation.predictions.join_truth`.
        marks: The group of each row, row-aligned; rows without one count in none.

    Returns:
        Group and dict of ``value, low, high, n`` (slices) and ``persons``, in the order of the groups.
    """
    cluster, count, unit = clusters_of(joined)
    weights = resampling_weights(count, REPLICATES, 0)
    wrong = (~joined["correct"]).to_numpy(dtype=np.float64)
    persons = joined["person_id"] if joined["person_id"].notna().all() else joined["slice_id"]
    out = []
    for group in _ordered(marks):
        here = (marks == group).fillna(False).to_numpy(dtype=bool)
        found = percentile_interval(
            float(wrong[here].mean()), weighted_mean_samples(wrong, cluster, weights, here),
            n=int(joined["slice_id"][here].nunique()),
            clusters=int(persons[here].nunique()), unit=unit,
        )  # fmt: skip
        line = {"value": found.value, "low": found.low, "high": found.high, "n": found.n, "persons": found.clusters}
        out.append((str(group), line))
    return out


def _ordered(marks: pd.Series[Any]) -> list[Any]:
    """Bins in the order of their edges, names in that of the classes or the alphabet."""
    found = list(marks.dropna().unique())
    known = list(CLASSES)
    if set(found) <= set(known):
        return [name for name in known if name in found]

    def first_number(text: str) -> float:
        head = str(text).split(" ")[0].rstrip("%")
        try:
            return float(head)
        except ValueError:
            return 0.0

    return sorted(found, key=lambda text: (first_number(text), str(text)))


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)
