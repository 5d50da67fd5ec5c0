"""``tumortrace data``: bring slices in, make some up, or say what is there."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tumortrace import processes
from tumortrace.cli.output import print_json

app = typer.Typer(help="Import, download or make up slices.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Name = Annotated[str | None, typer.Option(help="What to call the dataset; default: the format's own name.")]
Replace = Annotated[bool, typer.Option("--replace", help="Swap a dataset of that name for this one.")]

_SHOWN = 20
"""How many slices of a kind the summary names."""
_SHOWN_EACH: Final = 3
"""How many findings of a check."""


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="Folder, zip or pickle; see the README for the layouts.")],
    name: Name = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: one per CPU.")] = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Import the dataset from files you have."""
    from tumortrace.data.ingest.importer import import_dataset

    with bar("importing", quiet=as_json) as progress:
        report = import_dataset(path, name, workers=workers, progress=progress, replace=replace)
    _say(report.to_json(), as_json)


@app.command()
def download(name: Name = None, replace: Replace = False, as_json: Json = False) -> None:
    """Fetch the real dataset (about 880 MB, CC BY 4.0) from figshare, then import it; goes on where it was cut off."""
    from tumortrace.constants import FIGSHARE
    from tumortrace.data.ingest.download import download as fetch
    from tumortrace.data.ingest.importer import import_dataset
    from tumortrace.data.ingest.staging import target_for

    target_for(name or FIGSHARE, replace)  # said before 880 MB are fetched
    with bar("downloading", quiet=as_json, size=True) as progress:
        folder = fetch(progress)
    with bar("importing", quiet=as_json) as progress:
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

    with bar("drawing", quiet=as_json) as progress:
        report = make_phantom(persons=persons, seed=seed, replace=replace, progress=progress)
    _say(report.to_json(), as_json)


@app.command()
def info(
    name: Annotated[str | None, typer.Argument(help="Dataset; default: the real one, where it is imported.")] = None,
    as_json: Json = False,
) -> None:
    """Say what is imported."""
    from tumortrace.data import datasets
    from tumortrace.data.manifest import summary

    dataset = datasets.open_dataset(name)
    known = {key: dataset.info.get(key) for key in ("kind", "origin", "attribution", "created", "fingerprint")}
    found = {"name": dataset.name, "path": str(dataset.folder), **summary(dataset.manifest), **known}
    _say(found | {"available": datasets.available()}, as_json)


@app.command("cache")
def cache_(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all of it; the next training builds it anew.")] = False,
    as_json: Json = False,
) -> None:
    """Say how much disk the prepared slices take, by dataset. Those of datasets that are gone go at each import."""
    from tumortrace.data import cache

    found = cache.prune_caches(everything=True) if clear else cache.cache_entries()
    total = sum(one.size for one in found)
    if as_json:
        listed = [{"dataset": one.dataset, "path": str(one.folder), "bytes": one.size} for one in found]
        print_json({"removed" if clear else "kept": listed, "bytes": total})
        return
    for one in found:
        typer.echo(f"  {one.dataset}: {one.size / 1e6:,.1f} MB in {one.folder}")
    typer.echo(f"{'removed' if clear else 'prepared slices'}: {total / 1e6:,.1f} MB")


@app.command()
def quality(
    name: Annotated[str | None, typer.Argument(help="Dataset; default: the real one, where it is imported.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every finding there: slice_id, check, detail.")] = None,
    as_json: Json = False,
) -> None:
    """Check a dataset: files, duplicates, outlines, sizes, labels. Opens every slice once; what it finds is kept."""
    from tumortrace.data import datasets, duplicates, pixel_facts, splits
    from tumortrace.data import quality as report
    from tumortrace.evaluation import published

    dataset = datasets.open_dataset(name)
    with bar("opening", quiet=as_json) as progress:
        # Files may have been mended since somebody last looked.
        facts = pixel_facts.load_pixel_facts(dataset, progress, again=True)
    near = duplicates.load_near_duplicates(
        duplicates.near_duplicates_path(dataset), lambda: duplicates.by_pixels(facts, dataset.manifest["person_id"]),
        pixel_facts.path_of(dataset).stat().st_mtime_ns,
    )  # fmt: skip
    twins = duplicates.with_descriptions(near, splits.table_for(dataset))
    checks = report.quality_checks(dataset, facts, twins, published.suspects_of(published.results(), dataset))
    found = report.table(checks)
    if csv is not None:
        processes.write_text(csv, found.to_csv(index=False))
    if as_json:
        print_json(
            {
                "name": dataset.name, "slices": len(dataset.manifest),
                "checks": [
                    {"check": one.key, "title": one.title, "status": one.status, "found": len(one.findings),
                     "unknown": one.unknown or None}
                    for one in checks
                ],
                "findings": found.to_dict("records"),
            }
        )  # fmt: skip
        return
    typer.echo(f"{dataset.name}: {len(dataset.manifest)} slices")
    for one in checks:
        said = {"fine": "nothing found", "found": f"{len(one.findings)} found", "unknown": "not made: "}[one.status]
        typer.echo(f"  {one.title}: {said}{one.unknown if one.status == 'unknown' else ''}")
        for slice_id, detail in one.findings[:_SHOWN_EACH]:
            typer.echo(f"    {f'slice {slice_id}: ' if slice_id else ''}{detail}")
        if len(one.findings) > _SHOWN_EACH:
            typer.echo(f"    {len(one.findings) - _SHOWN_EACH} more (all with --csv or --json)")


@contextlib.contextmanager
def bar(title: str, *, quiet: bool, size: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on standard error; yields what moves it, called with (done, total), or None where quiet.

    Args:
        title: What is being done.
        quiet: Whether nothing is shown.
        size: Whether bytes are counted.
    """
    if quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    amount = DownloadColumn() if size else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    shown = Progress(*columns, console=Console(stderr=True))
    task = shown.add_task(title, total=None)

    def update(done: int, total: int) -> None:
        shown.start()  # only now: an error before the first slice is one line
        shown.update(task, completed=done, total=total)

    try:
        yield update
    finally:
        if shown.live.is_started:
            shown.stop()


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
    _list("left out", [f"{item['source']}: {item['reason']}" for item in report.get("conflicts", [])])
    poor = report.get("outline_disagreements", [])
    _list("outline and mask disagree", [f"slice {item['slice_id']}, overlap {item['iou']}" for item in poor])
    if "seconds" in report:
        typer.echo(f"  took {report['seconds']:.1f} s")


def _list(what: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        typer.echo(f"  {what}: {line}")
    if len(lines) > _SHOWN:
        typer.echo(f"  {what}: {len(lines) - _SHOWN} more (all with --json)")
