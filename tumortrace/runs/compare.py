"""Runs side by side: which settings differ, how good each became, and whether the figures may be compared at all.

Everything is read from the run folders. What a run does not know is NaN or None, never 0. No torch: pages compare.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from tumortrace.config import RunConfig
from tumortrace.config.fields import flatten
from tumortrace.errors import DataError, RunNotFound
from tumortrace.evaluation.report import Report
from tumortrace.runs.dataset import DatasetRef, read_ref
from tumortrace.runs.run import Run, Status

MEASURES: Final = {"val_loss": "idxmin", "val_accuracy": "idxmax", "val_macro_f1": "idxmax"}
"""What is measured on the validation part after each epoch, and how its best epoch is found."""
TESTED: Final = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class RunFacts:
    """What one reading of a run folder gave."""

    run: Run
    config: RunConfig
    status: Status
    metrics: pd.DataFrame

    @property
    def report(self) -> Report | None:
        """The evaluation on the test fold, once there is one."""
        return self.run.report


def run_facts(runs: Sequence[Run]) -> list[RunFacts]:
    """Read the runs; one that was deleted meanwhile is left out.

    Raises:
        RunUnreadable: One is damaged, or another version wrote it.
    """
    found = []
    for run in runs:
        with contextlib.suppress(RunNotFound):
            found.append(RunFacts(run, run.config, run.status, run.metrics))
    return found


def different_settings(runs: Sequence[Run]) -> pd.DataFrame:
    """The settings that are not the same in all runs.

    Returns:
        A row a setting, indexed by its dotted name in the order of :mod:`tumortrace.config`; a column a run, named by
        its id. Empty where nothing differs.
    """
    settings = {facts.run.id: flatten(facts.config.model_dump(mode="json")) for facts in run_facts(runs)}
    table = pd.DataFrame(settings, dtype=object)
    table.index.name = "setting"
    # As text, for None is not equal to itself in a frame.
    return table[[len(set(map(repr, row))) > 1 for row in table.to_numpy()]]


def best_values(runs: Sequence[Run]) -> pd.DataFrame:
    """How good each run became and what it cost.

    Returns:
        A row a run, indexed by its id: ``state, epochs, epochs_planned``; for each of :data:`MEASURES` ``best_*`` with
        ``best_*_epoch`` and ``last_*``, and ``last_epoch``; ``validation_n``; for each of :data:`TESTED` ``test_*``
        with ``test_*_low`` and ``test_*_high`` (95 % interval), and ``test_n, test_clusters, test_unit, synthetic``;
        ``seconds``, ``images_per_second`` (median), ``memory_mb`` (greatest) and ``device``.
    """
    rows = {facts.run.id: _values(facts) for facts in run_facts(runs)}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "run"
    return table


def mismatches(runs: Sequence[Run]) -> dict[str, list[str]]:
    """What keeps figures from being compared: ``dataset``, ``protocol`` or ``fold``, each with the values met."""
    met: dict[str, list[str]] = {"dataset": [], "protocol": [], "fold": []}
    held = run_facts(runs)
    refs = [_ref(facts.run) for facts in held]
    names = [ref.name if ref else facts.config.dataset for facts, ref in zip(held, refs, strict=True)]
    prints = {(name, ref.fingerprint) for name, ref in zip(names, refs, strict=True) if ref}
    for facts, name, ref in zip(held, names, refs, strict=True):
        # One name may stand for two datasets.
        several = ref is not None and sum(other == name for other, _ in prints) > 1
        met["dataset"].append((name or "not named") + (f" ({ref.fingerprint[:8]})" if ref and several else ""))
        met["protocol"].append(facts.config.protocol)
        met["fold"].append(str(facts.config.fold))
    unlike = {what: list(dict.fromkeys(values)) for what, values in met.items()}
    return {what: values for what, values in unlike.items() if len(values) > 1}


def _ref(run: Run) -> DatasetRef | None:
    try:
        return read_ref(run.folder)
    except DataError:
        return None


def minutes(metrics: pd.DataFrame) -> pd.Series[float]:
    """Minutes of training at the end of each epoch, row-aligned with ``metrics``; NaN where unknown."""
    if "epoch_seconds" not in metrics:
        return pd.Series(float("nan"), index=metrics.index)
    return (metrics["epoch_seconds"].cumsum() / 60).round(3)


def _values(facts: RunFacts) -> dict[str, Any]:
    status, metrics = facts.status, facts.metrics
    values: dict[str, Any] = {
        "state": status.state,
        "epochs": status.epoch,
        "epochs_planned": status.epochs or facts.config.optim.epochs,
        "last_epoch": int(metrics["epoch"].iloc[-1]) if len(metrics) else None,
        "validation_n": status.counts.get("validation"),
    }
    for measure in MEASURES:
        values |= _best(metrics, measure)
    return values | _tested(facts.report) | _cost(facts)


def _best(metrics: pd.DataFrame, measure: str) -> dict[str, Any]:
    keys = (f"best_{measure}", f"best_{measure}_epoch", f"last_{measure}")
    known = metrics.dropna(subset=[measure]) if measure in metrics else metrics.iloc[:0]
    if known.empty:
        return dict.fromkeys(keys)
    at = getattr(known[measure], MEASURES[measure])()  # the first of equals
    best = float(known[measure].loc[at]), int(known["epoch"].loc[at]), float(known[measure].iloc[-1])
    return dict(zip(keys, best, strict=True))


def _tested(report: Report | None) -> dict[str, Any]:
    values: dict[str, Any] = dict.fromkeys(("test_n", "test_clusters", "test_unit", "synthetic"))
    for metric in TESTED:
        interval = report.slice.interval(metric) if report else None
        values[f"test_{metric}"] = interval.value if interval else None
        values[f"test_{metric}_low"] = interval.low if interval else None
        values[f"test_{metric}_high"] = interval.high if interval else None
        if report and interval:
            values |= {"test_n": interval.n, "test_clusters": interval.clusters, "test_unit": interval.unit}
            values["synthetic"] = report.synthetic
    return values


def _cost(facts: RunFacts) -> dict[str, Any]:
    status, metrics, seconds = facts.status, facts.metrics, facts.run.telemetry
    # A figure a second says more than one an epoch; a run without them still has those.
    rates = [_known(table, "images_per_second") for table in (seconds, metrics)]
    rate = next((found.median() for found in rates if len(found)), None)
    memory = [
        float(_known(table, "memory_mb").max()) for table in (seconds, metrics) if len(_known(table, "memory_mb"))
    ]
    if status.memory_bytes:
        memory.append(status.memory_bytes / 2**20)
    return {
        "seconds": status.seconds or None,
        "images_per_second": rate,
        "memory_mb": max(memory, default=None),
        "device": status.device,
    }


def _known(table: pd.DataFrame, column: str) -> pd.Series[float]:
    """The figures of a column; 0 stands for a second in which nothing was measured."""
    found = table[column].dropna() if column in table else pd.Series(dtype="float64")
    return found[found > 0]
