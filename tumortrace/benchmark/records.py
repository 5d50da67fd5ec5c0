"""What finished runs of the benchmark leave beside its figures: all but their weights, in well under 1 MB each.

::

    artifacts/benchmark/runs/<run_id>/
        config.json, status.json        as in the run's folder, less what they say about the machine
        predictions.parquet             test rows
        validation.parquet              validation rows, where there are any
        localisation.parquet, saliency.npz   of official runs; see :mod:`tumortrace.benchmark.saliency_scores`
        shifted.parquet                 of runs under a protocol; see :mod:`tumortrace.benchmark.shifted`
        dataset.json                    which dataset it was trained on, by fingerprint

A record stands for its run: with it the figures can be computed anywhere, and a benchmark goes on where another machine
left it. It is written whole, once, and never changed. No torch.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from tumortrace import paths, processes
from tumortrace.benchmark.plan import PlannedRun
from tumortrace.errors import RunNotFound
from tumortrace.runs import dataset
from tumortrace.runs.run import Run
from tumortrace.scheduling.worker import Task, is_finished

PREDICTIONS: Final = "predictions.parquet"
VALIDATION: Final = "validation.parquet"
LOCALISATION: Final = "localisation.parquet"
MAPS: Final = "saliency.npz"
SHIFTED: Final = "shifted.parquet"
_OF_THE_MACHINE: Final[dict[str, object]] = {"pid": None, "pid_started": None, "host": None, "slots": []}


@dataclass(frozen=True)
class Records:
    """The records in a folder, and the runs that they have not been made of yet."""

    folder: Path

    def kept(self, task: Task) -> Run | None:
        """The task's record; one of other settings is not its record."""
        run = Run(self.folder / task.run_id)
        with contextlib.suppress(RunNotFound):
            return run if run.config == task.config else None
        return None

    def find(self, task: Task) -> Run | None:
        """The task's record, or its finished run."""
        return self.kept(task) or (trained(task) if is_finished(task) else None)

    def get(self, task: Task) -> Run:
        """The task's record, or its finished run, where one of them must be there.

        Raises:
            RunNotFound: There is neither.
        """
        run = self.find(task)
        if run is None:
            raise RunNotFound("the run is not finished", value=task.run_id, remedy="Let the benchmark train it.")
        return run

    def finished(self, entries: Sequence[PlannedRun]) -> list[PlannedRun]:
        """The entries that have a record or a finished run."""
        return [entry for entry in entries if self.find(entry.task)]

    def to_train(self, wanted: Sequence[PlannedRun]) -> list[Task]:
        """What must be trained for the wanted entries, in the plan's order."""
        return list({entry.task.run_id: entry.task for entry in wanted if not self.find(entry.task)}.values())

    def keep(self, task: Task) -> None:
        """Write the record of a finished run, unless there is one."""
        if self.kept(task):
            return
        run = trained(task)
        beside = self.folder / f".partial-{task.run_id}"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        status = run.status.model_copy(update=_OF_THE_MACHINE)
        processes.write_text(beside / "config.json", run.config.model_dump_json(indent=2))
        processes.write_text(beside / "status.json", status.model_dump_json(indent=2))
        for name in (PREDICTIONS, VALIDATION, LOCALISATION, SHIFTED):
            if (run.folder / name).is_file():
                processes.write_parquet(beside / name, _small(pd.read_parquet(run.folder / name)), compression="zstd")
        if (ref := dataset.read_ref(run.folder)) is not None:
            named = ref.model_copy(update={"origin": None})
            processes.write_text(beside / dataset.FILE, named.model_dump_json(indent=2))
        if (run.folder / MAPS).is_file():
            shutil.copyfile(run.folder / MAPS, beside / MAPS)
        shutil.rmtree(self.folder / task.run_id, ignore_errors=True)
        beside.rename(self.folder / task.run_id)


def beside(figures: Path | None) -> Records:
    """The records beside the figures in a folder; by default in ``artifacts/benchmark/``."""
    return Records((figures or paths.artifacts() / "benchmark") / "runs")


def trained(task: Task) -> Run:
    """The folder in which the task is trained, whether there or not."""
    return Run(paths.runs() / task.run_id)


def _small(table: pd.DataFrame) -> pd.DataFrame:
    """The rows in single precision, which is what the figures are computed from."""
    return table.astype(dict.fromkeys(table.select_dtypes("float64").columns, "float32"))
