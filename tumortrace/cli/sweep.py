"""``tumortrace sweep``: folds x models x ablations, on this machine or on a Ray cluster."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tumortrace.cli.output import Json, print_json
from tumortrace.errors import ConfigError
from tumortrace.paths import command

if TYPE_CHECKING:
    from tumortrace.scheduling.sweep import Backend
    from tumortrace.scheduling.worker import Outcome, Task


def sweep(
    name: Annotated[str, typer.Argument(help="Of the sweep; begins every run's id.")],
    model: Annotated[list[str] | None, typer.Option(help="Architecture; repeat for several.")] = None,
    protocol: Annotated[list[str] | None, typer.Option(help="How folds are formed; repeat for several.")] = None,
    fold: Annotated[list[int] | None, typer.Option(help="Test fold; repeat for several. Default: all five.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Repeat for several. Default: 0.")] = None,
    vary: Annotated[
        list[str] | None, typer.Option(help="A setting and its values, lr=1e-3,2e-3; repeat for a grid.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A setting all tasks share, epochs=20; repeat.")
    ] = None,
    backend: Annotated[
        Literal["joblib", "ray"], typer.Option(help="This machine (joblib), or an existing Ray cluster.")
    ] = "joblib",
    jobs: Annotated[
        str, typer.Option(help="joblib: tasks at a time; auto: 1 on a CPU, on GPUs as many as fit.")
    ] = "auto",
    memory_gb: Annotated[
        float, typer.Option(min=0.1, help="joblib: GPU memory a task is taken to need, for --jobs auto.")
    ] = 4.0,
    threads: Annotated[
        int, typer.Option(min=0, help="CPU threads a task; 0: the cores shared among the jobs (Ray: --cpus-per-task).")
    ] = 0,
    address: Annotated[str, typer.Option(help="ray: HOST:PORT of the cluster.")] = "auto",
    gpus_per_task: Annotated[float, typer.Option(min=0, help="ray: GPUs a task reserves; 0.25: four share one.")] = 0.0,
    cpus_per_task: Annotated[float, typer.Option(min=0.1, help="ray: CPUs a task reserves.")] = 1.0,
    retries: Annotated[int, typer.Option(min=0, help="Of a task whose process was killed.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the tasks; run none.")] = False,
    as_json: Json = False,
) -> None:
    """Train every combination of models, protocols, folds, seeds and varied settings; run again to go on.

    Finished tasks are skipped and broken ones resumed. Ctrl-C stops every running task with a checkpoint.
    """
    from tumortrace.scheduling.sweep import run_sweep
    from tumortrace.training import warm_start

    tasks = _plan(name, model, protocol, fold, seed, vary or [], set_ or [])
    if dry_run:
        _list(name, tasks, as_json)
        return
    warm_start.check_split(*(task.config for task in tasks))
    chosen = _backend(backend, jobs, memory_gb, threads, address, gpus_per_task, cpus_per_task)
    # Ray reports a lost node with print(): standard output is for the document alone.
    with bar(name, len(tasks), quiet=as_json) as advance, contextlib.redirect_stdout(sys.stderr):
        outcomes = run_sweep(tasks, chosen, on_outcome=advance, retries=retries)
    counts = Counter[str](outcome.state for outcome in outcomes)
    if as_json:
        print_json({"sweep": name, "backend": backend, "counts": counts, "tasks": [_entry(item) for item in outcomes]})
    else:
        _summarise(outcomes, counts)
    if counts["finished"] + counts["skipped"] < len(tasks):
        raise typer.Exit(1)


def _plan(
    name: str,
    models: list[str] | None,
    protocols: list[str] | None,
    folds: list[int] | None,
    seeds: list[int] | None,
    vary: list[str],
    shared: list[str],
) -> list[Task]:
    from tumortrace.config import parse_config
    from tumortrace.config.fields import nest
    from tumortrace.scheduling.sweep import AXES, plan_sweep, read_value, resolve

    values: dict[str, Any] = {}
    for key, value in (_pair(text, "--set") for text in shared):
        dotted = resolve(key)
        if dotted in AXES:
            raise ConfigError("this setting has an option of its own", value=key, remedy=f"Use {AXES[dotted]}.")
        values[dotted] = read_value(value)
    if models:
        # What all tasks share is checked with a model that some of them have.
        values["model.name"] = models[0]
    grid: dict[str, list[Any]] = {}
    for key, value in (_pair(text, "--vary") for text in vary):
        if resolve(key) in grid:
            raise ConfigError("this setting is varied twice", value=key, remedy=f"Give it once: --vary {key}=A,B")
        grid[resolve(key)] = [part.strip() for part in value.split(",") if part.strip()]
    return plan_sweep(
        name,
        parse_config(nest(values)),
        models=models or (),
        protocols=protocols or (),
        folds=folds or range(1, 6),
        seeds=seeds or (),
        vary=grid,
    )


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"{option} takes SETTING=VALUE", value=text, remedy=f"For instance: {option} lr=1e-3")
    return key, value.strip()


def _backend(name: str, jobs: str, memory_gb: float, threads: int, address: str, gpus: float, cpus: float) -> Backend:
    from tumortrace.scheduling.backends import Local, Ray

    if name == "ray":
        return Ray(address, cpus, gpus, threads)
    if jobs != "auto" and not (jobs.isdigit() and int(jobs) > 0):
        raise ConfigError("this is no number of jobs", value=jobs, remedy="Give a whole number from 1, or auto.")
    return Local(None if jobs == "auto" else int(jobs), threads, memory_gb)


def _list(name: str, tasks: Sequence[Task], as_json: bool) -> None:
    from tumortrace.config.fields import flatten
    from tumortrace.scheduling.worker import is_finished

    listed: list[dict[str, Any]] = [
        {
            "run": task.run_id,
            "finished": is_finished(task),
            "settings": flatten(task.config.model_dump(mode="json", exclude_defaults=True)),
        }
        for task in tasks
    ]
    if as_json:
        print_json({"sweep": name, "tasks": listed})
        return
    for entry in listed:
        settings = ", ".join(f"{key}={value}" for key, value in entry["settings"].items())
        typer.echo(f"{'finished' if entry['finished'] else 'to do':8}  {entry['run']}  {settings}")
    typer.echo(f"{len(tasks)} tasks, {sum(entry['finished'] for entry in listed)} finished.", err=True)


@contextlib.contextmanager
def bar(name: str, total: int, *, quiet: bool) -> Iterator[Callable[[Outcome], None] | None]:
    """A progress bar of tasks on standard error; yields what to call as each ends, None where quiet."""
    if quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        shown = bar.add_task(name, total=total)

        def advance(outcome: Outcome) -> None:
            bar.advance(shown)
            if outcome.error:
                bar.console.print(f"{outcome.run_id} {outcome.state}: {outcome.error}", markup=False, soft_wrap=True)

        yield advance


def _summarise(outcomes: Sequence[Outcome], counts: Counter[str]) -> None:
    for outcome in outcomes:
        typer.echo(f"{outcome.state:8}  {outcome.run_id}  {outcome.seconds:.1f} s")
    typer.echo(", ".join(f"{count} {state}" for state, count in counts.items()) + ".", err=True)
    done = [outcome.run_id for outcome in outcomes if outcome.state in {"finished", "skipped"}]
    if len(done) < len(outcomes):
        typer.echo("The same command goes on with what is left.", err=True)
    elif done:
        typer.echo(f"Report: {command('evaluate ' + ' '.join(done))}", err=True)


def _entry(outcome: Outcome) -> dict[str, Any]:
    values = asdict(outcome)
    return {"run": values.pop("run_id"), **values}
