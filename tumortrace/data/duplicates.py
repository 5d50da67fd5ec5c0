"""Near-duplicates: pairs of slices that are all but the same, by their pixels or by what a model sees in them.

How close is close? The distances between slices of *different persons* say it: the limit is the distance below which
only one in :data:`FALSE` of such pairs lies. Two heads are that alike by chance once in so many pairs, so what lies
within the limit is nearly always the same head, or a slice that is in the dataset twice.
"""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace import paths, processes
from tumortrace.constants import PROTOCOLS
from tumortrace.data import pixel_facts
from tumortrace.data.datasets import Dataset

FALSE: Final = 100_000
"""One pair of different persons in so many lies within the limit."""
ENOUGH: Final = 1_000_000
"""Pairs of different persons it takes to measure that; with fewer, the limit of the published set is taken."""
HASH_LIMIT: Final = 42.0
"""Of 256 bits: what the published set gives (4,654,221 pairs of different persons)."""
MOST: Final = 20_000
"""Pairs kept, the closest first."""
_SAMPLE: Final = 5_000
_ROWS: Final = 64

Points = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class NearDuplicates:
    """Pairs within the limit, the closest first."""

    first: Ints  # [P] row numbers, the smaller of each pair
    second: Ints  # [P]
    distance: Floats  # [P]: bits that differ, or the distance of two feature vectors
    limit: float
    measured: int
    """Pairs of different persons behind the limit; 0 where it was taken from elsewhere."""
    more: int
    """Pairs within the limit that were not kept, because there were too many."""


def find_near_duplicates(
    points: Points, persons: pd.Series, fallback: float, progress: Progress | None = None
) -> NearDuplicates:
    """All pairs within the limit.

    Args:
        points: ``[N, 4]`` uint64, perceptual hashes, compared by the bits that differ; or ``[N, F]`` features, compared
            by their Euclidean distance.
        persons: Whose slices these are, row-aligned; ``<NA>`` where unknown.
        fallback: The limit where there are too few pairs of different persons to measure one.
        progress: Called with (done, total) rows.
    """
    limit, measured = limit_of(points, persons, fallback)
    firsts, seconds, distances = [], [], []
    held = more = 0
    for start, block in _blocks(points):
        first, second = np.nonzero(block <= limit)
        first, second = first[first < second], second[first < second]
        firsts.append(first + start)
        seconds.append(second + start)
        distances.append(block[first, second].astype(np.float32))
        held += len(first)
        if held > 2 * MOST:
            more += held - MOST
            kept = _closest(np.concatenate(firsts), np.concatenate(seconds), np.concatenate(distances))
            (firsts, seconds, distances), held = ([kept[0]], [kept[1]], [kept[2]]), MOST
        if progress:
            progress(start + len(block), len(points))
    if not firsts:
        nothing = np.empty(0, np.int64)
        return NearDuplicates(nothing, nothing, np.empty(0, np.float32), limit, measured, 0)
    more += max(0, held - MOST)
    kept = _closest(np.concatenate(firsts), np.concatenate(seconds), np.concatenate(distances))
    return NearDuplicates(*kept, limit, measured, more)


def by_pixels(facts: pd.DataFrame, persons: pd.Series, progress: Progress | None = None) -> NearDuplicates:
    """The pairs that are alike by their perceptual hash.

    Args:
        facts: From :func:`tumortrace.data.pixel_facts.load_pixel_facts`; slices that cannot be read, or are flat, have
            no hash and are no one's duplicate.
        persons: Row-aligned.
        progress: Called with (done, total) rows.
    """
    usable = np.flatnonzero((facts["low"] < facts["high"]).to_numpy(dtype=bool))
    near = find_near_duplicates(pixel_facts.hashes(facts)[usable], persons.iloc[usable], HASH_LIMIT, progress)
    return dataclasses.replace(near, first=usable[near.first], second=usable[near.second])


def limit_of(points: Points, persons: pd.Series, fallback: float) -> tuple[float, int]:
    """The distance below which one in :data:`FALSE` pairs of different persons lies, and how many were measured.

    At most 5,000 slices, drawn with a fixed seed, are compared.
    """
    known = np.flatnonzero(persons.notna().to_numpy(dtype=bool))
    if len(known) > _SAMPLE:
        known = np.sort(np.random.default_rng(0).choice(known, _SAMPLE, replace=False))
    codes = pd.factorize(persons.iloc[known])[0]
    count = len(codes)
    same = np.bincount(codes) if count else np.zeros(0, np.int64)
    pairs = count * (count - 1) // 2 - int((same * (same - 1) // 2).sum())
    if pairs < ENOUGH:
        return fallback, 0
    wanted = pairs // FALSE
    # The few smallest are all that is needed: they are gathered block by block.
    smallest = np.empty(0, np.float32)
    for start, block in _blocks(points[known]):
        mine, theirs = codes[start : start + len(block)], codes[start:]
        apart = np.triu(mine[:, None] != theirs, k=1)
        smallest = np.sort(np.concatenate((smallest, block[apart].astype(np.float32))))[: wanted + 1]
    # The next pair is out: bits come in whole numbers, and many pairs may share one.
    return float(smallest[smallest < smallest[-1]].max(initial=0.0)), pairs


def with_descriptions(near: NearDuplicates, rows: pd.DataFrame) -> pd.DataFrame:
    """The pairs with what is known of both slices.

    Args:
        near: Row numbers of ``rows``.
        rows: ``slice_id, label, patient_id, person_id`` and the fold columns of the protocols.

    Returns:
        ``first, second`` (slice ids), ``distance``, ``same_person`` and ``same_label`` (boolean; ``<NA>`` where
        unknown), and a boolean column a protocol: whether the two stand in different folds.
    """
    one, other = rows.iloc[near.first].reset_index(drop=True), rows.iloc[near.second].reset_index(drop=True)
    table = pd.DataFrame(
        {
            "first": one["slice_id"].astype("string"), "second": other["slice_id"].astype("string"),
            "distance": near.distance,
            "same_person": (one["person_id"] == other["person_id"]).astype("boolean"),
            "same_label": (one["label"] == other["label"]).astype("boolean"),
        }
    )  # fmt: skip
    for protocol in PROTOCOLS:
        table[protocol] = (one[protocol] != other[protocol]).astype("boolean")
    return table


def across_folds(pairs: pd.DataFrame) -> pd.DataFrame:
    """How many near-duplicates each protocol tears apart: one in the test fold, its double in training.

    Args:
        pairs: From :func:`with_descriptions`.

    Returns:
        A row a protocol: ``protocol, pairs`` (with both folds known), ``across``, and of these ``same_person`` and
        ``other_person``.
    """
    lines = []
    for protocol in PROTOCOLS:
        known = pairs[pairs[protocol].notna()]
        torn = known[known[protocol].astype(bool)]
        own = int(torn["same_person"].fillna(False).sum())
        whose = int(torn["same_person"].notna().sum())
        lines.append(
            {
                "protocol": protocol, "pairs": len(known), "across": len(torn), "same_person": own,
                "other_person": whose - own,
            }
        )  # fmt: skip
    return pd.DataFrame(lines)


def near_duplicates_path(dataset: Dataset) -> Path:
    """Where the pairs by pixels are kept."""
    return paths.cache() / f"near-pixels-{dataset.fingerprint[:20]}.npz"


def load_near_duplicates(path: Path, make: Callable[[], NearDuplicates], newer_than: int = 0) -> NearDuplicates:
    """The pairs kept at ``path``, or those ``make`` finds, which are then kept there.

    Args:
        path: From :func:`near_duplicates_path`.
        make: Finds them.
        newer_than: Time of change (in ns) of what they are made from: older pairs are made again.
    """
    if path.is_file() and path.stat().st_mtime_ns >= newer_than:
        try:
            with np.load(path, allow_pickle=False) as stored:
                limit, measured, more = stored["facts"].tolist()
                return NearDuplicates(
                    stored["first"], stored["second"], stored["distance"], limit, int(measured), int(more)
                )
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            pass  # damaged: it is made again
    near = make()
    facts = np.array([near.limit, near.measured, near.more], np.float64)
    arrays: dict[str, npt.NDArray[Any]] = {
        "first": near.first,
        "second": near.second,
        "distance": near.distance,
        "facts": facts,
    }
    processes.write_npz(path, arrays)
    return near


def _blocks(points: Points) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Distances of a few rows to themselves and all after them: the number of the first, and ``[rows, N - first]``.

    Before them every pair has come already.
    """
    if points.dtype == np.uint64:
        for start in range(0, len(points), _ROWS):
            differ = np.zeros((min(_ROWS, len(points) - start), len(points) - start), np.uint16)
            for word in points[start:].T:
                differ += np.bitwise_count(word[:_ROWS, None] ^ word)
            yield start, differ
        return
    if len(points) == 0:
        return
    from sklearn.metrics import pairwise_distances_chunked

    start = 0
    for block in pairwise_distances_chunked(points, working_memory=64):
        yield start, block[:, start:]
        start += len(block)


def _closest(first: Ints, second: Ints, distance: Floats) -> tuple[Ints, Ints, Floats]:
    order = np.lexsort((second, first, distance))[:MOST]
    return first[order], second[order], distance[order]
