"""The benchmark's document: every figure, computed from rows and from what finished runs left behind. No torch."""

from __future__ import annotations

import itertools
import math
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

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
from tumortrace.evaluation import ensemble, published
from tumortrace.evaluation.bootstrap import bootstrap
from tumortrace.evaluation.metrics import classification_metrics
from tumortrace.evaluation.predictions import KEYS, PROBABILITIES, join_truth
from tumortrace.evaluation.report import Report, make_reports
from tumortrace.evaluation.significance import mcnemar_exact, paired_differences
from tumortrace.evaluation.tables import figures

COMPARED: Final = ("accuracy", "macro_f1")
CALIBRATION: Final = ("ece", "brier", "log_loss")
_DESCRIBED: Final = PreprocessSettings(size=128)
"""How slices are prepared to measure what errors may depend on; the same for every model."""

Note = Callable[[str], None]


@dataclass(frozen=True)
class Benchmark:
    """Everything that is written."""

    document: dict[str, Any]
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
        The document's keys: ``figures`` (a flat list of ``model, protocol, unit, metric, class, value, low, high, n``),
        ``comparisons`` (every pair of models on the same slices and seeds), ``spread`` (over folds, over seeds),
        ``calibration`` (as the network gives it, and at the temperature of its validation part), ``leakage`` and
        ``follow_ups`` (:mod:`.leakage`), ``ablations`` (:mod:`.ablations`), ``localisation`` and ``thresholds``
        (:mod:`.localisation_summary`), ``shifted`` (:mod:`.robustness`), ``failures`` (``error_rates, persons,
        suspects``; :mod:`.error_analysis`), ``coverage`` and ``limits`` (what prediction sets hold, and the ensemble's
        limits; :mod:`.coverage`), ``votes`` (:mod:`tumortrace.evaluation.ensemble`), ``context_shares``
        (:mod:`.case_context`), ``recipes``, ``compute``, ``missing`` (runs that are not finished), and what it rests
        on.
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
    document = {
        "schema_version": published.SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "preset": preset.key,
        "note": preset.note,
        "synthetic": dataset.synthetic,
        "dataset": _facts(dataset, truth),
        "figures": [figure for report in reports for figure in figures(report)],
        "comparisons": comparisons,
        "spread": _spread(rows.test, truth),
        "calibration": _calibration(rows, truth),
        "leakage": leaks[0],
        "follow_ups": leaks[1],
        "ablations": effects,
        "localisation": pointed,
        "thresholds": thresholds,
        "shifted": robustness.summarise(shifted, truth),
        "failures": _failures(rows.test, truth, dataset),
        "coverage": coverage.summarise(rows.test, truth),
        "limits": {
            protocol: coverage.limits(rows.test, truth, ensemble.NAME, protocol)
            for protocol in sorted(rows.test["protocol"].unique())
        },
        "votes": [vote.record() for vote in rows.votes],
        "context_shares": rows.own_shares,
        "recipes": {name: dict(recipe) for name, recipe in preset.recipes.items()},
        "compute": _compute(entries, records),
        "missing": [
            {"part": entry.part, "run": entry.task.run_id, "variant": entry.variant or None} for entry in rows.missing
        ],
        "versions": {"tumortrace": VERSION, "python": platform.python_version()},
    }
    return Benchmark(_finite(document), reports, rows, localised, maps, shifted)


def _comparisons(rows: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
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
                        {
                            "protocol": protocol, "first": first, "second": second, "metric": metric,
                            "difference": gap.value, "low": gap.low, "high": gap.high,
                            "n": int(shared["slice_id"].nunique()), "persons": gap.clusters,
                            "both_right": int((right[0] & right[1]).sum()), "only_first": only[0],
                            "only_second": only[1], "both_wrong": int((~right[0] & ~right[1]).sum()),
                            "p_mcnemar": mcnemar_exact(*only),
                        }
                    )  # fmt: skip
    return lines


def _spread(rows: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    lines = []
    for (model, protocol), part in rows.groupby(["model", "protocol"], sort=True):
        joined = join_truth(part, truth)
        for by in ("fold", "seed"):
            sides = {
                str(key): classification_metrics(side["label"], side[list(PROBABILITIES)])
                for key, side in joined.groupby(by, sort=True)
            }
            for metric in COMPARED:
                values = {key: one.value(metric) for key, one in sides.items()}
                known = [value for value in values.values() if value is not None]
                lines.append(
                    {
                        "model": model, "protocol": protocol, "by": by, "metric": metric, "values": values,
                        "mean": float(np.mean(known)) if known else None,
                        "sd": float(np.std(known, ddof=1)) if len(known) > 1 else None,
                    }
                )  # fmt: skip
    return lines


def _calibration(rows: Rows, truth: pd.DataFrame) -> list[dict[str, Any]]:
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
                    {
                        "model": model, "protocol": protocol, "tempered": tempered, "metric": metric,
                        "value": one.value, "low": one.low, "high": one.high, "n": int(part["slice_id"].nunique()),
                    }
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


def _failures(rows: pd.DataFrame, truth: pd.DataFrame, dataset: Dataset) -> dict[str, Any]:
    prepared = cache.load_cache(dataset, _DESCRIBED)
    facts = error_analysis.describe(dataset, prepared.images, prepared.masks)
    doubted = {}
    for protocol, part in rows.groupby("protocol", sort=True):
        judge = ensemble.NAME if ensemble.NAME in set(part["model"]) else _best(part, truth)
        found = error_analysis.suspects(part[part["model"] == judge], truth)
        doubted[str(protocol)] = {"judge": judge, "suspects": found}
    return {
        "error_rates": error_analysis.error_rates(rows, truth, facts),
        "persons": error_analysis.hardest_persons(rows, truth),
        "suspects": doubted,
    }


def _best(rows: pd.DataFrame, truth: pd.DataFrame) -> str:
    joined = join_truth(rows, truth)
    return str(joined.groupby("model")["correct"].mean().idxmax())


def _compute(entries: Sequence[PlannedRun], records: Records) -> list[dict[str, Any]]:
    lines: dict[tuple[str, ...], dict[str, Any]] = {}
    seen = set()
    for entry in records.finished(entries):
        if entry.task.run_id in seen:
            continue
        seen.add(entry.task.run_id)
        status = records.get(entry.task).status
        config = entry.task.config
        key = (entry.part, config.model.name, f"{config.preprocess.size} px", str(status.device))
        head = dict(zip(("part", "model", "size", "device"), key, strict=True))
        line = lines.setdefault(key, head | {"runs": 0, "hours": 0})
        line["runs"] += 1
        line["hours"] = round(line["hours"] + status.seconds / 3600, 3)
    return list(lines.values())


def _facts(dataset: Dataset, truth: pd.DataFrame) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "slices": len(truth),
        "patients": int(truth["patient_id"].nunique()),
        "persons": int(truth["person_id"].nunique()),
    }


def _finite(value: Any) -> Any:
    """What JSON can say: NaN and NumPy's numbers are replaced."""
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def ordered(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Rows in the order of ``keys``, probabilities as float32: as a file holds them."""
    if table.empty:
        return table
    shares = dict.fromkeys(PROBABILITIES, "float32")
    return table.sort_values(keys, ignore_index=True).astype(shares)
