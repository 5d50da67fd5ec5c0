"""``tumortrace benchmark``: train everything the figures need, and compute every figure."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tumortrace.cli.output import Json, print_json
from tumortrace.errors import ConfigError
from tumortrace.paths import command

if TYPE_CHECKING:
    from tumortrace.benchmark.plan import BenchmarkPreset, PlannedRun
    from tumortrace.benchmark.records import Records
    from tumortrace.scheduling.worker import Outcome


app = typer.Typer(help="Train what the figures need and compute every figure.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def benchmark(
    context: typer.Context,
    preset: Annotated[Literal["cpu", "full"], typer.Option(help="How large and how often; full wants a GPU.")] = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the runs that are there.")] = False,
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="Train this part alone (official, person, slice, seeds, ablations, shipped); repeat for several."
        ),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Train this model alone; repeat for several.")] = None,
    fold: Annotated[
        list[int] | None, typer.Option(help="Train this test fold alone; repeat for several.", min=0, max=5)
    ] = None,
    train: Annotated[bool, typer.Option(help="Train what is missing; without, only compute the figures.")] = True,
    jobs: Annotated[str, typer.Option(help="Runs at a time; auto: one a core, on GPUs as many as fit.")] = "auto",
    memory_gb: Annotated[float, typer.Option(min=0.1, help="GPU memory a run is taken to need, for --jobs auto.")] = (
        6.0
    ),
    set_: Annotated[list[str] | None, typer.Option("--set", help="A setting of every run, for trials; repeat.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write; default artifacts/benchmark.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs; train none, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Train, test and compare every model under every protocol, and write all figures into artifacts/benchmark/.

    Finished runs are never trained again, and broken ones go on from their checkpoint: the command may be stopped at
    any time (Ctrl-C) and continued with --resume. What a finished run leaves is kept beside the figures, in runs/:
    with these records the benchmark goes on even on another machine.
    """
    if context.invoked_subcommand is not None:
        _nothing_before(context)
        return
    from tumortrace.benchmark import plan, records

    chosen = plan.find_benchmark_preset(preset)
    for name in part or []:
        if name not in plan.PARTS:
            raise ConfigError("no such part", value=name, remedy=f"Choose from {', '.join(plan.PARTS)}.")
    for name in model or []:
        if name not in chosen.recipes:
            raise ConfigError("no such model", value=name, remedy=f"Choose from {', '.join(chosen.recipes)}.")
    overrides = dict(_setting(text) for text in set_ or [])
    every = plan.planned_runs(chosen, overrides=overrides)
    wanted = [
        entry
        for entry in every
        if (not part or entry.part in part)
        and (not model or entry.task.config.model.name in model)
        and (not fold or entry.task.config.fold in fold)
    ]
    kept = records.beside(out)
    if dry_run:
        _list(chosen, wanted, kept, as_json)
        return
    _refuse_to_mix(every, kept, resume or not train)
    done = _train(chosen, wanted, every, kept, jobs, memory_gb, quiet=as_json) if train else True
    folder = _figures(chosen, every, kept, overrides, out)
    left = len(every) - len(kept.finished(every))
    if as_json:
        print_json({"folder": str(folder) if folder else None, "runs": len(every), "missing": left})
    else:
        what = f"{folder} is written" if folder else "no figures yet: no fold is finished by all its models"
        typer.echo(f"{len(every) - left} of {len(every)} runs are finished; {what}.")
    if folder is None and not train:
        raise typer.Exit(1)
    if not done:
        raise typer.Exit(1)


def _nothing_before(context: typer.Context) -> None:
    """Refuse options of the benchmark itself where a command follows, which would not look at them."""
    given = [
        f"--{name.strip('_').replace('_', '-')}"
        for name in context.params
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    ]
    if given:
        raise ConfigError(
            f"benchmark {context.invoked_subcommand} takes its options behind its name",
            value=" ".join(given),
            remedy=f"See `{command(f'benchmark {context.invoked_subcommand} --help')}`.",
        )


_Records = Annotated[Path | None, typer.Option("--out", help="Folder of the figures; default artifacts/benchmark.")]


@app.command("export")
def export_state(
    file: Annotated[Path, typer.Argument(help="The zip to write.")], out: _Records = None, as_json: Json = False
) -> None:
    """Write what finished runs have left (rows, settings, fingerprints; no weights) into one zip to carry along."""
    from tumortrace.benchmark import records, state

    count = state.export_state(records.beside(out), file)
    if as_json:
        print_json({"file": str(file), "records": count})
    else:
        typer.echo(f"{count} finished runs are in {file}.")


@app.command("import")
def import_state(
    file: Annotated[Path, typer.Argument(help="A zip as `benchmark export` wrote it.")],
    out: _Records = None,
    as_json: Json = False,
) -> None:
    """Take in the finished runs of another machine; those that are here already stay as they are."""
    from tumortrace.benchmark import records, state

    taken = state.import_state(records.beside(out), file)
    if as_json:
        print_json({"new": taken.new, "known": taken.known})
    else:
        typer.echo(f"{len(taken.new)} finished runs are new, {len(taken.known)} were here already.")


def _setting(text: str) -> tuple[str, Any]:
    from tumortrace.scheduling.sweep import read_value, resolve

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError("--set takes SETTING=VALUE", value=text, remedy="For instance: --set epochs=2")
    return resolve(key), read_value(value.strip())


def _refuse_to_mix(every: Sequence[PlannedRun], kept: Records, resume: bool) -> None:
    there = len(kept.finished(every))
    if there and not resume:
        raise ConfigError(
            "runs of this benchmark are there already",
            value=f"{there} of {len(every)}",
            remedy=f"Add --resume to go on with them, or delete their folders and {kept.folder} to begin anew.",
        )


def _train(
    preset: BenchmarkPreset,
    wanted: Sequence[PlannedRun],
    every: Sequence[PlannedRun],
    kept: Records,
    jobs: str,
    memory_gb: float,
    *,
    quiet: bool,
) -> bool:
    """Whether everything is finished now."""
    from tumortrace.benchmark.plan import sweep_name
    from tumortrace.cli.sweep import bar
    from tumortrace.scheduling.backends import Local
    from tumortrace.scheduling.sweep import run_sweep

    tasks = kept.to_train(wanted)
    with bar(sweep_name(preset), len(tasks), quiet=quiet) as advance, contextlib.redirect_stdout(sys.stderr):

        def ended(outcome: Outcome) -> None:
            if advance:
                advance(outcome)
            if outcome.state == "finished":
                _keep(preset, [entry for entry in every if entry.task.run_id == outcome.run_id], kept)

        outcomes = run_sweep(tasks, Local(_jobs(jobs), 0, memory_gb), on_outcome=ended, retries=1)
    left = sum(outcome.state not in ("finished", "skipped") for outcome in outcomes)
    if left:
        typer.echo(f"{left} of {len(tasks)} runs are not finished; add --resume to go on.", err=True)
    return left == 0


def _jobs(jobs: str) -> int | None:
    import joblib

    from tumortrace.scheduling.backends import gpus

    if jobs != "auto":
        if not (jobs.isdigit() and int(jobs) > 0):
            raise ConfigError("this is no number of jobs", value=jobs, remedy="Give a whole number from 1, or auto.")
        return int(jobs)
    # Small networks: two runs on a core each take a fifth less time than one after the other on both.
    return None if gpus() else min(8, int(joblib.cpu_count()))


def _figures(
    preset: BenchmarkPreset, every: Sequence[PlannedRun], kept: Records, overrides: dict[str, Any], out: Path | None
) -> Path | None:
    from tumortrace.benchmark import artifacts, collect, compute
    from tumortrace.constants import FIGSHARE
    from tumortrace.data import datasets

    _keep(preset, every, kept)
    if not collect.comparable(every, kept):
        return None
    dataset = datasets.open_dataset(overrides.get("dataset", FIGSHARE))
    rows = collect.gather(every, kept, dataset, _note)
    return artifacts.write_benchmark(compute.compute_benchmark(preset, every, kept, rows, dataset, _note), out)


def _keep(preset: BenchmarkPreset, entries: Sequence[PlannedRun], kept: Records) -> None:
    """Write the records of finished runs, with whatever their weights are needed for: nothing asks for those later."""
    import torch

    from tumortrace.benchmark import shifted
    from tumortrace.benchmark.records import trained
    from tumortrace.benchmark.saliency_scores import score_saliency
    from tumortrace.scheduling.worker import is_finished

    device = "cuda" if torch.cuda.is_available() else "cpu"
    parts: dict[str, set[str]] = {}
    for entry in entries:
        parts.setdefault(entry.task.run_id, set()).add(entry.part)
    for task in {entry.task.run_id: entry.task for entry in entries}.values():
        if kept.kept(task) or not is_finished(task):
            continue
        run, what = trained(task), f"{task.config.model.name}, {task.config.protocol} fold {task.config.fold}"
        if parts[task.run_id] & {"official", "person"} and shifted.applicable(run):
            _note(f"shifted test, {what}")
            shifted.predict_shifted(run, device=device)
        if "official" in parts[task.run_id]:
            _note(f"saliency against outlines, {what}")
            score_saliency(run, sample=preset.sample, device=device)
        kept.keep(task)


def _note(text: str) -> None:
    typer.echo(f"{text} ...", err=True)


def _list(preset: BenchmarkPreset, wanted: Sequence[PlannedRun], kept: Records, as_json: bool) -> None:
    listed: list[dict[str, Any]] = [
        {
            "part": entry.part, "run": entry.task.run_id, "variant": entry.variant or None,
            "finished": kept.find(entry.task) is not None,
        }
        for entry in wanted
    ]  # fmt: skip
    if as_json:
        print_json({"preset": preset.key, "runs": listed})
        return
    for one in listed:
        state = "finished" if one["finished"] else "to do"
        typer.echo(f"{state:8}  {one['part']:9}  {one['run']}" + (f"  {one['variant']}" if one["variant"] else ""))
    typer.echo(f"{len(listed)} runs, {sum(one['finished'] for one in listed)} finished. {preset.note}", err=True)
