"""All run folders at a glance, for whoever lists them again and again: only what changed is parsed anew.

A run is read once and then known by the stamps of its files; a look at hundreds of runs is a look at their folders.
What cannot be read stands beside the others, with its reason. No torch: pages list runs.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from tumortrace import runs
from tumortrace.config import RunConfig
from tumortrace.errors import DataError, RunNotFound, RunUnreadable
from tumortrace.evaluation.report import Report
from tumortrace.runs import dataset, reading
from tumortrace.runs.dataset import DatasetRef
from tumortrace.runs.run import LIVE, Run, Status

CONFIG, REPORT, ROWS, WEIGHTS = "config.json", "report.json", "predictions.parquet", "model.safetensors"
FILES: Final = (CONFIG, "status.json", dataset.FILE, REPORT, ROWS, WEIGHTS)
"""What a run is known by."""
_WORK: Final = (WEIGHTS, ROWS, REPORT, "checkpoint.ckpt", "metrics")
"""What a folder without settings holds only where it was a run once."""
_Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class IndexEntry:
    """A run that can be read."""

    run: Run
    config: RunConfig
    status: Status
    dataset: DatasetRef | None
    """None where a run of an earlier version does not say."""
    report: Report | None
    """The evaluation on its test rows, once it has both."""
    weights: int
    """Stamp of its final weights, 0 without."""

    @property
    def dataset_name(self) -> str | None:
        """The name of its dataset when it was made."""
        return self.config.dataset if self.dataset is None else self.dataset.name


@dataclass(frozen=True)
class Index:
    """What was found under ``runs/``."""

    entries: list[IndexEntry]
    """The newest first."""
    unreadable: list[RunUnreadable]
    """One a run, by its name."""


@dataclass(frozen=True)
class _Held:
    stamps: dict[str, _Stamp]
    found: IndexEntry | RunUnreadable


_held: dict[Path, _Held] = {}


def read_index() -> Index:
    """Every run, the unreadable ones apart; files are opened only of those that changed since the last look.

    Whether a process lives is asked each time.
    """
    global _held
    now: dict[Path, _Held] = {}
    for run in runs.folders():
        stamps = {name: stamp for name in FILES if (stamp := _stamp(f"{run.folder}/{name}"))}
        before = _held.get(run.folder)
        if before is None or before.stamps != stamps:
            found = _read(run, stamps)
            before = None if found is None else _Held(stamps, found)
        if before is not None:
            now[run.folder] = before
    _held = now  # in one step, for several sessions look at once
    made = sorted(now.values(), key=lambda held: held.stamps.get(CONFIG, (0,)), reverse=True)
    entries = [one.found for one in made if isinstance(one.found, IndexEntry)]
    broken = [now[folder].found for folder in sorted(now)]
    return Index(
        [replace(one, status=runs.actual_status(one.status)) if one.status.state in LIVE else one for one in entries],
        [error for error in broken if isinstance(error, RunUnreadable)],
    )


def _read(run: Run, stamps: dict[str, _Stamp]) -> IndexEntry | RunUnreadable | None:
    """The run, or why it cannot be read; None where the folder is no run."""
    folder = run.folder
    if CONFIG not in stamps:
        gone = any((folder / name).exists() for name in _WORK)
        return reading.unreadable(folder / CONFIG, "is missing") if gone else None
    try:
        config, status = run.config, run.written_status
        ref = dataset.read_ref(folder)
        report = None
        if REPORT in stamps:
            report = reading.read_file(folder / REPORT, Report.model_validate_json)
        if ROWS in stamps:
            reading.read_file(folder / ROWS, _check)
        if status.state == "finished" and (REPORT in stamps) != (ROWS in stamps):
            raise reading.unreadable(folder / (ROWS if REPORT in stamps else REPORT), "is missing")
    except RunNotFound:  # deleted this moment
        return None
    except RunUnreadable as error:
        return error
    except DataError:
        return reading.unreadable(folder / dataset.FILE, "is damaged")
    return IndexEntry(run, config, status, ref, report if ROWS in stamps else None, stamps.get(WEIGHTS, (0,))[0])


def _check(rows: bytes) -> None:
    columns = pq.read_schema(io.BytesIO(rows)).names
    if "slice_id" not in columns or not any(name.startswith("p_") for name in columns):
        raise ValueError("no rows of predictions")


def _stamp(path: str) -> _Stamp | None:
    # No Path: joining hundreds of them takes longer than asking the disk.
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
