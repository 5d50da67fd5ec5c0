"""A progress bar for a run that trains in this terminal."""

from __future__ import annotations

import logging
import math
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from tumortrace.runs.run import Run
from tumortrace.training.forecast import duration, sentence
from tumortrace.training.trainer import train

_LOOK_S: Final = 0.5
"""Least time between two looks at the status, which is a file."""


def train_with_bar(run: Run, *, quiet: bool) -> bool:
    """Train by :func:`tumortrace.training.trainer.train`; unless ``quiet``, with a bar on standard error."""
    # Fabric announces its precision on every start; the status already says it.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    if quiet:
        return train(run)
    epochs = run.config.optim.epochs
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("preparing", total=None, note="")

        looked, said = -math.inf, False

        def tell() -> None:
            nonlocal said
            words = None if said else sentence(run.status, may_stop_early=bool(run.config.patience))
            if words:
                said = True
                bar.console.print(words, highlight=False)

        def on_step(epoch: int, batch: int) -> None:
            nonlocal looked
            if time.monotonic() - looked < _LOOK_S:
                return
            looked = time.monotonic()
            status = run.status
            tell()
            note = (
                f"loss {status.loss:.3f}  {status.images_per_second:.0f} slices/s" if status.images_per_second else ""
            )
            if status.eta_seconds is not None:
                note += f"  about {duration(status.eta_seconds)} left"
            done = epoch * status.steps + batch + 1
            bar.update(
                task, description=f"epoch {epoch + 1}/{epochs}", completed=done, total=epochs * status.steps, note=note
            )

        return train(run, on_step, tell)
