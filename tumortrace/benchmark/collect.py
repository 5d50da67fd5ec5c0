"""From finished runs to rows: what each predicted for its test and validation part. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from tumortrace import paths
from tumortrace.benchmark import baselines, ensemble
from tumortrace.benchmark.ensemble import Vote
from tumortrace.benchmark.plan import Entry
from tumortrace.data.store import Dataset
from tumortrace.errors import DataError
from tumortrace.evaluation.rows import empty_rows
from tumortrace.training.runs import Run
from tumortrace.training.sweep_worker import is_finished

PROTOCOL_PARTS = ("official", "person", "slice", "seeds")


@dataclass(frozen=True)
class Rows:
    """Everything that any figure of the benchmark is computed from."""

    test: pd.DataFrame  # models, baselines and ensemble, as in :mod:`tumortrace.evaluation.rows`
    validation: pd.DataFrame  # of the models
    ablations: pd.DataFrame  # with ``base`` and ``variant``
    votes: list[Vote]
    missing: list[Entry]  # runs that are not finished


def finished(entries: Sequence[Entry]) -> list[Entry]:
    """Those whose run is finished."""
    return [entry for entry in entries if is_finished(entry.task)]


def comparable(entries: Sequence[Entry]) -> list[Entry]:
    """Finished runs of protocols, in folds whose runs are all finished: models are compared on the same slices only."""
    plain = [entry for entry in entries if entry.part in PROTOCOL_PARTS]
    done = finished(plain)
    open_ = {_place(entry) for entry in plain if entry not in done}
    return [entry for entry in done if _place(entry) not in open_]


def run_of(entry: Entry) -> Run:
    """The run of an entry."""
    return Run(paths.runs() / entry.task.run_id)


def gather(entries: Sequence[Entry], dataset: Dataset, note: Callable[[str], None] | None = None) -> Rows:
    """Read the rows of finished runs, of each protocol those of folds that all models have finished.

    The baselines are added on the same folds, and the ensemble.

    Args:
        entries: From :func:`tumortrace.benchmark.plan.entries`.
        dataset: The slices they were trained on.
        note: Told what is being done.

    Raises:
        DataError: A finished run has no rows.
    """
    done = finished(entries)
    plain = comparable(entries)
    networks = _concat([_rows(entry, "predictions.parquet") for entry in plain])
    validation = _concat([_rows(entry, "validation.parquet") for entry in plain if entry.task.config.validation])
    parts = [networks]
    for protocol in dict.fromkeys(entry.task.config.protocol for entry in plain):
        if note:
            note(f"classical baseline, {protocol}")
        configs = [entry.task.config for entry in plain]
        folds = tuple(sorted({config.fold for config in configs if config.protocol == protocol}))
        parts += [floor(dataset, protocol, folds) for floor in (baselines.classical, baselines.majority)]
    truth = dataset.manifest
    voted, votes = ensemble.vote(networks, validation, truth) if len(networks) else (empty_rows(), [])
    ablations = [
        _rows(entry, "predictions.parquet").assign(base=entry.base, variant=entry.variant)
        for entry in done
        if entry.part == "ablations"
    ]
    empty = empty_rows().assign(base=pd.Series(dtype="string"), variant=pd.Series(dtype="string"))
    missing = [entry for entry in entries if entry not in done]
    return Rows(_concat([*parts, voted]), validation, _concat(ablations) if ablations else empty, votes, missing)


def _place(entry: Entry) -> tuple[str, int, int]:
    config = entry.task.config
    return config.protocol, config.seed, config.fold


def _rows(entry: Entry, name: str) -> pd.DataFrame:
    path = run_of(entry).folder / name
    if not path.is_file():
        raise DataError("a finished run has no rows", value=str(path), remedy="Delete the run and train it again.")
    return pd.read_parquet(path)


def _concat(parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else empty_rows()
