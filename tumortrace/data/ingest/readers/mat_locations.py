"""Where the published ``.mat`` files are: in folders, in zips, or in a zip of zips; listed without reading them.

An inner zip that is stored is read in place, through a window on the outer file; one that is packed is unpacked once,
piece by piece, into a scratch folder. Either way a slice costs what it would cost in a plain zip, and memory stays
small.
"""

from __future__ import annotations

import io
import re
import shutil
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from tumortrace.data.ingest.readers import ReadProblem
from tumortrace.errors import UnreadableSlice

FOLDS_FILE: Final = "cvind.mat"
FOLDS: Final = 0
"""The number that stands for ``cvind.mat``; slices count from 1."""
_SLICE = re.compile(r"(?:^|/)0*([1-9]\d{0,8})\.mat$", re.IGNORECASE)
_MAX_MEMBER: Final = 64 * 2**20
_BROKEN = (OSError, zipfile.BadZipFile, NotImplementedError, struct.error, ValueError)


@dataclass(frozen=True)
class MatLocation:
    """One ``.mat`` file: a file of its own, or a member of a zip that lies at ``window`` (start, size) of a file."""

    number: int
    label: str
    path: Path
    member: str = ""
    window: tuple[int, int] | None = None

    def read(self) -> bytes:
        """The bytes of the ``.mat`` file.

        Raises:
            UnreadableSlice: Far larger than a slice can be.
            OSError, zipfile.BadZipFile, zlib.error: It cannot be read.
        """
        if not self.member:
            if self.path.stat().st_size > _MAX_MEMBER:
                raise self._too_large()
            return self.path.read_bytes()
        with _open(self.path, self.window) as file, zipfile.ZipFile(file) as archive:
            if archive.getinfo(self.member).file_size > _MAX_MEMBER:
                raise self._too_large()
            return archive.read(self.member)

    def _too_large(self) -> UnreadableSlice:
        return UnreadableSlice("larger than any slice can be", value=self.label, remedy="Check the source.")


def number_of(name: str) -> int | None:
    """``12`` for ``a/12.mat``, :data:`FOLDS` for ``cvind.mat``, None for anything else."""
    if name.rsplit("/", 1)[-1].lower() == FOLDS_FILE:
        return FOLDS
    match = _SLICE.search(name)
    return int(match.group(1)) if match else None


def looks_published(source: Path) -> bool:
    """Whether ``source`` is, or holds, numbered ``.mat`` files or zips of them; reads directories only."""
    if source.is_file():
        return source.suffix.lower() == ".mat" or (source.suffix.lower() == ".zip" and _promising(source))
    return any(number_of(path.name) for path in _below(source, ".mat")) or any(map(_promising, _below(source, ".zip")))


def find_mat_files(source: Path, scratch: Path) -> tuple[list[MatLocation], list[ReadProblem]]:
    """Every slice and ``cvind.mat`` below ``source``, sorted by number, and the zips that could not be opened.

    Args:
        source: A ``.mat`` file, a zip or a folder (searched recursively; ``cvind.mat`` also in the folder above it).
        scratch: Where packed inner zips are unpacked.
    """
    places: list[MatLocation] = []
    problems: list[ReadProblem] = []
    base = source if source.is_dir() else source.parent
    loose = _below(source, ".mat") if source.is_dir() else [source] if source.suffix.lower() == ".mat" else []
    for path in [*loose, base / FOLDS_FILE, base.parent / FOLDS_FILE]:
        number = number_of(path.name)
        if number is not None and path.is_file():
            label = path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name
            places.append(MatLocation(number, label, path))
    for path in _below(source, ".zip") if source.is_dir() else [source] if not loose else []:
        label = path.relative_to(base).as_posix()
        try:
            places += _members(path, label, scratch)
        except _BROKEN as error:
            problems.append(ReadProblem(label, f"not a whole zip ({error}); fetch it again"))
    return sorted(dict.fromkeys(places), key=lambda place: (place.number, place.label)), problems


def _below(folder: Path, suffix: str) -> list[Path]:
    """Files of that suffix, in letters of any size."""
    return sorted(path for path in folder.rglob("*.*") if path.suffix.lower() == suffix)


def _promising(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except _BROKEN:
        # Cut off or broken: recognised by its name, so that it is reported and not passed over.
        return path.name.lower().startswith("braintumordata")
    if any(number_of(name) for name in names):
        return True
    inner = [name.lower() for name in names if name.lower().endswith(".zip")]
    return any("braintumordata" in name for name in inner) or (
        bool(inner) and any(number_of(name) == FOLDS for name in names)
    )


def _members(path: Path, label: str, scratch: Path) -> Iterator[MatLocation]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            number = number_of(entry.filename)
            inner = f"{label}/{entry.filename}"
            if number is not None:
                yield MatLocation(number, inner, path, entry.filename)
            elif not entry.filename.lower().endswith(".zip"):
                continue
            elif entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & 1:
                yield from _inner(path, _window(path, entry), inner)
            else:
                unpacked = scratch / f"{len(list(scratch.iterdir()))}.zip"
                with archive.open(entry) as packed, unpacked.open("wb") as out:
                    shutil.copyfileobj(packed, out, 2**20)
                yield from _inner(unpacked, None, inner)


def _inner(path: Path, window: tuple[int, int] | None, label: str) -> Iterator[MatLocation]:
    with _open(path, window) as file, zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            number = number_of(name)
            if number is not None:
                yield MatLocation(number, f"{label}/{name}", path, name, window)


def _window(path: Path, entry: zipfile.ZipInfo) -> tuple[int, int]:
    with path.open("rb") as file:
        file.seek(entry.header_offset + 26)
        # The local header's own lengths: they may differ from those of the central directory.
        name, extra = struct.unpack("<HH", file.read(4))
    return entry.header_offset + 30 + name + extra, entry.file_size


def _open(path: Path, window: tuple[int, int] | None) -> IO[bytes]:
    file = path.open("rb")
    return file if window is None else io.BufferedReader(_Window(file, *window))


class _Window(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        wanted = max(0, min(len(view), self._size - self._at))
        self._file.seek(self._start + self._at)
        got = self._file.read(wanted)
        view[: len(got)] = got
        self._at += len(got)
        return len(got)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
