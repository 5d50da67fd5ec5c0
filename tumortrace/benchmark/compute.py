"""The benchmark's document: every figure, computed from rows and from what finished runs left behind. No torch."""

from __future__ import annotations

import itertools
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.benchmark import ablations, coverage, error_analysis, leakage, localisation_summary, robustness
from tumortrace.benchmark.collect import Rows, comparable
from tumortrace.benchmark.plan import BenchmarkPreset, PlannedRun
from tumortrace.benchmark.records import LOCALISATION, MAPS, Records
from tumortrace.config import PreprocessSettings
from tumortrace.constants import VERSION
from tumortrace.data import cache, splits
from tumortrace.data.datasets import Dataset
from tumortrace.evaluation import ensemble
from tumortrace.evaluation.bootstrap import bootstrap
from tumortrace.evaluation.metrics import classification_metrics
from tumortrace.evaluation.predictions import KEYS, PROBABILITIES, join_truth
from tumortrace.evaluation.report import Report, make_reports
from tumortrace.evaluation.results_document import (
    ComputeCost,
    DatasetFacts,
    EnsembleVote,
    MissingRun,
    ResultsDocument,
)
from tumortrace.evaluation.results_records import (
    AblationEffect,
    CalibrationFigure,
    CoverageFigure,
    DoubtedLabels,
    ErrorRate,
    Failures,
    FollowUp,
    HardestPerson,
    LabelSuspect,
    LeakageGain,
    LocalisationFigure,
    PairedComparison,
    Record,
    ShiftedAccuracy,
    Spread,
)
from tumortrace.evaluation.significance import mcnemar_exact, paired_differences

COMPARED: Final = ("accuracy", "macro_f1")
CALIBRATION: Final[tuple[Literal["ece", "brier", "log_loss"], ...]] = ("ece", "brier", "log_loss")
_SPREAD: Final[tuple[Literal["fold", "seed"], ...]] = ("fold", "seed")
_DESCRIBED: Final = PreprocessSettings(size=128)
"""How slices are prepared to measure what errors may depend on; the same for every model."""

Note = Callable[[str], None]
RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True)
class Benchmark:
    """Everything that is written."""

    document: ResultsDocument
    reports: list[Report]
    rows: Rows
    localised: pd.DataFrame
    maps: dict[str, npt.NDArray[Any]]
    shifted: pd.DataFrame


def compute_benchmark(
    preset: BenchmarkPreset,
    entries: Sequence[PlannedRun],
    records: Records,
    rows: Rows,
    dataset: Dataset,
    note: Note = print,
) -> Benchmark:
    """Compute every figure.

    Args:
        preset: What was trained.
        entries: All its runs, finished or not.
        records: Where finished ones are found.
        rows: From :func:`tumortrace.benchmark.collect.gather`.
        dataset: The slices.
        note: Told what is being done.

    Returns:
        The document (:class:`~tumortrace.evaluation.results_document.ResultsDocument`), a report of each model and
        protocol, and the rows, scores and maps they were computed from.

    Raises:
        ValidationError: A part of the computation names a field otherwise than the document does.
    """
    truth = splits.table_for(dataset)
    # As they will be read again: whoever computes a figure from the file gets the same.
    rows = replace(rows, test=ordered(rows.test, list(KEYS)))
    note("reports")
    reports = make_reports(rows.test, truth, synthetic=dataset.synthetic)
    note("comparisons")
    comparisons = _comparisons(rows.test, truth)
    note("leakage")
    leaks = leakage.by_protocol(rows.test, truth), leakage.seen_heads(rows.test, truth)
    note("ablations")
    effects = ablations.effects(rows.ablations, truth) if len(rows.ablations) else []
    note("localisation")
    localised, maps, thresholds = _localised(entries, records)
    pointed = localisation_summary.summarise(localised, truth) if len(localised) else []
    note("shifted test")
    shifted = robustness.gather(comparable(entries, records), records)
    note("failures")
    document = ResultsDocument(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        preset=preset.key,
        note=preset.note,
        synthetic=dataset.synthetic,
        dataset=_facts(dataset, truth),
        comparisons=comparisons,
        spread=_spread(rows.test, truth),
        calibration=_calibration(rows, truth),
        leakage=_records(LeakageGain, leaks[0]),
        follow_ups=_records(FollowUp, leaks[1]),
        ablations=_records(AblationEffect, effects),
        localisation=_records(LocalisationFigure, pointed),
        thresholds=thresholds,
        shifted=_records(ShiftedAccuracy, robustness.summarise(shifted, truth)),
        failures=_failures(rows.test, truth, dataset),
        coverage=_records(CoverageFigure, coverage.summarise(rows.test, truth)),
        limits={
            protocol: coverage.limits(rows.test, truth, ensemble.NAME, protocol)
            for protocol in sorted(rows.test["protocol"].unique())
        },
        votes=_records(EnsembleVote, [vote.record() for vote in rows.votes]),
        context_shares=rows.own_shares,
        recipes={name: dict(recipe) for name, recipe in preset.recipes.items()},
        compute=_compute(entries, records),
        missing=[
            MissingRun(part=entry.part, run=entry.task.run_id, variant=entry.variant or None) for entry in rows.missing
        ],
        versions={"tumortrace": VERSION, "python": platform.python_version()},
    )
    return Benchmark(document, reports, rows, localised, maps, shifted)


def _records(kind: type[RecordT], lines: Sequence[Mapping[str, Any]]) -> list[RecordT]:
    return [kind.model_validate(line) for line in lines]


def _comparisons(rows: pd.DataFrame, truth: pd.DataFrame) -> list[PairedComparison]:
    lines = []
    for protocol, part in rows.groupby("protocol", sort=True):
        sides = {str(name): join_truth(side, truth) for name, side in part.groupby("model", sort=True)}
        for first, second in itertools.combinations(sides, 2):
            keys = ["seed", "slice_id"]
            shared = sides[first][keys].merge(sides[second][keys])
            if shared.empty:
                continue
            one, other = (shared.merge(sides[name], on=keys, how="left") for name in (first, second))
            right = [side["correct"].to_numpy(dtype=bool) for side in (one, other)]
            only = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
            found = paired_differences(one, other, ranked=False)
            for metric in COMPARED:
                if metric in found:
                    gap = found[metric]
                    lines.append(
                        PairedComparison(
                            protocol=str(protocol), first=first, second=second, metric=metric,
                            difference=gap.value, low=gap.low, high=gap.high,
                            n=int(shared["slice_id"].nunique()), persons=gap.clusters,
                            both_right=int((right[0] & right[1]).sum()), only_first=only[0], only_second=only[1],
                            both_wrong=int((~right[0] & ~right[1]).sum()), p_mcnemar=mcnemar_exact(*only),
                        )
                    )  # fmt: skip
    return lines


def _spread(rows: pd.DataFrame, truth: pd.DataFrame) -> list[Spread]:
    lines = []
    for (model, protocol), part in rows.groupby(["model", "protocol"], sort=True):
        joined = join_truth(part, truth)
        for by in _SPREAD:
            sides = {
                str(key): classification_metrics(side["label"], side[list(PROBABILITIES)])
                for key, side in joined.groupby(by, sort=True)
            }
            for metric in COMPARED:
                values = {key: one.value(metric) for key, one in sides.items()}
                known = [value for value in values.values() if value is not None]
                lines.append(
                    Spread(
                        model=model, protocol=protocol, by=by, metric=metric, values=values,
                        mean=float(np.mean(known)) if known else None,
                        sd=float(np.std(known, ddof=1)) if len(known) > 1 else None,
                    )
                )  # fmt: skip
    return lines


def _calibration(rows: Rows, truth: pd.DataFrame) -> list[CalibrationFigure]:
    voted = {(vote.protocol, vote.seed, vote.fold) for vote in rows.votes}
    keys = rows.test[["protocol", "seed", "fold"]].apply(tuple, axis=1) if len(rows.test) else pd.Series(dtype=object)
    members = rows.test[keys.isin(voted) & rows.test["model"].isin(rows.validation["model"].unique())]
    lines = []
    for tempered, table in ((False, members), (True, ensemble.calibrated(members, rows.votes))):
        for (model, protocol), part in table.groupby(["model", "protocol"], sort=True):
            found = bootstrap(join_truth(part, truth))
            for metric in CALIBRATION:
                one = found[metric]
                lines.append(
                    CalibrationFigure(
                        model=model, protocol=protocol, tempered=tempered, metric=metric,
                        value=one.value, low=one.low, high=one.high, n=int(part["slice_id"].nunique()),
                    )
                )  # fmt: skip
    return lines


def _localised(
    entries: Sequence[PlannedRun], records: Records
) -> tuple[pd.DataFrame, dict[str, npt.NDArray[Any]], dict[str, dict[int, float]]]:
    """What runs of ``official`` left behind (the first seed's), with the maps of their misclassified slices."""
    tables, maps = [], []
    for entry in comparable(entries, records):
        folder = records.get(entry.task).folder
        if entry.part != "official" or not (folder / LOCALISATION).is_file():
            continue
        config = entry.task.config
        table = pd.read_parquet(folder / LOCALISATION)
        tables.append(table.assign(model=config.model.name, fold=config.fold))
        with np.load(folder / MAPS, allow_pickle=False) as stored:
            one = {name: stored[name] for name in stored.files}
        maps.append({"model": np.full(len(one["slice_id"]), config.model.name), **one})
    if not tables:
        return pd.DataFrame(columns=list(localisation_summary.PUBLISHED_METRICS)), {}, {}
    kept, thresholds = localisation_summary.one_threshold(pd.concat(tables, ignore_index=True))
    return kept, {name: np.concatenate([one[name] for one in maps]) for name in maps[0]}, thresholds


def _failures(rows: pd.DataFrame, truth: pd.DataFrame, dataset: Dataset) -> Failures:
    prepared = cache.load_cache(dataset, _DESCRIBED)
    facts = error_analysis.describe(dataset, prepared.images, prepared.masks)
    doubted = {}
    for protocol, part in rows.groupby("protocol", sort=True):
        judge = ensemble.NAME if ensemble.NAME in set(part["model"]) else _best(part, truth)
        found = error_analysis.suspects(part[part["model"] == judge], truth)
        doubted[str(protocol)] = DoubtedLabels(judge=judge, suspects=_records(LabelSuspect, found))
    return Failures(
        error_rates=_records(ErrorRate, error_analysis.error_rates(rows, truth, facts)),
        persons=_records(HardestPerson, error_analysis.hardest_persons(rows, truth)),
        suspects=doubted,
    )


def _best(rows: pd.DataFrame, truth: pd.DataFrame) -> str:
    joined = join_truth(rows, truth)
    return str(joined.groupby("model")["correct"].mean().idxmax())


def _compute(entries: Sequence[PlannedRun], records: Records) -> list[ComputeCost]:
    lines: dict[tuple[str, ...], list[float]] = {}
    seen = set()
    for entry in records.finished(entries):
        if entry.task.run_id in seen:
            continue
        seen.add(entry.task.run_id)
        status = records.get(entry.task).status
        config = entry.task.config
        key = (entry.part, config.model.name, f"{config.preprocess.size} px", str(status.device))
        lines.setdefault(key, []).append(status.seconds / 3600)
    return [
        ComputeCost(part=part, model=model, size=size, device=device, runs=len(hours), hours=round(sum(hours), 3))
        for (part, model, size, device), hours in lines.items()
    ]


def _facts(dataset: Dataset, truth: pd.DataFrame) -> DatasetFacts:
    return DatasetFacts(
        name=dataset.name,
        fingerprint=dataset.fingerprint,
        slices=len(truth),
        patients=int(truth["patient_id"].nunique()),
        persons=int(truth["person_id"].nunique()),
    )


def ordered(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Rows in the order of ``keys``, probabilities as float32: as a file holds them."""
    if table.empty:
        return table
    shares = dict.fromkeys(PROBABILITIES, "float32")
    return table.sort_values(keys, ignore_index=True).astype(shares)
