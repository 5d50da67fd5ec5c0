"""Starting from another run's weights (``init=run:ID``), without learning from what is to be tested.

A TraceNet that was taught outlines makes better starting weights than none; but weights remember. The other run may
have seen no slice that this run holds out: it must have been trained on the very same part.
"""

from __future__ import annotations

from tumortrace.config import START_RUN, RunConfig
from tumortrace.data.store import Dataset
from tumortrace.errors import ConfigError, DatasetMismatch
from tumortrace.settings import flatten
from tumortrace.training import runs
from tumortrace.training.runs import Run

SAME = ("protocol", "fold", "seed", "validation", "train_share")
"""Settings that say which slices a run learns from."""


def starts_from(config: RunConfig) -> str | None:
    """The id of the run whose weights this one starts from, if any."""
    init = config.model.init
    return init.removeprefix(START_RUN) if init.startswith(START_RUN) else None


def check(config: RunConfig, dataset: Dataset) -> None:
    """Refuse a run that is not finished, or that has learnt from other slices.

    Raises:
        RunNotFound: There is no such run.
        ConfigError: It is not finished, or its training part is another one.
        DatasetMismatch: It has learnt from another dataset.
    """
    name = starts_from(config)
    if name is None:
        return
    other: Run = runs.find(name)
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
