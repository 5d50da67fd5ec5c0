"""The command line: ``tumortrace data | train | evaluate | predict | publish | runs | app``.

Every command that reports takes ``--json`` and then prints one JSON document on standard output and nothing else. Heavy
libraries are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic_core import PydanticUndefined

from tumortrace import __version__
from tumortrace.cli_data import app as data_app
from tumortrace.config import parse_config
from tumortrace.errors import TumorTraceError
from tumortrace.paths import command
from tumortrace.settings import nest, settings

if TYPE_CHECKING:
    from tumortrace.training.runs import Run

app = typer.Typer(
    name="tumortrace",
    help="Which tumour is on this brain MRI slice, how sure may we be, and why? Not for clinical use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(data_app, name="data")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def _train(**given: Any) -> None:
    """Train a model on one fold, test it once, and keep everything in a run folder; Ctrl-C stops with a checkpoint."""
    from tumortrace.training import runs

    folder, resume, quiet, as_json = (given.pop(name) for name in ("run", "resume", "quiet", "as_json"))
    if folder or resume:
        run = runs.find(str(folder or resume))
        if resume and run.status.state == "finished":
            if as_json:
                _print(_outcome(run))
            else:
                typer.echo(f"{run.id} is finished; nothing to resume.", err=True)
            raise typer.Exit(0)
    else:
        values = {name.replace("__", "."): value for name, value in given.items() if value is not None}
        run = runs.create(parse_config(nest(values)))
    from tumortrace.training.console import train_with_bar

    finished = train_with_bar(run, quiet=quiet or as_json)
    if as_json:
        _print(_outcome(run))
    elif not finished:
        typer.echo(f"Stopped. Go on with: {command(f'train --resume {run.id}')}", err=True)
    elif not quiet:
        _show_reports([run.report])
        typer.echo(f"Run folder: {run.folder}")


def _outcome(run: Run) -> dict[str, Any]:
    return {"run": run.id, "folder": str(run.folder), "state": run.status.state, "report": run.report}


def _train_signature() -> inspect.Signature:
    """One option a setting, made from the configuration model, then the four that are not settings."""
    parameters = []
    for setting in settings():
        default = setting.info.default
        shown = "" if default is PydanticUndefined or default is None else f" (default {default})"
        option: Any = typer.Option(setting.flag, help=setting.help + shown, show_default=False)
        if isinstance(default, bool):
            option = typer.Option(
                f"{setting.flag}/--no-{setting.leaf.replace('_', '-')}", help=setting.help + shown, show_default=False
            )
        annotation: Any = setting.info.annotation
        kind: Any = Annotated[annotation | None, option]
        name = setting.name.replace(".", "__")
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind))
    extra: list[tuple[str, Any, Any]] = [
        ("run", Annotated[Path | None, typer.Option(help="Train or resume this run folder.", hidden=True)], None),
        ("resume", Annotated[str | None, typer.Option(help="Go on with this run from its checkpoint.")], None),
        ("quiet", Annotated[bool, typer.Option("--quiet", help="No progress bar, no summary.")], False),
        ("as_json", Json, False),
    ]
    return inspect.Signature(
        [
            *parameters,
            *(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
                for name, kind, default in extra
            ),
        ]
    )


_train.__signature__ = _train_signature()  # type: ignore[attr-defined]
_train.__annotations__ = {name: item.annotation for name, item in _train.__signature__.parameters.items()}  # type: ignore[attr-defined]
app.command("train")(_train)


@app.command()
def evaluate(
    runs: Annotated[list[str], typer.Argument(help="Run ids or folders; runs of one model and protocol are pooled.")],
    as_json: Json = False,
) -> None:
    """Report accuracy, precision, recall, F1, AUC and the confusion matrix of finished runs, from their test rows."""
    import pandas as pd

    from tumortrace.data import store
    from tumortrace.errors import RunNotFound
    from tumortrace.evaluation.report import make_reports
    from tumortrace.training.runs import find

    reports: list[Any] = []
    by_dataset: dict[str, list[pd.DataFrame]] = {}
    for run in map(find, runs):
        rows = run.predictions
        if rows is None:
            raise RunNotFound("the run has no test rows", value=run.id, remedy="Let it finish, or resume it.")
        by_dataset.setdefault(store.open_dataset(run.config.dataset).name, []).append(rows)
    for name, frames in by_dataset.items():
        dataset = store.open_dataset(name)
        reports += make_reports(pd.concat(frames), dataset.manifest, synthetic=dataset.synthetic)
    found = [report.model_dump(mode="json") for report in reports]
    if as_json:
        _print({"reports": found})
    else:
        _show_reports(found)


@app.command()
def predict(
    files: Annotated[list[Path], typer.Argument(help="PNG or JPEG slices.")],
    model: Annotated[list[str] | None, typer.Option(help="Shipped model; repeat for several. Default: all.")] = None,
    as_json: Json = False,
) -> None:
    """Classify slices with the shipped models. They know three tumours and no healthy brain."""
    from tumortrace.errors import UnknownModel
    from tumortrace.inference.batch import classify_files
    from tumortrace.inference.bundle import find_bundle, list_bundles

    bundles = [find_bundle(name) for name in model] if model else list_bundles()
    if not bundles:
        raise UnknownModel("no model is shipped", value="artifacts/models", remedy="Train one and publish it.")
    answers = classify_files(files, bundles)
    if as_json:
        _print({"slices": answers})
    else:
        for answer in answers:
            typer.echo(f"{answer['file']}: {answer['error'] or answer['summary']}")
        typer.echo("Research and education; not for clinical use. Any picture gets a tumour name.", err=True)
    if all(answer["error"] for answer in answers):
        raise typer.Exit(1)


@app.command("runs")
def list_runs(as_json: Json = False) -> None:
    """List runs, newest first."""
    from tumortrace.training import runs

    found = [(run, run.status) for run in runs.list_runs()]
    if as_json:
        _print({"runs": [{"id": run.id, **status.model_dump(mode="json")} for run, status in found]})
        return
    for run, status in found:
        typer.echo(f"{run.id}  {status.state}  epoch {status.epoch}/{status.epochs}")


@app.command()
def publish(runs: Annotated[list[str], typer.Argument(help="Finished runs on the real dataset.")]) -> None:
    """Write finished runs' weights and test rows into artifacts/, from where the app ships them."""
    from tumortrace.inference.publish import publish as publish_run
    from tumortrace.training.runs import find

    for run in map(find, runs):
        publish_run(run)
        typer.echo(f"published {run.id}")


@app.command("app")
def run_app(
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8501,
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
) -> None:
    """Serve the app; phantom slices are made first where no dataset is imported."""
    import subprocess

    from tumortrace import paths
    from tumortrace.data import store

    if not store.available():
        from tumortrace.data.phantom import make_phantom

        typer.echo("No dataset yet: making synthetic slices for the first look.", err=True)
        make_phantom()
    arguments = [str(paths.root() / "app.py"), f"--server.port={port}", f"--server.headless={str(headless).lower()}"]
    raise typer.Exit(subprocess.call([sys.executable, "-m", "streamlit", "run", *arguments], cwd=paths.root()))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tumortrace {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def _print(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def _show_reports(reports: list[Any]) -> None:
    from tumortrace.evaluation.console import show

    for report in reports:
        show(report)


def main() -> None:
    """Entry point: a :class:`TumorTraceError` is one line on standard error and exit status 1."""
    try:
        app()
    except TumorTraceError as error:
        if "--json" in sys.argv:
            _print({"error": str(error)})
        else:
            typer.echo(f"tumortrace: {error}", err=True)
        sys.exit(1)
