"""Why a run ended badly, and what to do about it, in sentences for people. No torch: pages read it."""

from __future__ import annotations

import errno
from typing import Final

import psutil

from tumortrace.config import RunConfig
from tumortrace.errors import TumorTraceError
from tumortrace.runs.run import Status

_NO_MEMORY: Final = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
FULL_DISK: Final = "The disk is full. Free some space, then resume: it goes on from the last checkpoint."
_COMFORTABLE: Final = 0.7
_GIB: Final = 2**30


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory, of host or device, did not suffice."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NO_MEMORY)


def disk_is_full(error: BaseException) -> bool:
    """Whether there was no place left to write to."""
    full = (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, OSError) and error.errno in full


def diagnose_failure(error: BaseException, config: RunConfig, fitting: int | None = None) -> str:
    """A failed run's error, with what to do.

    Args:
        error: What ended it.
        config: The run's settings.
        fitting: The largest batch that was tried afterwards and fitted; None where none was tried or fitted.
    """
    if isinstance(error, TumorTraceError):
        return str(error)
    if ran_out_of_memory(error):
        size = config.optim.batch_size
        if fitting:
            return f"Memory ran out with a batch of {size} slices. A batch of {fitting} fits: start it with that."
        return f"Memory ran out with a batch of {size} slices. Lower the batch size or the size of the slices."
    if disk_is_full(error):
        return FULL_DISK
    return f"{type(error).__name__}: {error}"


def diagnose_crash(status: Status, config: RunConfig, total: int | None = None) -> str:
    """What a process that ended without a word leaves to guess.

    Args:
        status: The last it wrote.
        config: The run's settings.
        total: Bytes of memory the machine has; asked for where None.
    """
    total = total or psutil.virtual_memory().total
    used, idle, size = status.memory_bytes, status.memory_idle_bytes, config.optim.batch_size
    if used is None:
        return "It ended before its first step. The log may say more."
    said = f"The process was killed, or the machine went down; it held {used / _GIB:.1f} of {total / _GIB:.1f} GiB."
    if used < _COMFORTABLE * total or idle is None or used <= idle:
        return said
    room = _COMFORTABLE * total - idle
    fitting = int(room / ((used - idle) / size))
    if fitting < 2:
        return f"{said} Memory most likely ran out: lower the size of the slices, too."
    return f"{said} Memory most likely ran out: a batch of {_round_down(min(fitting, size // 2))} would fit."


def _round_down(batch: int) -> int:
    """To a power of two, as batches are."""
    return 1 << (batch.bit_length() - 1)
