"""``tumortrace notes``: what people wrote about slices in the app, to take away."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tumortrace import processes
from tumortrace.cli.output import Json, print_json

app = typer.Typer(help="Tags and comments on slices, from the app's Errors page.", no_args_is_help=True)


@app.callback()
def _top() -> None:
    pass


@app.command()
def export(
    dataset: Annotated[str | None, typer.Option(help="Notes on this dataset only.")] = None,
    tag: Annotated[str | None, typer.Option(help="Notes with this tag only.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the CSV here instead of printing it.")] = None,
    as_json: Json = False,
) -> None:
    """Print all notes as CSV, newest first; text that a spreadsheet would run as a formula begins with '."""
    from tumortrace.notes import export as notes_export
    from tumortrace.notes import store

    found = store.notes(dataset=dataset, tag=tag)
    if as_json:
        print_json({"notes": notes_export.to_records(found)})
    elif out is None:
        sys.stdout.write(notes_export.to_csv(found))
    else:
        processes.write_text(out, notes_export.to_csv(found))
        typer.echo(f"{out} is written: {len(found)} notes", err=True)
