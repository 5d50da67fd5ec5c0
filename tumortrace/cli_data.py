"""``tumortrace data``: bring slices in, make some up, or say what is there."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Import, download or make up slices.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Name = Annotated[str | None, typer.Option(help="What to call the dataset; default: the format's own name.")]
Replace = Annotated[bool, typer.Option("--replace", help="Swap a dataset of that name for this one.")]

_SHOWN = 20
"""How many slices of a kind the summary names."""


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="Folder, zip or pickle; see the README for the layouts.")],
    name: Name = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: one per CPU.")] = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Import the dataset from files you have."""
    from tumortrace.data.importer import import_dataset

    with _bar("importing", quiet=as_json) as progress:
        report = import_dataset(path, name, workers=workers, progress=progress, replace=replace)
    _say(report.to_json(), as_json)


@app.command()
def download(name: Name = None, replace: Replace = False, as_json: Json = False) -> None:
    """Fetch the real dataset (about 880 MB, CC BY 4.0) from figshare, then import it; goes on where it was cut off."""
    from tumortrace.data.catalog import FIGSHARE
    from tumortrace.data.download import download as fetch
    from tumortrace.data.importer import import_dataset
    from tumortrace.data.staging import target_for

    target_for(name or FIGSHARE, replace)  # said before 880 MB are fetched
    with _bar("downloading", quiet=as_json, size=True) as progress:
        folder = fetch(progress)
    with _bar("importing", quiet=as_json) as progress:
        report = import_dataset(folder, name, progress=progress, replace=replace)
    _say(report.to_json(), as_json)


@app.command()
def phantom(
    persons: Annotated[int, typer.Option(min=15, max=2000, help="How many heads to make up.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Make synthetic slices: three planes, three tumour-like appearances, outlines, follow-up exams."""
    from tumortrace.data.phantom import make_phantom

    with _bar("drawing", quiet=as_json) as progress:
        report = make_phantom(persons=persons, seed=seed, replace=replace, progress=progress)
    _say(report.to_json(), as_json)


@app.command()
def info(
    name: Annotated[str | None, typer.Argument(help="Dataset; default: the real one, where it is imported.")] = None,
    as_json: Json = False,
) -> None:
    """Say what is imported."""
    from tumortrace.data import store
    from tumortrace.data.manifest import summary

    dataset = store.open_dataset(name)
    known = {key: dataset.info.get(key) for key in ("kind", "origin", "attribution", "created", "fingerprint")}
    found = {"name": dataset.name, "path": str(dataset.folder), **summary(dataset.manifest), **known}
    _say(found | {"available": store.available()}, as_json)


@contextlib.contextmanager
def _bar(title: str, *, quiet: bool, size: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    if quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    amount = DownloadColumn() if size else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(title, total=None)

    def update(done: int, total: int) -> None:
        bar.start()  # only now: an error before the first slice is one line
        bar.update(task, completed=done, total=total)

    try:
        yield update
    finally:
        if bar.live.is_started:
            bar.stop()


def _say(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2, allow_nan=False) + "\n")
        return
    typer.echo(f"{report['name']}: {report['slices']} slices in {report['path']}")
    for what in ("patients", "persons"):
        typer.echo(f"  {what}: {report[what] if report[what] is not None else 'unknown'}")
    typer.echo("  classes: " + ", ".join(f"{name} {count}" for name, count in report["classes"].items()))
    folds = ", ".join(f"{fold}: {count}" for fold, count in report["folds"].items())
    typer.echo(f"  official folds: {folds or 'unknown'}")
    if report.get("kind") == "synthetic":
        typer.echo("  synthetic: drawn by a formula, no patients")
    _list("left out", [f"{item['source']}: {item['reason']}" for item in report.get("unreadable", [])])
    _list("duplicate", [f"{i['source']} of {i['of']}: {i['reason']}" for i in report.get("duplicates", [])])
    poor = report.get("outline_disagreements", [])
    _list("outline and mask disagree", [f"slice {item['slice_id']}, overlap {item['iou']}" for item in poor])
    if "seconds" in report:
        typer.echo(f"  took {report['seconds']:.1f} s")


def _list(what: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        typer.echo(f"  {what}: {line}")
    if len(lines) > _SHOWN:
        typer.echo(f"  {what}: {len(lines) - _SHOWN} more (all with --json)")
