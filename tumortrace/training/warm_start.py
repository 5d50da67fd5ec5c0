"""What must hold before a run starts: its dataset can be split as asked, and no test slice was seen before.

A run may start from another run's weights (``init=run:ID``). A TraceNet that was taught outlines makes better starting
weights than none; but weights remember. The other run may have seen no slice that this run holds out: it must have been
trained on the very same part.
"""

from __future__ import annotations

import pandas as pd

from tumortrace import runs
from tumortrace.config import START_RUN, RunConfig
from tumortrace.config.fields import flatten
from tumortrace.data import datasets, splits
from tumortrace.data.datasets import Dataset
from tumortrace.errors import ConfigError, DatasetMismatch, SplitError
from tumortrace.runs.run import Run

SAME = ("protocol", "fold", "seed", "validation", "train_fraction")
"""Settings that say which slices a run learns from."""


def starts_from(config: RunConfig) -> str | None:
    """The id of the run whose weights this one starts from, if any."""
    init = config.model.init
    return init.removeprefix(START_RUN) if init.startswith(START_RUN) else None


def unsplittable(table: pd.DataFrame, config: RunConfig) -> tuple[str, SplitError] | None:
    """On what the split of a run would fail; None where it can be made.

    Args:
        table: The folds of its dataset, see :func:`tumortrace.data.splits.table_for`.
        config: Of the run.

    Returns:
        The setting to change (``protocol``, ``fold`` or ``validation``), and why.
    """
    for share in (0.0, config.validation):
        try:
            splits.split(table, config.protocol, config.fold, share, config.seed)
        except SplitError as error:
            if share:
                return "validation", error
            return ("protocol" if table[config.protocol].isna().any() else "fold"), error
    return None


def check_split(*configs: RunConfig) -> None:
    """Refuse what a dataset cannot be split for; asked before a run folder is made.

    Args:
        configs: Of one run, or of all that are planned together: the folds of each dataset are read once.

    Raises:
        SplitUnavailable: It has no folds under the protocol, or none of that number.
        SplitError: No validation part of that share can be held out.
        DatasetNotFound: It is not imported.
    """
    tables = {name: splits.table_for(datasets.open_dataset(name)) for name in {config.dataset for config in configs}}
    for config in configs:
        found = unsplittable(tables[config.dataset], config)
        if found is not None:
            raise found[1]


def check_start(config: RunConfig) -> None:
    """Refuse what cannot be trained, before a run folder is made: :func:`check_split` and :func:`check_warm_start`.

    A sweep asks :func:`check_split` alone: the run that a task starts from may be one of its own, still to be trained.
    """
    check_split(config)
    if starts_from(config) is not None:
        check_warm_start(config, datasets.open_dataset(config.dataset))


def check_warm_start(config: RunConfig, dataset: Dataset) -> None:
    """Refuse a run that is not finished, or that has learnt from other slices.

    Raises:
        RunNotFound: There is no such run.
        ConfigError: It is not finished, or its training part is another one.
        DatasetMismatch: It has learnt from another dataset.
    """
    name = starts_from(config)
    if name is None:
        return
    other: Run = runs.find_run(name)
    if other.status.state != "finished":
        raise ConfigError(
            "the run to start from is not finished",
            value=f"{name} is {other.status.state}",
            remedy="Let it finish, or choose another one.",
        )
    if other.dataset.dataset.fingerprint != dataset.fingerprint:
        raise DatasetMismatch(
            "the run to start from has learnt from another dataset",
            value=f"{name}: {other.dataset_name}, here {dataset.name}",
            remedy="Choose a run of the same dataset.",
        )
    mine, its = flatten(config.model_dump()), flatten(other.config.model_dump())
    differing = [key for key in SAME if mine[key] != its[key]]
    if differing:
        raise ConfigError(
            "the run to start from has learnt from other slices, perhaps from those that this one is tested on",
            value=", ".join(f"{key}: {its[key]}, here {mine[key]}" for key in differing),
            remedy="Choose a run of the same dataset, protocol, fold, seed and shares.",
        )
