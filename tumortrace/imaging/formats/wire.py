"""Messages between a reader process and its parent.

A message is twelve bytes (the lengths of a JSON object and of what follows), the object, and bytes: the file on the way
in, pixels on the way out. Nothing is pickled, so a reader taken over by a hostile file cannot take over its parent.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, Final

_LENGTHS: Final = struct.Struct("<IQ")


def send(pipe: BinaryIO, message: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    """Write one message."""
    head = json.dumps(message).encode()
    pipe.write(_LENGTHS.pack(len(head), len(payload)) + head)
    pipe.write(payload)
    pipe.flush()


def receive(pipe: BinaryIO, most: int) -> tuple[dict[str, Any], bytes]:
    """Read one message of at most ``most`` bytes in each part.

    Raises:
        EOFError: The other side is gone, or says what it cannot mean.
    """
    start = pipe.read(_LENGTHS.size)
    if len(start) < _LENGTHS.size:
        raise EOFError
    head_size, size = _LENGTHS.unpack(start)
    if max(head_size, size) > most:
        raise EOFError
    head, payload = pipe.read(head_size), pipe.read(size)
    if len(head) < head_size or len(payload) < size:
        raise EOFError
    message: dict[str, Any] = json.loads(head)
    return message, payload
