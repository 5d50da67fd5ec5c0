"""Where the tasks of a sweep run: this machine, through joblib, or a Ray cluster.

Both call :func:`tumortrace.scheduling.worker.run_task`, which starts a process a task. Ray is imported when it is
used; it is the extra ``ray``.
"""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any

import joblib

from tumortrace import paths
from tumortrace.constants import VERSION
from tumortrace.errors import ConfigError, TrainingError
from tumortrace.hardware import environment, visible_gpus
from tumortrace.scheduling.worker import Outcome, Task, WorkerOptions, run_task

LOST_WORKERS = 10
"""How often Ray starts a task again whose worker or node was lost."""
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Local:
    """This machine, several tasks at a time.

    joblib's threads, not its processes: a task trains in a process of its own already, and the thread that waits for it
    keeps the results, the stop file and the life of that process in one place.

    Args:
        jobs: Tasks at a time. None takes one on a CPU; on GPUs as many as their free memory holds, up to one a core.
        threads: CPU threads a task whose configuration leaves them open; 0 shares the cores among the jobs.
        memory_gb: GPU memory a task is taken to need: its tensors at their peak and about 0.5 GB of CUDA context.
    """

    jobs: int | None = None
    threads: int = 0
    memory_gb: float = 4.0

    def outcomes(self, tasks: Sequence[Task], terms: WorkerOptions) -> Iterator[Outcome]:
        """Run every task; yield each outcome as it ends.

        Raises:
            ConfigError: No GPU has the memory that one task is taken to need.
        """
        slots = self.slots(any(task.config.device in {"auto", "cuda"} for task in tasks))[: len(tasks)]
        terms = replace(terms, threads=self.threads or max(1, joblib.cpu_count() // len(slots)))
        free: SimpleQueue[str | None] = SimpleQueue()
        for slot in slots:
            free.put(slot)

        def work(task: Task) -> Outcome:
            gpu = free.get()  # never waits: there are as many slots as threads
            try:
                return run_task(task, terms, environment([gpu]) if gpu else None)
            finally:
                free.put(gpu)

        pool = joblib.Parallel(n_jobs=len(slots), backend="threading", return_as="generator_unordered", batch_size=1)
        yield from pool(joblib.delayed(work)(task) for task in tasks)

    def slots(self, wants_gpu: bool) -> list[str | None]:
        """A GPU (or None) for each task that runs at a time, dealt out in turn.

        Raises:
            ConfigError: See :meth:`outcomes`.
        """
        found = gpus() if wants_gpu else []
        if not found:
            return [None] * (self.jobs or 1)
        if self.jobs:
            return [found[index % len(found)][0] for index in range(self.jobs)]
        room = {name: int(free // self.memory_gb) for name, free in found}
        turns = [name for turn in range(max(room.values())) for name in room if turn < room[name]]
        if not turns:
            raise ConfigError(
                "no GPU has the free memory of one task",
                value=f"{self.memory_gb} GB; free: {', '.join(f'{free:.1f}' for _, free in found)} GB",
                remedy="Lower --memory-gb, free a GPU, or give --jobs.",
            )
        return list(turns[: joblib.cpu_count()])


def gpus() -> list[tuple[str, float]]:
    """The NVIDIA GPUs this process may use, as :mod:`tumortrace.hardware` names them, and their free GB."""
    names = visible_gpus()
    if not names:
        return []
    nvml = importlib.import_module("pynvml")
    nvml.nvmlInit()
    found = []
    for number, name in enumerate(names):
        by_number = name.isdigit()
        handle = nvml.nvmlDeviceGetHandleByIndex(int(name)) if by_number else nvml.nvmlDeviceGetHandleByUUID(name)
        found.append((f"cuda:{number}", nvml.nvmlDeviceGetMemoryInfo(handle).free / 1e9))
    return found


@dataclass(frozen=True)
class Ray:
    """An existing Ray cluster whose nodes share TUMORTRACE_HOME.

    A task whose worker or node is lost is started again on another one, up to :data:`LOST_WORKERS` times, and goes on
    from its checkpoint.

    Args:
        address: Of the cluster; ``auto`` finds the one this machine belongs to.
        cpus: CPUs a task reserves; its training threads too.
        gpus: GPUs a task reserves, fractions allowed; with 0 a task sees none.
        threads: CPU threads a task whose configuration leaves them open; 0 takes ``cpus``.
    """

    address: str = "auto"
    cpus: float = 1.0
    gpus: float = 0.0
    threads: int = 0

    def __post_init__(self) -> None:
        if self.gpus > 1 and self.gpus != int(self.gpus):
            raise ConfigError(
                "a task takes a part of one GPU or whole ones", value=self.gpus, remedy="Take up to 1, or 2, 3, ..."
            )

    def outcomes(self, tasks: Sequence[Task], terms: WorkerOptions) -> Iterator[Outcome]:
        """Run every task; yield each outcome as it ends.

        Raises:
            ConfigError: Ray is not installed, no cluster answers, or no node is large enough for a task.
            TrainingError: A node does not see TUMORTRACE_HOME, or has another version of TumorTrace.
        """
        ray = _import_ray()
        ours = not ray.is_initialized()
        if ours:
            _connect(ray, self.address)
        try:
            self._refuse_too_large(ray.nodes())
            yield from self._run(ray, tasks, replace(terms, threads=self.threads or max(1, int(self.cpus))))
        finally:
            if ours:
                ray.shutdown()

    def _run(self, ray: Any, tasks: Sequence[Task], terms: WorkerOptions) -> Iterator[Outcome]:
        remote = ray.remote(
            num_cpus=self.cpus,
            num_gpus=self.gpus,
            max_retries=LOST_WORKERS,
            retry_exceptions=False,
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": _environment()},
        )(_on_node)
        waiting = {remote.options(name=task.run_id).remote(task, terms, VERSION): task.run_id for task in tasks}
        try:
            while waiting:
                # The timeout lets Ctrl-C through.
                for ended in ray.wait(list(waiting), timeout=1)[0]:
                    yield _outcome(ray, ended, waiting.pop(ended))
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)

    def _refuse_too_large(self, nodes: Sequence[dict[str, Any]]) -> None:
        alive = [node["Resources"] for node in nodes if node["Alive"]]
        if not any(node.get("CPU", 0) >= self.cpus and node.get("GPU", 0) >= self.gpus for node in alive):
            has = "; ".join(f"{node.get('CPU', 0):g} CPUs, {node.get('GPU', 0):g} GPUs" for node in alive)
            raise ConfigError(
                "no node of the cluster is large enough for a task",
                value=f"{self.cpus:g} CPUs, {self.gpus:g} GPUs",
                remedy=f"Lower --cpus-per-task or --gpus-per-task, or add a node; there are: {has}.",
            )


def _on_node(task: Task, terms: WorkerOptions, version: str) -> Outcome | str:
    """Runs on a worker: the outcome, or why this node cannot run any task."""
    if version != VERSION:
        return f"it has TumorTrace {VERSION}, the sweep was started with {version}"
    if not terms.session.is_dir():
        return f"it does not see {terms.session}"
    return run_task(task, terms)


def _outcome(ray: Any, reference: Any, run_id: str) -> Outcome:
    try:
        found = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        return Outcome(run_id, "failed", error=f"The worker failed: {str(error).strip().splitlines()[-1]}")
    except ray.exceptions.RayError as error:
        return Outcome(run_id, "crashed", error=f"The worker was lost: {str(error).strip().splitlines()[0]}")
    if isinstance(found, str):
        raise TrainingError(
            "a node of the cluster cannot train",
            value=found,
            remedy="Put TUMORTRACE_HOME on storage that every node mounts at the same path, and install the same"
            " version of TumorTrace on every node.",
        )
    outcome: Outcome = found
    return outcome


def _environment() -> dict[str, str]:
    """Variables of the workers; a checkout that is not installed is found through PYTHONPATH."""
    found = paths.variables()
    if not paths.installed():
        found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(paths.root()), os.environ.get("PYTHONPATH")]))
    return found


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ConfigError(
            "Ray is not installed", value="--backend ray", remedy='Install it: pip install "tumortrace[ray]"'
        ) from error


def _connect(ray: Any, address: str) -> None:
    refused = ConfigError(
        "no Ray cluster answers",
        value=address,
        remedy="Start one with `ray start --head`, give its address with --address, or use --backend joblib.",
    )
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:
        if host and port.isdigit():
            # Ray itself tries for two minutes, then ends the process.
            socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError, SystemExit) as error:
        raise refused from error
