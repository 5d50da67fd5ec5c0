"""``tumortrace queue``: runs that wait for a free device."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tumortrace.cli.output import Json, print_json
from tumortrace.cli.train import NAME_OPTION, PRESET_OPTION, config_from_options, with_settings

queue_app = typer.Typer(help="Runs that wait for a free device: list, add, reorder, cancel.", no_args_is_help=False)


@queue_app.callback(invoke_without_command=True)
def show_queue(context: typer.Context, as_json: Json = False) -> None:
    """List the runs that wait, in their order, after starting what can be started."""
    if context.invoked_subcommand is not None:
        return
    from tumortrace.scheduling import queue

    started = queue.dispatch()
    waiting = queue.waiting()
    if as_json:
        document = {"per_device": queue.read_queue().per_device, "started": [run.id for run in started]}
        print_json(document | {"waiting": [run.id for run in waiting]})
        return
    for run in started:
        typer.echo(f"started  {run.id}")
    for place, run in enumerate(waiting, start=1):
        typer.echo(f"{place:7d}  {run.id}")
    if not waiting and not started:
        typer.echo("Nothing waits.", err=True)


def queue_add(**given: Any) -> None:
    """Put a run at the end of the queue; it starts once its device is free."""
    from tumortrace.scheduling import jobs

    preset, name, as_json = (given.pop(key) for key in ("preset", "name", "as_json"))
    run = jobs.start(config_from_options(given, preset), name)
    if as_json:
        print_json({"run": run.id, "folder": str(run.folder), "state": run.status.state})
    else:
        typer.echo(f"{run.status.state}  {run.id}")


queue_app.command("add")(
    with_settings(queue_add, [("preset", PRESET_OPTION, None), ("name", NAME_OPTION, None), ("as_json", Json, False)])
)


@queue_app.command("cancel")
def queue_cancel(run: Annotated[str, typer.Argument(help="A run that waits.")]) -> None:
    """Take a run out of the queue; its folder stays."""
    from tumortrace.scheduling import queue

    queue.cancel(run)


@queue_app.command("move")
def queue_move(
    run: Annotated[str, typer.Argument(help="A run that waits.")],
    place: Annotated[int, typer.Argument(help="Its new place, from 1.", min=1)],
) -> None:
    """Put a waiting run at another place."""
    from tumortrace import runs
    from tumortrace.scheduling import queue

    queue.move(runs.find_run(run).id, place - 1)


@queue_app.command("per-device")
def queue_per_device(count: Annotated[int, typer.Argument(help="Jobs that may share a device.")]) -> None:
    """Set how many jobs may share a device."""
    from tumortrace.scheduling import queue

    queue.set_per_device(count)
