"""From finished runs to rows: what each predicted for its test and validation part. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from tumortrace.benchmark import baselines, case_context
from tumortrace.benchmark.plan import PlannedRun
from tumortrace.benchmark.records import PREDICTIONS, VALIDATION, Records
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DataError
from tumortrace.evaluation import ensemble
from tumortrace.evaluation.ensemble import EnsembleFit
from tumortrace.evaluation.predictions import empty_rows

PROTOCOL_PARTS = ("official", "person", "slice", "seeds")


@dataclass(frozen=True)
class Rows:
    """Everything that any figure of the benchmark is computed from."""

    test: pd.DataFrame  # models, baselines, ensemble, exams, as in :mod:`tumortrace.evaluation.predictions`
    validation: pd.DataFrame  # of the models
    ablations: pd.DataFrame  # with ``base`` and ``variant``
    votes: list[EnsembleFit]
    own_shares: dict[
        str, dict[str, float]
    ]  # of slices judged with their exam; see :mod:`tumortrace.benchmark.case_context`
    missing: list[PlannedRun]  # runs that are not finished


def comparable(entries: Sequence[PlannedRun], records: Records) -> list[PlannedRun]:
    """Finished runs of protocols that may stand side by side: models are compared on the same slices only.

    Of each protocol and seed, the models that have finished every fold; where none has, the folds that all models have
    finished.
    """
    plain = [entry for entry in entries if entry.part in PROTOCOL_PARTS]
    done = records.finished(plain)
    open_ = [entry for entry in plain if entry not in done]
    started = {_model(entry) for entry in open_}
    whole = {_model(entry)[:2] for entry in done if _model(entry) not in started}
    places = {_place(entry) for entry in open_}
    return [
        entry
        for entry in done
        if (_model(entry) not in started if _model(entry)[:2] in whole else _place(entry) not in places)
    ]


def gather(
    entries: Sequence[PlannedRun], records: Records, dataset: Dataset, note: Callable[[str], None] | None = None
) -> Rows:
    """Read the rows of finished runs that may stand side by side (:func:`comparable`).

    The baselines are added on the same folds, and the ensemble.

    Args:
        entries: From :func:`tumortrace.benchmark.plan.planned_runs`.
        records: Where finished runs are found.
        dataset: The slices they were trained on.
        note: Told what is being done.

    Raises:
        DataError: A finished run has no rows.
    """
    done = records.finished(entries)
    plain = comparable(entries, records)
    networks = _concat([_rows(entry, records, PREDICTIONS) for entry in plain])
    validation = _concat([_rows(entry, records, VALIDATION) for entry in plain if entry.task.config.validation])
    parts = [networks]
    for protocol in dict.fromkeys(entry.task.config.protocol for entry in plain):
        if note:
            note(f"classical baseline, {protocol}")
        configs = [entry.task.config for entry in plain]
        folds = tuple(sorted({config.fold for config in configs if config.protocol == protocol}))
        parts += [baseline(dataset, protocol, folds) for baseline in (baselines.classical, baselines.majority)]
    truth = dataset.manifest
    voted, votes = ensemble.fit_ensemble(networks, validation, truth) if len(networks) else (empty_rows(), [])
    heard = _concat([networks, voted])
    held = _concat([validation, ensemble.apply_ensemble(validation, votes)])
    joined, own_shares = case_context.with_case_context(heard, held, truth)
    ablations = [
        _rows(entry, records, PREDICTIONS).assign(base=entry.base, variant=entry.variant)
        for entry in done
        if entry.part == "ablations"
    ]
    empty = empty_rows().assign(base=pd.Series(dtype="string"), variant=pd.Series(dtype="string"))
    missing = [entry for entry in entries if entry not in done]
    tested = _concat([*parts, voted, joined])
    return Rows(tested, validation, _concat(ablations) if ablations else empty, votes, own_shares, missing)


def _place(entry: PlannedRun) -> tuple[str, int, int]:
    config = entry.task.config
    return config.protocol, config.seed, config.fold


def _model(entry: PlannedRun) -> tuple[str, int, str]:
    config = entry.task.config
    return config.protocol, config.seed, config.model.name


def _rows(entry: PlannedRun, records: Records, name: str) -> pd.DataFrame:
    path = records.get(entry.task).folder / name
    if not path.is_file():
        raise DataError("a finished run has no rows", value=str(path), remedy="Delete the run and train it again.")
    return pd.read_parquet(path)


def _concat(parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else empty_rows()
