"""``tumortrace train | speedrun``."""

from __future__ import annotations

import inspect
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic_core import PydanticUndefined

from tumortrace.cli.output import Json, print_json
from tumortrace.config import RunConfig, parse_config, presets
from tumortrace.config.fields import flatten, nest, settings
from tumortrace.errors import ConfigError, RunNotFound
from tumortrace.paths import command

if TYPE_CHECKING:
    from tumortrace.runs.run import Run

_WAIT_S = 120


def train(**given: Any) -> None:
    """Train a model on one fold, test it once, and keep everything in a run folder; Ctrl-C stops with a checkpoint.

    Trains here and now; ``tumortrace queue add`` takes the same options and waits for a free device. With several
    machines, start the same command on each, with MASTER_ADDR, MASTER_PORT and NODE_RANK set, on a shared folder.
    """
    from tumortrace import runs
    from tumortrace.runs.run import ENDED_EARLY

    folder, resume, quiet, as_json = (given.pop(name) for name in ("run", "resume", "quiet", "as_json"))
    name, preset = given.pop("name"), given.pop("preset")
    if folder or resume:
        _nothing_beside(resume, given | {"preset": preset, "name": name})
        run = runs.find_run(str(folder or resume))
        if resume and run.status.state == "finished":
            if as_json:
                print_json(_outcome(run))
            else:
                typer.echo(f"{run.id} is finished; nothing to resume.", err=True)
            raise typer.Exit(0)
        if resume and run.status.state in ENDED_EARLY:
            # A stop asked for after its end must not end this start too.
            (run.folder / "stop").unlink(missing_ok=True)
    else:
        run = _new_run(config_from_options(given, preset), name)
    _one_process_a_device(run, folder, quiet=quiet, as_json=as_json)
    from tumortrace.cli.progress import train_with_bar
    from tumortrace.hardware import see_all
    from tumortrace.scheduling import queue
    from tumortrace.training.distributed import first_process

    try:
        finished = train_with_bar(run, quiet=quiet or as_json or not first_process())
    finally:
        # Whoever waited for this device is next; there is no daemon to see to it.
        if first_process():
            see_all()
            queue.dispatch()
    if not first_process():
        return
    if as_json:
        print_json(_outcome(run))
    elif not finished:
        typer.echo(f"Stopped. Go on with: {command(f'train --resume {run.id}')}", err=True)
    elif not quiet:
        from tumortrace.cli.report import print_report

        if report := run.report:
            print_report(report)
        else:
            typer.echo("Trained on all slices: there is no test part to report on.")
        typer.echo(f"Run folder: {run.folder}")


def _nothing_beside(resume: str | None, given: dict[str, Any]) -> None:
    """Refuse options that a resumed run would ignore: its settings are those it was made with."""
    beside = [option.replace("__", ".") for option, value in given.items() if value is not None]
    if resume and beside:
        raise ConfigError(
            "a resumed run keeps the settings it was made with, so nothing else can be set",
            value=", ".join(beside),
            remedy=f"Leave them out, or train a new run: {command('train')} with all its settings.",
        )


def config_from_options(given: dict[str, Any], preset: str | None = None) -> RunConfig:
    """The configuration of options as typer gave them: ``optim__lr``, None where not given.

    Raises:
        ConfigError: A setting does not hold, or there is no such preset.
    """
    values = dict(presets.find_preset(preset).values) if preset else {}
    values |= {name.replace("__", "."): value for name, value in given.items() if value is not None}
    return parse_config(nest(values))


def _new_run(config: RunConfig, name: str | None) -> Run:
    from tumortrace import runs
    from tumortrace.training import warm_start
    from tumortrace.training.distributed import first_process

    launched = any(variable in os.environ for variable in ("RANK", "NODE_RANK", "SLURM_PROCID"))
    if (config.nodes > 1 or launched) and name is None:
        raise ConfigError(
            "the processes of several machines must know their run", value="no name", remedy="Give --name NAME to all."
        )
    if first_process():
        warm_start.check_start(config)
        return runs.create(config, name)
    until = time.monotonic() + _WAIT_S
    while True:
        try:
            return runs.find_run(str(name))
        except RunNotFound:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def _one_process_a_device(run: Run, folder: Path | None, *, quiet: bool, as_json: bool) -> None:
    """Start this program anew on the run's folder: the launcher repeats its arguments for each further device."""
    if run.config.devices == 1 or folder is not None:
        return
    flags = ["--quiet"] * quiet + ["--json"] * as_json
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "tumortrace", "train", "--run", str(run.folder), *flags])


def _outcome(run: Run) -> dict[str, Any]:
    report = run.report
    return {
        "run": run.id,
        "folder": str(run.folder),
        "state": run.status.state,
        "report": report.model_dump(mode="json") if report else None,
    }


NAME_OPTION = Annotated[str | None, typer.Option(help="Name of the run's folder; made up where not given.")]
PRESET_OPTION = Annotated[
    str | None, typer.Option(help=f"Begin with these settings: {', '.join(presets.PRESETS)}. Options given win.")
]
_TRAIN: list[tuple[str, Any, Any]] = [
    ("preset", PRESET_OPTION, None),
    ("name", NAME_OPTION, None),
    ("run", Annotated[Path | None, typer.Option(help="Train or resume this run folder.", hidden=True)], None),
    ("resume", Annotated[str | None, typer.Option(help="Go on with this run from its checkpoint.")], None),
    ("quiet", Annotated[bool, typer.Option("--quiet", help="No progress bar, no summary.")], False),
    ("as_json", Json, False),
]


def with_settings(function: Any, extra: list[tuple[str, Any, Any]]) -> Any:
    """Give a command one option a setting, made from the configuration model, and then its own."""
    parameters = []
    for setting in settings():
        default = setting.info.default
        shown = "" if default is PydanticUndefined or default is None else f" (default {default})"
        option: Any = typer.Option(setting.flag, help=setting.help + shown, show_default=False)
        if isinstance(default, bool):
            option = typer.Option(
                f"{setting.flag}/--no-{setting.leaf.replace('_', '-')}", help=setting.help + shown, show_default=False
            )
        # typer lists the values of a Literal, and refuses others.
        annotation: Any = Literal[setting.choices] if setting.choices else setting.info.annotation
        kind: Any = Annotated[annotation | None, option]
        name = setting.name.replace(".", "__")
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind))
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, kind, default in extra
    ]
    function.__signature__ = inspect.Signature(parameters)
    function.__annotations__ = {item.name: item.annotation for item in parameters}
    return function


with_settings(train, _TRAIN)


def speedrun(
    repeat: Annotated[int, typer.Option(help="Runs, each with a seed of its own.", min=1, max=50)] = 1,
    target: Annotated[float, typer.Option(help="Accuracy to reach.", min=0, max=1)] = 0.95,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    dataset: Annotated[str | None, typer.Option(help="Imported dataset.")] = None,
    as_json: Json = False,
) -> None:
    """Time to 95 % accuracy on official fold 1, from a cold start of training, by the preset ``speedrun``.

    The schedule is fixed beforehand and the test fold is predicted once, at its end: no epoch is chosen by it. The time
    counts everything after the program's own start: slices to the device, network, training.
    """
    from tumortrace import runs
    from tumortrace.cli.progress import train_with_bar
    from tumortrace.training import warm_start

    results: list[dict[str, Any]] = []
    for seed in range(repeat):
        given = {"seed": seed, "device": device, "dataset": dataset}
        config = config_from_options(given, presets.SPEEDRUN)
        warm_start.check_start(config)
        run = runs.create(config)
        began = time.perf_counter()
        if not train_with_bar(run, quiet=as_json):
            typer.echo("Stopped.", err=True)
            raise typer.Exit(1)
        whole = time.perf_counter() - began
        report = run.report
        assert report is not None
        metrics = report.slice.metrics
        accuracy = float(metrics.accuracy or 0.0)  # its test part is never empty
        results.append(
            {
                "run": run.id,
                "seed": seed,
                "device": run.status.device,
                "accuracy": accuracy,
                "n": metrics.n,
                "training_seconds": round(run.status.seconds, 2),
                "seconds": round(whole, 2),
                "reached": accuracy >= target,
            }
        )
        if not as_json:
            line = results[-1]
            typer.echo(
                f"seed {seed}: accuracy {line['accuracy']:.3f} (n = {line['n']}) after {line['training_seconds']} s of "
                f"training, {line['seconds']} s with preparation and test, on {line['device']}"
            )
    mean = sum(float(line["accuracy"]) for line in results) / len(results)
    settings_used = flatten(config_from_options({}, presets.SPEEDRUN).model_dump())
    if as_json:
        print_json({"target": target, "mean_accuracy": mean, "runs": results, "settings": settings_used})
    else:
        reached = sum(bool(line["reached"]) for line in results)
        typer.echo(f"mean accuracy {mean:.3f}; {reached} of {repeat} reached {target:.2f}")
