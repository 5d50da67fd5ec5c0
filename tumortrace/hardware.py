"""The places a job can run at on this machine: each GPU, or the CPU. No torch: the queue and the pages ask."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence

from tumortrace.config import RunConfig

_ALL = "TUMORTRACE_ALL_GPUS"


def slots() -> list[str]:
    """``cuda:0``, ``cuda:1``, ... as far as there are, ``mps`` on Apple silicon, and always ``cpu``."""
    found = [f"cuda:{number}" for number in range(len(visible_gpus()))]
    if sys.platform == "darwin" and platform.machine() == "arm64":
        found.append("mps")
    return [*found, "cpu"]


def visible_gpus() -> list[str]:
    """The GPUs a process started here may use, as ``CUDA_VISIBLE_DEVICES`` would name them."""
    count = _gpu_count()
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None or not count:
        return [str(number) for number in range(count)]
    return [name.strip() for name in given.split(",") if name.strip() and name.strip() != "-1"]


def wanted(config: RunConfig, here: Sequence[str]) -> list[list[str]]:
    """The sets of slots a run could take, the preferred first.

    Args:
        config: Of the run; ``auto`` takes a GPU where there is one.
        here: What :func:`slots` gave.
    """
    gpus = [slot for slot in here if slot.startswith("cuda")]
    kind = config.device
    if kind == "auto":
        kind = "cuda" if gpus else "mps" if "mps" in here else "cpu"
    if kind != "cuda":
        return [[kind]]
    if len(gpus) < config.devices:
        # The run itself will say what is missing.
        return [gpus or ["cpu"]]
    return [gpus[start : start + config.devices] for start in range(len(gpus) - config.devices + 1)]


def environment(taken: Sequence[str]) -> dict[str, str]:
    """Variables that keep a process to the slots it was given."""
    variables = {"TUMORTRACE_SLOTS": ",".join(taken)}
    gpus = visible_gpus()
    chosen = [gpus[int(slot.removeprefix("cuda:"))] for slot in taken if slot.startswith("cuda:")]
    return variables | ({"CUDA_VISIBLE_DEVICES": ",".join(chosen), _ALL: ",".join(gpus)} if chosen else {})


def see_all() -> None:
    """Undo :func:`environment` in a job that has ended: it starts the next one, on whichever GPU is free."""
    os.environ.pop("TUMORTRACE_SLOTS", None)
    before = os.environ.pop(_ALL, None)
    if before is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = before


def gpu_utilisation(index: int) -> float | None:
    """Share of a visible GPU that is busy, 0 to 1, as its driver says; None where it does not."""
    try:
        import pynvml

        pynvml.nvmlInit()
        name = visible_gpus()[index]
        by_number = name.isdigit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(int(name)) if by_number else pynvml.nvmlDeviceGetHandleByUUID(name)
        return float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
    except Exception:  # no driver, no permission, a partitioned GPU: a figure that is missing, nothing worse
        return None


def _gpu_count() -> int:
    try:
        import pynvml

        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetCount())
    except Exception:
        return 0
