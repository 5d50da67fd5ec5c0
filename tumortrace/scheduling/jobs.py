"""Start, stop and resume a run as a process of its own.

The process outlives the browser and the server: it is started in a new session, writes its own run folder, and whoever
looks later reads that folder. A stop is a file, so anyone who can see the folder can ask for it.
"""

from __future__ import annotations

from tumortrace import runs
from tumortrace.config import RunConfig
from tumortrace.errors import RunNotResumable
from tumortrace.runs.run import LIVE, Run
from tumortrace.scheduling import queue
from tumortrace.training import warm_start


def start(config: RunConfig, name: str | None = None) -> Run:
    """Make a run and put it in the queue.

    Returns:
        The run; ``created`` where its device was free (its process turns it to ``preparing`` and ``running``),
        ``queued`` where it waits.

    Raises:
        SplitError: Its dataset cannot be split as asked; no run is made.
        DatasetNotFound: Its dataset is not imported.
    """
    warm_start.check_start(config)
    run = runs.create(config, name, "queued")
    queue.add(run)
    return run


def resume(run_id: str) -> Run:
    """Put a run that ended early back in the queue: it goes on from its checkpoint, or begins again without one.

    Raises:
        RunNotResumable: It is live, waits already, or is finished.
    """
    run = runs.find_run(run_id)
    if not (run.resumable or run.restartable):
        raise RunNotResumable(
            f"a run that is {run.status.state} cannot be resumed here",
            value=run.id,
            remedy="Only a stopped, failed, crashed or cancelled run can; start a new one with its settings.",
        )
    queue.add(run)
    return run


def stop(run_id: str) -> Run:
    """Ask a live run to end after the current step, with a checkpoint; take a waiting one out of the queue.

    Asking twice does no harm.
    """
    run = runs.find_run(run_id)
    state = run.status.state
    if state in LIVE:
        (run.folder / "stop").touch()
    elif state == "queued":
        queue.cancel(run.id)
    return run
