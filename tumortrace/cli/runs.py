"""``tumortrace runs``: list the runs, compare them, take one away as a zip, put it back, delete it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumortrace.cli.output import Json, print_json
from tumortrace.errors import ConfigError, RunUnreadable
from tumortrace.paths import command

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(help="List, compare, export, import and delete runs.", invoke_without_command=True)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Run id or folder.")]


@app.callback()
def runs(context: typer.Context, as_json: Json = False) -> None:
    """List, compare, export, import and delete runs; alone, it lists them."""
    if context.invoked_subcommand is None:
        list_(as_json)
    elif as_json:
        raise typer.BadParameter(f"put it behind the command: runs {context.invoked_subcommand} --json")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List runs, newest first; then those that cannot be read, and why."""
    from tumortrace.runs import index

    found = index.read_index()
    if as_json:
        listed = [{"id": entry.run.id, **entry.status.model_dump(mode="json")} for entry in found.entries]
        broken = [{"id": error.run_id, "state": "unreadable", "error": str(error)} for error in found.unreadable]
        print_json({"runs": listed + broken})
        return
    for entry in found.entries:
        typer.echo(f"{entry.run.id}  {entry.status.state}  epoch {entry.status.epoch}/{entry.status.epochs}")
    for error in found.unreadable:
        typer.echo(f"{error.run_id}  unreadable  {error}")


@app.command()
def export(
    run: RunId,
    file: Annotated[Path, typer.Argument(metavar="OUT.zip", help="The zip to write; a folder takes RUN.zip.")],
    checkpoint: Annotated[bool, typer.Option("--checkpoint", help="With what is needed to go on elsewhere.")] = False,
    as_json: Json = False,
) -> None:
    """Write a run as a zip: settings, curves, log, weights, test rows, report; live runs too."""
    from tumortrace.runs import archive
    from tumortrace.runs.run import find_run

    found = find_run(run)
    target = file / f"{found.id}.zip" if file.is_dir() else file
    if target.exists():
        raise ConfigError("there is a file of this name", value=str(target), remedy="Take another name, or remove it.")
    archive.export_run(found, target, checkpoint=checkpoint)
    size = target.stat().st_size
    if as_json:
        print_json({"run": found.id, "file": str(target), "bytes": size, "checkpoint": checkpoint})
    else:
        typer.echo(f"{target}: {size / 1e6:,.1f} MB")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="What `runs export` wrote.")],
    name: Annotated[str | None, typer.Option(help="Another id for the run; default: its own.")] = None,
    as_json: Json = False,
) -> None:
    """Put an exported run back."""
    from tumortrace.runs.archive import import_run

    run = import_run(file, run_id=name)
    if as_json:
        print_json({"run": run.id, "folder": str(run.folder), "state": run.status.state})
        return
    typer.echo(f"{run.id}  {run.status.state}")
    if run.resumable:
        typer.echo(f"Go on with: {command(f'train --resume {run.id}')}", err=True)


@app.command()
def delete(run: RunId, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete a run with everything in it."""
    from tumortrace import runs as folders
    from tumortrace.runs import archive

    found = folders.find_run(run)
    try:
        status = found.status
        state, how = str(status.state), f"{status.state}, epoch {status.epoch}/{status.epochs}"
    except RunUnreadable:
        state = how = "unreadable"
    # A run that cannot be deleted is refused before anybody is asked.
    if not yes and state not in folders.LIVE and state != "queued":
        what = f"{found.id} ({how}, {archive.size_on_disk(found) / 1e6:,.1f} MB)"
        typer.confirm(f"Delete {what} for good?", abort=True, err=True)
    folders.delete(run)
    typer.echo(f"deleted {found.id}")


@app.command()
def compare(
    run: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run ids or folders.")], as_json: Json = False
) -> None:
    """Say which settings of runs differ, and how good each became."""
    from tumortrace.runs import compare as comparing
    from tumortrace.runs.run import find_run

    found = [find_run(one) for one in dict.fromkeys(run)]
    settings, best = comparing.different_settings(found), comparing.best_values(found)
    unlike = comparing.mismatches(found)
    if as_json:
        print_json(
            {
                "runs": [str(name) for name in best.index],
                "mismatches": unlike,
                "different_settings": _plain(settings),
                "best_values": _plain(best),
            }
        )
        return
    typer.echo("Settings that differ:" if len(settings) else "No setting differs.")
    if len(settings):
        typer.echo(_text(settings))
    typer.echo("\nBest values:")
    typer.echo(_text(best.T))
    for what, values in unlike.items():
        typer.echo(f"The {what}s differ ({', '.join(values)}): figures of these runs do not compare.", err=True)


def _plain(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Row name to column to value; what is unknown is null."""
    return {
        str(name): {str(column): _value(value) for column, value in row.items()}
        for name, row in zip(table.index, table.to_dict("records"), strict=True)
    }


def _value(value: Any) -> Any:
    import pandas as pd

    if value is None or pd.isna(value):
        return None
    number = value.item() if hasattr(value, "item") else value
    # Whole numbers beside an unknown one became floats in the frame.
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _text(table: pd.DataFrame) -> str:
    shown = table.map(_value).map(lambda value: "-" if value is None else f"{value:.4g}" if _is_float(value) else value)
    return shown.rename_axis(index=None).to_string()


def _is_float(value: Any) -> bool:
    return isinstance(value, float)
