"""The command line: ``tumortrace data | train | speedrun | queue | sweep | benchmark | evaluate | predict | publish``,
``runs``, ``notes`` and ``app``.

Every command that reports takes ``--json`` and then prints one JSON document on standard output and nothing else. Heavy
libraries are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumortrace.cli.app import run_app
from tumortrace.cli.benchmark import app as benchmark_app
from tumortrace.cli.data import app as data_app
from tumortrace.cli.notes import app as notes_app
from tumortrace.cli.output import Json, print_json
from tumortrace.cli.predict import predict
from tumortrace.cli.queue import queue_app
from tumortrace.cli.runs import app as runs_app
from tumortrace.cli.sweep import sweep
from tumortrace.cli.train import speedrun, train
from tumortrace.config.models import map_models
from tumortrace.constants import VERSION
from tumortrace.errors import TumorTraceError

if TYPE_CHECKING:
    from tumortrace.evaluation.report import Report

app = typer.Typer(
    name="tumortrace",
    help="Which tumour is on this brain MRI slice, how sure may we be, and why? Not for clinical use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(data_app, name="data")

app.command("train")(train)
app.command("speedrun")(speedrun)
app.command("sweep")(sweep)
app.add_typer(benchmark_app, name="benchmark")
app.add_typer(queue_app, name="queue")
app.add_typer(runs_app, name="runs")
app.add_typer(notes_app, name="notes")


@app.command()
def evaluate(
    runs: Annotated[list[str], typer.Argument(help="Run ids or folders; runs of one model and protocol are pooled.")],
    as_json: Json = False,
) -> None:
    """Report accuracy, precision, recall, F1, AUC and the confusion matrix of finished runs, from their test rows."""
    from tumortrace.runs.dataset import DatasetRef
    from tumortrace.runs.evaluate import assumption, evaluate_runs
    from tumortrace.runs.run import find_run

    found: list[Report] = []
    documents: list[dict[str, Any]] = []
    told: set[str] = set()
    for one in evaluate_runs(map(find_run, runs)):
        for run_id in set(one.assumed) - told:
            told.add(run_id)
            typer.echo(assumption(run_id, one.dataset), err=True)
        ref = DatasetRef.of(one.dataset).model_dump(include={"name", "fingerprint", "slices"})
        found.append(one.report)
        documents.append(one.report.model_dump(mode="json") | {"dataset": ref | {"assumed": bool(one.assumed)}})
    if as_json:
        print_json({"reports": documents})
    else:
        _show_reports(found)


app.command("predict")(predict)


@app.command()
def publish(runs: Annotated[list[str], typer.Argument(help="Finished runs on the real dataset.")]) -> None:
    """Write finished runs' weights into artifacts/models/, from where the app ships them."""
    from tumortrace.inference.publish import publish as publish_run
    from tumortrace.inference.publish_reference import publish_index
    from tumortrace.runs.run import find_run

    for run in map(find_run, runs):
        publish_run(run)
        typer.echo(f"published {run.id}")
        if run.config.model.spec.finds_similar:
            typer.echo(f"similar slices: {publish_index()}")


@app.command("publish-gate")
def publish_gate(
    runs: Annotated[list[str], typer.Argument(help="Finished TraceNets on the real dataset, one for each fold.")],
) -> None:
    """Fit the gate (may this picture be judged?) on the real dataset and write it into artifacts/gate/."""
    from tumortrace.inference import publish_reference
    from tumortrace.runs.run import find_run

    typer.echo(f"published {publish_reference.publish_gate([find_run(run) for run in runs])}")


@app.command("publish-map")
def publish_map(
    model: Annotated[
        str | None, typer.Option(help=f"A shipped model; default: {', else '.join(map_models())}.")
    ] = None,
) -> None:
    """Lay out every real slice where a shipped model sees it, and write the map into artifacts/embedding/."""
    from tumortrace.cli.data import bar
    from tumortrace.inference.embedding_fit import publish_map as publish

    with bar("looking", quiet=False) as progress:
        folder = publish(model, progress)
    typer.echo(f"published {folder}")


app.command("app")(run_app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tumortrace {VERSION}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def _show_reports(reports: list[Report]) -> None:
    from tumortrace.cli.report import print_report

    for report in reports:
        print_report(report)


def main() -> None:
    """Entry point: a :class:`TumorTraceError`, or a full disk, is one line on standard error and exit status 1."""
    try:
        app()
    except (TumorTraceError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        said = str(error) if isinstance(error, TumorTraceError) else f"the disk is full ({error}). Free some space."
        if "--json" in sys.argv:
            print_json({"error": said})
        else:
            typer.echo(f"tumortrace: {said}", err=True)
        sys.exit(1)
