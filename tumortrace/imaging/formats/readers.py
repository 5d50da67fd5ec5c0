"""The reader processes: started when first needed, kept warm, replaced when a file kills one or keeps it too long.

They are plain subprocesses that import only what they need. ``multiprocessing`` would import the caller's ``__main__``
again, which is the whole page when that is a Streamlit script.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import secrets
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt

from tumortrace.errors import InputError
from tumortrace.imaging.formats.limits import PIXELS, READERS, START_SECONDS, VARIABLE, seconds
from tumortrace.imaging.formats.wire import receive, send

_SALT: Final = secrets.token_hex(16)
_PASSED: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONHOME")
_MOST: Final = PIXELS * 4
_ALLOWED: Final = frozenset({"uint8", "uint16", "int16", "float32"})
_Reply = tuple[dict[str, Any], bytes]
_tokens = itertools.count(1)


class Gone(Exception):
    """The reader ended, or was ended, during a request."""


class NotStarted(Gone):
    """The reader never said that it was ready."""


class Reader:
    """One reader process."""

    def __init__(self) -> None:
        # Threads of numerical libraries would each take a share of the address space.
        environment = {name: os.environ[name] for name in (*_PASSED, VARIABLE) if name in os.environ}
        environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment |= {
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path if "\x00" not in path),  # noqa: PTH109
            "PYTHONDONTWRITEBYTECODE": "1",
            "TUMORTRACE_READER_SALT": _SALT,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tumortrace.imaging.formats.reader_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self.token = 0
        """Of the file it was asked about last."""
        self._ready = False

    def ask(self, request: dict[str, Any], data: bytes, seconds: float) -> _Reply:
        """Send a request and wait for its answer.

        Raises:
            Gone: The process ended, or took longer than ``seconds`` and was ended.
        """
        if not self._ready:
            try:
                self._within(START_SECONDS, lambda: receive(self._out, _MOST))
            except Gone as error:
                raise NotStarted from error
            self._ready = True
        self.token = request["token"]

        def exchange() -> _Reply:
            send(self._in, request, data)
            return receive(self._out, _MOST)

        return self._within(seconds, exchange)

    def _within(self, seconds: float, what: Callable[[], _Reply]) -> _Reply:
        timer = threading.Timer(seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            return what()
        except (EOFError, OSError, ValueError) as error:
            raise Gone from error
        finally:
            timer.cancel()

    def end(self) -> None:
        """End the process and collect it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

    @property
    def _in(self) -> BinaryIO:
        return cast(BinaryIO, self._process.stdin)

    @property
    def _out(self) -> BinaryIO:
        return cast(BinaryIO, self._process.stdout)


class Pool:
    """Up to READERS processes; whoever asks gets an idle one, best the one that knows the file."""

    def __init__(self) -> None:
        self._idle: deque[Reader] = deque()
        self._all: set[Reader] = set()
        self._free = threading.Condition()

    def ask(self, request: dict[str, Any], data: bytes) -> _Reply:
        """One request; the file is sent along only where the reader does not have it.

        Raises:
            InputError: The file kept its reader too long, or made it fail.
        """
        reader = self._take(request["token"])
        try:
            known = reader.token == request["token"]
            reply = reader.ask(request, b"" if known else data, seconds())
            if reply[0].get("missing"):
                reply = reader.ask(request, data, seconds())
        except BaseException as error:
            self._drop(reader)
            if isinstance(error, NotStarted):
                raise InputError(
                    "the process that reads files could not be started", value="", remedy="Try again."
                ) from None
            if isinstance(error, Gone):
                raise InputError(
                    f"the file made its reader fail, or kept it for more than {seconds():g} seconds",
                    value="",
                    remedy="Export it again, smaller or uncompressed.",
                ) from None
            raise
        with self._free:
            self._idle.append(reader)
            self._free.notify()
        return reply

    def warm(self) -> None:
        """Start a reader, without waiting for it, where none runs."""
        with self._free:
            if not self._all:
                self._idle.append(self._start())

    def close(self) -> None:
        """End all readers; the next request starts one anew."""
        with self._free:
            readers, self._all = self._all, set()
            self._idle.clear()
        for reader in readers:
            reader.end()

    def processes(self) -> list[int]:
        """Ids of the readers."""
        return [reader._process.pid for reader in self._all]

    def _take(self, token: int) -> Reader:
        with self._free:
            while not self._idle:
                if len(self._all) < READERS:
                    self._idle.append(self._start())
                else:
                    self._free.wait()
            chosen = next((reader for reader in self._idle if reader.token == token), self._idle[-1])
            self._idle.remove(chosen)
            return chosen

    def _start(self) -> Reader:
        reader = Reader()
        self._all.add(reader)
        return reader

    def _drop(self, reader: Reader) -> None:
        reader.end()
        with self._free:
            self._all.discard(reader)
            self._free.notify()


pool = Pool()
atexit.register(pool.close)
if hasattr(os, "register_at_fork"):  # a forked child must not talk into its parent's pipes
    os.register_at_fork(after_in_child=pool.__init__)  # type: ignore[misc]


def new_token() -> int:
    """A number for a file, never used again."""
    return next(_tokens)


def as_pixels(reply: dict[str, Any], payload: bytes) -> npt.NDArray[Any]:
    """The array in a reader's answer; checked, because a hostile file may have taken the reader over.

    Raises:
        InputError: It is none.
    """
    try:
        kind, shape = str(reply["dtype"]), tuple(int(side) for side in reply["shape"])
        if kind not in _ALLOWED or len(shape) != 2:
            raise ValueError
        return np.frombuffer(bytearray(payload), dtype=kind).reshape(shape)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("the file made its reader fail", value="", remedy="Export it again.") from error
