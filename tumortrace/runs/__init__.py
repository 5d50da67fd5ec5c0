"""The run folder and everything that reads it: settings, state, snapshots, comparison, archive. No torch."""

from tumortrace.runs.run import (
    ENDED_EARLY,
    LIVE,
    Run,
    RunState,
    Status,
    actual_status,
    create,
    delete,
    find_run,
    folders,
    list_runs,
)

__all__ = [
    "ENDED_EARLY",
    "LIVE",
    "Run",
    "RunState",
    "Status",
    "actual_status",
    "create",
    "delete",
    "find_run",
    "folders",
    "list_runs",
]
