"""Opening several files at once: zips unpacked, each file read by itself, DICOM slices of one series put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tumortrace.errors import InputError
from tumortrace.imaging.formats import archives, series
from tumortrace.imaging.formats.handle import Handle
from tumortrace.imaging.formats.limits import FILE_BYTES
from tumortrace.imaging.formats.opened import Opened, Refused
from tumortrace.imaging.formats.sniff import sniff

Progress = Callable[[int, int], None]


def open_files(files: Sequence[tuple[str, bytes]], progress: Progress | None = None) -> list[Opened | Refused]:
    """Open uploaded files.

    Args:
        files: Names and contents. What a file is, its content decides; zips are opened, and files that systems leave
            beside images (``.DS_Store``, ``DICOMDIR``) are skipped.
        progress: Called after each file with how many are done and how many there are, those in zips counted.

    Returns:
        One entry a file, or a DICOM series, in the order given. A bad file spoils no other.
    """
    leaves = list(_leaves(files))
    results: list[Handle | Refused] = []
    for done, (name, content) in enumerate(leaves, start=1):
        results.append(_open(name, content))
        if progress is not None:
            progress(done, len(leaves))
    return series.together(results)


def _leaves(files: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, bytes | InputError]]:
    """The files, and those in zips."""
    wanted = [(name, data) for name, data in files if not archives.is_junk(name)]
    # Somebody who gives nothing but a DICOMDIR should hear of it.
    for name, data in wanted or files:
        if data[:2] != b"PK" or len(data) > FILE_BYTES:
            yield name, data
            continue
        try:
            sniff(data, name)
            yield from archives.members(data, name)
        except InputError as error:
            yield name, error


def _open(name: str, content: bytes | InputError) -> Handle | Refused:
    if isinstance(content, InputError):
        return Refused(name, content)
    try:
        if len(content) > FILE_BYTES:
            raise InputError(
                f"the file is larger than {FILE_BYTES // 2**20} MB", value=name, remedy="Crop or reduce it."
            )
        return Handle.open(name, content, sniff(content, name))
    except InputError as error:
        return Refused(name, error)
