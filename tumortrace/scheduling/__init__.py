"""Which run trains where and when: queue, jobs, leases, sweeps and their backends."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.scheduling.backends import Local, Ray
    from tumortrace.scheduling.jobs import resume, start, stop
    from tumortrace.scheduling.queue import dispatch, waiting
    from tumortrace.scheduling.sweep import plan_sweep, run_sweep
    from tumortrace.scheduling.worker import Task, WorkerOptions
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "backends": ("Local", "Ray"),
            "jobs": ("resume", "start", "stop"),
            "queue": ("dispatch", "waiting"),
            "sweep": ("plan_sweep", "run_sweep"),
            "worker": ("Task", "WorkerOptions"),
        },
    )

__all__ = [
    "Local",
    "Ray",
    "Task",
    "WorkerOptions",
    "dispatch",
    "plan_sweep",
    "resume",
    "run_sweep",
    "start",
    "stop",
    "waiting",
]
