"""Sweeps: folds x models x ablations as independent tasks, planned here and run by a backend.

A task is a run with a name that follows from its settings, so the same sweep started again finds what is finished, goes
on with what was broken off, and starts the rest. The backends (:mod:`tumortrace.scheduling.backends`) only decide where
and how many at a time; each task trains in a process of its own (:mod:`tumortrace.scheduling.worker`). No torch and
no Ray here.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import re
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from tumortrace import paths
from tumortrace.config import RunConfig, parse_config
from tumortrace.config.fields import flatten, nest, settings
from tumortrace.config.former import in_former_names
from tumortrace.errors import ConfigError
from tumortrace.scheduling.worker import Outcome, Task, WorkerOptions, is_finished

AXES = {"model.name": "--model", "protocol": "--protocol", "fold": "--fold", "seed": "--seed"}
"""Settings that every task names, and their options."""


class Backend(Protocol):
    """Where the tasks run, and how many at a time."""

    def outcomes(self, tasks: Sequence[Task], terms: WorkerOptions) -> Iterator[Outcome]:
        """Run every task; yield each outcome as it ends, in any order."""


def resolve(name: str) -> str:
    """The dotted name of a setting given by it or by its last part: ``lr`` is ``optim.lr``.

    Raises:
        ConfigError: There is no such setting.
    """
    wanted = name.strip().replace("-", "_")
    known = [setting.name for setting in settings()]
    if wanted in known:
        return wanted
    found = [dotted for dotted in known if dotted.rpartition(".")[2] == wanted]
    if len(found) == 1:
        return found[0]
    leaves = {dotted.rpartition(".")[2]: dotted for dotted in known}
    near = found or [leaves.get(match, match) for match in difflib.get_close_matches(wanted, [*leaves, *known], 1)]
    remedy = f"Did you mean {' or '.join(near)}?" if near else "`tumortrace train --help` lists every setting."
    raise ConfigError("no such setting", value=name, remedy=remedy)


def plan_sweep(
    name: str,
    base: RunConfig,
    *,
    models: Sequence[str] = (),
    protocols: Sequence[str] = (),
    folds: Sequence[int] = (),
    seeds: Sequence[int] = (),
    vary: Mapping[str, Sequence[Any]] | None = None,
) -> list[Task]:
    """Every combination, as tasks; the same arguments always give the same tasks.

    Args:
        name: Of the sweep; begins every run id.
        base: What the tasks share.
        models: Architectures; empty takes the base's, as in the next three.
        protocols: How folds are formed.
        folds: Test folds.
        seeds: Seeds.
        vary: More settings (dotted name, or its last part) and the values each takes; text is read as its setting's
            type, and ``null`` as None.

    Returns:
        In the order models, protocols, varied settings, seeds, folds.

    Raises:
        ConfigError: A name or a value does not hold, a combination contradicts itself, or two tasks are the same.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w-]{0,39}", name):
        raise ConfigError(
            "this is no name for a sweep", value=name, remedy="Take up to 40 letters, digits, dashes and underscores."
        )
    varied = {resolve(key): list(values) for key, values in (vary or {}).items()}
    for key in varied.keys() & AXES.keys():
        raise ConfigError("this setting has an option of its own", value=key, remedy=f"Repeat {AXES[key]} instead.")
    for key, values in varied.items():
        if not values:
            raise ConfigError("a varied setting needs values", value=key, remedy=f"Name them: {key}=A,B")
    shared = flatten(base.model_dump())
    axes: dict[str, Sequence[Any]] = {
        "model.name": models or [base.model.name],
        "protocol": protocols or [base.protocol],
        **varied,
        "seed": seeds or [base.seed],
        "fold": folds or [base.fold],
    }
    combinations = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    tasks = [_task(name, shared, combination) for combination in combinations]
    _refuse_twins(tasks)
    return tasks


def make_task(name: str, config: RunConfig) -> Task:
    """The task of a sweep that trains this configuration; its run's name follows from both."""
    # Only what differs from the defaults is hashed: a setting that a later version adds must not rename every run.
    changed = in_former_names(config.model_dump(mode="json", exclude_defaults=True))
    text = json.dumps(changed, sort_keys=True)
    short = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Task(f"{name}-{config.model.name}-{config.protocol}{config.fold}-s{config.seed}-{short}", config)


def read_value(text: Any) -> Any:
    """A value from the command line: ``null`` is None, the rest is left to the setting's own type."""
    return None if text == "null" else text


def run_sweep(
    tasks: Sequence[Task],
    backend: Backend,
    *,
    on_outcome: Callable[[Outcome], None] | None = None,
    **terms: Any,
) -> list[Outcome]:
    """Run what is not finished yet; a first Ctrl-C asks every running task to stop with a checkpoint.

    Args:
        tasks: From :func:`plan_sweep`.
        backend: Where.
        on_outcome: Called as each task ends.
        **terms: Further fields of :class:`tumortrace.scheduling.worker.WorkerOptions`.

    Returns:
        One outcome a task, in the order of ``tasks``.

    Raises:
        ConfigError: The backend cannot be used as asked.
        TrainingError: A worker does not see the folder of the runs.
    """
    outcomes: dict[str, Outcome] = {}

    def note(outcome: Outcome) -> None:
        outcomes[outcome.run_id] = outcome
        if on_outcome:
            on_outcome(outcome)

    left = []
    for task in tasks:
        if is_finished(task):
            note(Outcome(task.run_id, "skipped"))
        else:
            left.append(task)
    if left:
        with _session() as folder:
            for outcome in backend.outcomes(left, replace(WorkerOptions(folder), **terms)):
                note(outcome)
    return [outcomes[task.run_id] for task in tasks]


@contextmanager
def _session() -> Iterator[Path]:
    """A folder every worker sees; ``stop`` in it asks them all to end. A second Ctrl-C interrupts as usual."""
    folder = paths.home() / "sweeps" / f"session-{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    before: dict[int, Any] = {}

    def ask(number: int, _: Any) -> None:
        (folder / "stop").touch()
        signal.signal(number, before[number])

    if threading.current_thread() is threading.main_thread():
        for number in (int(signal.SIGINT), int(signal.SIGTERM)):
            before[number] = signal.getsignal(number)
            signal.signal(number, ask)
    try:
        yield folder
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        shutil.rmtree(folder, ignore_errors=True)


def _task(name: str, shared: Mapping[str, Any], combination: Mapping[str, Any]) -> Task:
    values = {key: read_value(value) for key, value in combination.items()}
    try:
        config = parse_config(nest({**shared, **values}))
    except ConfigError as error:
        where = ", ".join(f"{key}={value}" for key, value in values.items())
        raise ConfigError(f"{error.what} ({where})", value=error.value, remedy=error.remedy) from error
    if config.devices * config.nodes > 1:
        raise ConfigError(
            "a task of a sweep trains on one device",
            value=f"devices={config.devices}, nodes={config.nodes}",
            remedy="Set both to 1: the other devices take the other tasks.",
        )
    return make_task(name, config)


def _refuse_twins(tasks: Sequence[Task]) -> None:
    seen: set[str] = set()
    for task in tasks:
        if task.run_id in seen:
            raise ConfigError("two tasks are the same", value=task.run_id, remedy="Give each value only once.")
        seen.add(task.run_id)
