"""What finished runs are worth: reports from their test rows, on the dataset that each rests on. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from tumortrace.data.datasets import Dataset
from tumortrace.errors import RunNotFound
from tumortrace.evaluation.report import Report, make_reports
from tumortrace.runs.run import Run


@dataclass(frozen=True)
class Evaluation:
    """One model under one protocol, on one dataset."""

    report: Report
    dataset: Dataset
    assumed: tuple[str, ...]
    """Ids of the runs of an earlier version, which keep no fingerprint: their reports fit this dataset."""


def evaluate_runs(runs: Iterable[Run]) -> list[Evaluation]:
    """Evaluate the test rows of runs anew; the models are not run.

    Args:
        runs: Finished. Runs of one model and protocol on one dataset are pooled.

    Returns:
        Sorted by model and protocol within each dataset; datasets in the order of the runs.

    Raises:
        RunNotFound: A run has no test rows.
        DatasetMismatch, DatasetNotFound: The dataset that a run rests on is not at hand.
        DataError: The rows do not fit the dataset.
    """
    held: dict[str, tuple[Dataset, list[pd.DataFrame], list[str]]] = {}
    for run in runs:
        rows = run.predictions
        if rows is None:
            raise RunNotFound("the run has no test rows", value=run.id, remedy="Let it finish, or resume it.")
        rests_on = run.dataset
        _, frames, assumed = held.setdefault(rests_on.dataset.fingerprint, (rests_on.dataset, [], []))
        frames.append(rows)
        if rests_on.assumed:
            assumed.append(run.id)
    return [
        Evaluation(report, dataset, tuple(assumed))
        for dataset, frames, assumed in held.values()
        for report in make_reports(pd.concat(frames), dataset.manifest, synthetic=dataset.synthetic)
    ]


def assumption(run_id: str, dataset: Dataset) -> str:
    """What is to be said of a run in :attr:`Evaluation.assumed`."""
    return f"{run_id} is of an earlier version and keeps no fingerprint of its dataset; its report fits {dataset.name}."
