"""What outlives a process, or must survive its end: processes of their own, who they are, whole files, locks.

The parts that go wrong one machine in a thousand are here once: a number that the system gave to another process, an
ended child that still looks alive, a disk that is full halfway through a file, two processes that write the same one.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import filelock
import psutil

from tumortrace import paths
from tumortrace.errors import TumorTraceError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

_SAME_START_S: Final = 2.0
"""The system tells when a process began to a fraction of a second, from a boot time that a set clock may move."""


# --- who is who -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProcessId:
    """One process of this machine, written down: numbers are given out anew, number and beginning together are not."""

    pid: int
    started: float | None = None
    """When it began, in seconds since 1970; None where that was not found out: the number alone then counts."""

    @classmethod
    def current(cls) -> ProcessId:
        """The id of the process that asks."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Whoever has this number now; without a beginning where nobody has, or the system does not tell."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return cls(pid)

    def alive(self) -> bool:
        """Whether it still runs: not ended and waiting to be collected (a zombie), nor another of the same number."""
        try:
            process = psutil.Process(self.pid)
            same = self.started is None or abs(process.create_time() - self.started) < _SAME_START_S
            return bool(same and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False


# --- processes of their own -----------------------------------------------------------------------------------------

children: list[subprocess.Popen[bytes]] = []
"""What this process started and has not collected yet; :func:`reap` does."""
_children_lock = threading.Lock()


def start_detached(
    arguments: Sequence[str],
    log: Path,
    *,
    append: bool = True,
    environment: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start this Python in a session of its own: it outlives the terminal, the browser and the server.

    Args:
        arguments: What Python is called with, for instance ``-m tumortrace train``; it runs in the project's folder.
        log: The file that gets what it prints.
        append: Whether that file goes on; it is begun anew otherwise.
        environment: Variables beside those of this process; it is told whole paths of the home and the artifacts.
        stdin: As of :class:`subprocess.Popen`; empty by default.

    Raises:
        OSError: It cannot be started, or the log cannot be opened.
    """
    reap()
    with log.open("ab" if append else "wb") as file:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=stdin,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=paths.root(),
            env=os.environ | paths.variables() | dict(environment or {}),
        )
    with _children_lock:
        children.append(process)
    return process


def reap() -> None:
    """Collect the ended children of this process, or they stay zombies while it lives; cheap."""
    with _children_lock:
        children[:] = [child for child in children if child.poll() is None]


# --- whole files ----------------------------------------------------------------------------------------------------


class _Witness(io.BufferedWriter):
    """Remembers why it could not write: archive writers (torch's, zipfile) turn a full disk into a riddle."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write, and return the number of bytes."""
        try:
            return super().write(data)
        except OSError as error:
            self.error = error
            raise


@contextmanager
def replacing(path: Path, *, alone: bool = False) -> Iterator[BinaryIO]:
    """A file to fill that takes the place of ``path`` at the end: a reader sees the old one or the new, never a half.

    It lies beside ``path``, on disk before it is renamed (so a power cut leaves one of the two as well), and is gone
    after any error: half a file on a full disk would keep the disk full.

    Args:
        path: The file to replace; missing folders are made.
        alone: Whether nobody else can be writing the same file, as under a lock. Its name is then fixed, so that what a
            kill left of a large file is written over by the next attempt; else it is random, and any number may write.

    Raises:
        OSError: The disk is full or refuses, also where the writer that filled the file said something else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if alone:
        beside = path.with_name(f"{path.name}.partial")
        raw = io.FileIO(beside, "w")
    else:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        beside, raw = Path(name), io.FileIO(handle, "w")
    try:
        with _Witness(raw) as file:
            try:
                yield file
            except Exception as error:
                if file.error is None or isinstance(error, OSError):
                    raise
                raise file.error from error
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o644)
        beside.replace(path)  # Windows replaces a file too, so long as nobody has it open
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by these bytes, whole (:func:`replacing`)."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Replace ``path`` by this text in UTF-8, line ends as they are."""
    write_bytes(path, content.encode())


def write_json(path: Path, value: Any) -> None:
    """Replace ``path`` by ``value`` as indented JSON.

    Raises:
        ValueError: NaN or an infinity is in it, which not every reader can parse.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_parquet(path: Path, table: pd.DataFrame, **options: Any) -> None:
    """Replace ``path`` by a table, without its index.

    Args:
        path: The file.
        table: The rows.
        options: Of :meth:`pandas.DataFrame.to_parquet`.
    """
    raw = io.BytesIO()  # pandas opens a named file a second time
    table.to_parquet(raw, index=False, **options)
    write_bytes(path, raw.getvalue())


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Replace ``path`` by compressed arrays.

    Raises:
        ValueError: One holds Python objects, which could only be read back by running them.
    """
    import numpy as np

    with replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


# --- locks ----------------------------------------------------------------------------------------------------------


@contextmanager
def file_lock(path: Path, busy: TumorTraceError, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock between processes; the system gives it back however this one ends.

    Args:
        path: The lock's file, in a folder that exists.
        busy: Raised where another holds it.
        wait_s: How long to wait for it, in seconds.
    """
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=wait_s)
    except filelock.Timeout:
        raise busy from None
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock of this file, this process among them."""
    try:
        with filelock.FileLock(path, timeout=0):
            return False
    except filelock.Timeout:
        return True
