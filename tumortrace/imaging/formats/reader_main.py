"""The reader process: opens what it is sent, answers over a pipe, writes nothing anywhere."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections import OrderedDict
from typing import Any

from tumortrace.errors import InputError
from tumortrace.imaging.formats.decode import open_document, read_slice
from tumortrace.imaging.formats.document import Document
from tumortrace.imaging.formats.limits import FILE_BYTES, KEPT, KEPT_BYTES, KEPT_SECONDS, READER_BYTES, seconds
from tumortrace.imaging.formats.wire import receive, send


class Shelf:
    """The files opened last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Document] = OrderedDict()

    def get(self, token: int) -> Document | None:
        """The file, if it is still here."""
        if token in self._kept:
            self._kept.move_to_end(token)
        return self._kept.get(token)

    def put(self, token: int, document: Document) -> None:
        """Keep a file and drop the oldest beyond the limits."""
        self._kept[token] = document
        while len(self._kept) > KEPT or (len(self._kept) > 1 and self._weight() > KEPT_BYTES):
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all files."""
        self._kept.clear()

    def _weight(self) -> int:
        return sum(document.weight for document in self._kept.values())


def answer(shelf: Shelf, request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Open a file, or decode a slice of it."""
    try:
        document = shelf.get(request["token"])
        if document is None:
            if not data:
                return {"missing": True}, b""
            document = open_document(data, request["kind"])
            shelf.put(request["token"], document)
        if request["slice"] is None:
            return {"document": document.plain()}, b""
        pixels = read_slice(document, *request["slice"])
    except InputError as error:
        return {"error": [error.what, str(error.value), error.remedy]}, b""
    return {"dtype": pixels.dtype.name, "shape": pixels.shape}, pixels.tobytes()


def confine() -> None:
    """No more memory than allowed, no files written, no core dumps; where the system knows such limits."""
    with contextlib.suppress(ImportError):
        import resource

        limits = ((resource.RLIMIT_AS, READER_BYTES), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0))
        for limit, most in limits:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(limit, (most, most))


def main() -> None:
    """Serve until the parent closes the pipe."""
    pipe_in, pipe_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What native libraries print must not come between the answers.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    confine()
    send(pipe_out, {"ready": True})
    shelf = Shelf()
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            if sys.platform != "win32" and not select.select([pipe_in], [], [], KEPT_SECONDS)[0]:
                shelf.clear()
            request, data = receive(pipe_in, FILE_BYTES)
            # Should the parent be gone, nobody else would end a decoder that hangs.
            _alarm(seconds() * 2)
            reply, payload = answer(shelf, request, data)
            del data
            _alarm(0)
            send(pipe_out, reply, payload)
            del payload


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
