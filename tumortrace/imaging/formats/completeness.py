"""Whether a picture is all there, where its decoder would fill up the rest. Runs in a reader process."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from tumortrace.errors import InputError
from tumortrace.imaging.formats.values import broken, check_size

_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG's frame header."""
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7: first column and row, step in columns and in rows."""
_PIECE: Final = 2**20


def check_whole(data: bytes, kind: str) -> None:
    """Refuse a picture of which a part is missing.

    Raises:
        InputError: A PNG with fewer rows than it says, or of a wrong checksum; a JPEG without its end, or with more
            than 8 bits a sample; a WebP shorter than it says; or a PNG of an impossible size.
    """
    if kind == "PNG":
        _check_png(data)
    # A JPEG that was closed after being cut cannot be told from a whole one.
    if kind == "JPEG":
        _check_jpeg(data)
    if kind == "WebP" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise broken()


def _check_jpeg(data: bytes) -> None:
    at = 2
    while data[at : at + 1] == b"\xff" and at + 4 < len(data):
        marker = data[at + 1]
        if marker in _FRAMES:
            if data[at + 4] != 8:
                raise InputError(
                    f"a JPEG with {data[at + 4]} bits a sample cannot be read", value="", remedy="Export it as PNG."
                )
            break
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    if b"\xff\xd9" not in data[-65536:]:
        raise broken()


def _check_png(data: bytes) -> None:
    chunks = _chunks(data)
    name, head = next(chunks, (b"", b""))
    if name != b"IHDR" or len(head) != 13:
        raise broken()
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", head)
    check_size(height, width)
    pixel = depth * _CHANNELS.get(colour, 0)
    if not pixel:
        raise broken()
    if interlaced:
        sizes = [((width - x + dx - 1) // dx, (height - y + dy - 1) // dy) for x, y, dx, dy in _PASSES]
    else:
        sizes = [(width, height)]
    wanted = sum(rows * (1 + (columns * pixel + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0)
    _check_rows(chunks, wanted)


def _check_rows(chunks: Iterator[tuple[bytes, bytes]], wanted: int) -> None:
    stream, size = zlib.decompressobj(), 0
    for name, part in chunks:
        rest = part if name == b"IDAT" else b""
        while rest and not stream.eof and size <= wanted:
            try:
                size += len(stream.decompress(rest, _PIECE))
            except zlib.error as error:
                raise broken() from error
            rest = stream.unconsumed_tail
    if size < wanted or (size == wanted and not stream.eof):
        raise broken()


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length
