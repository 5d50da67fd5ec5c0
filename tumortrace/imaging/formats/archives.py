"""Zips, unpacked in memory. Names in them are never used as paths."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from tumortrace.errors import InputError
from tumortrace.imaging.formats.limits import ARCHIVE_BYTES, FILE_BYTES, MEMBERS
from tumortrace.imaging.formats.sniff import REMEDY

_JUNK: Final = frozenset({".ds_store", "thumbs.db", "desktop.ini", "dicomdir", "__macosx"})
_ENCRYPTED: Final = 0x1
_OFFICE: Final = "[Content_Types].xml"
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, LookupError,
    OverflowError, MemoryError, AssertionError,
)  # fmt: skip


def is_junk(name: str) -> bool:
    """Whether a file is one that systems leave beside images; such are skipped without a word."""
    parts = [part.lower() for part in PurePosixPath(name.replace("\\", "/")).parts]
    return not parts or parts[-1].startswith("._") or not _JUNK.isdisjoint(parts)


def members(data: bytes, name: str) -> Iterator[tuple[str, bytes | InputError]]:
    """The files in a zip: each ``archive.zip › inner/path`` and its bytes, or why it was refused.

    Raises:
        InputError: The zip as a whole is broken, hostile or empty.
    """
    # Counted before the directory is read, which takes its time when there are millions.
    if (count := data.count(b"PK\x01\x02")) > MEMBERS:
        raise InputError(
            f"the zip has more than {MEMBERS} entries", value=f"{name}: {count}", remedy="Give fewer at once."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check(archive, name)
            yield from _unpacked(archive, name)
    except _BROKEN as error:
        raise InputError("the zip is broken or cut off", value=name, remedy="Pack it again.") from error


def _check(archive: zipfile.ZipFile, name: str) -> None:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if _OFFICE in names:
        raise InputError("this is an Office document", value=name, remedy=REMEDY)
    if all(entry.is_dir() or is_junk(entry.filename) for entry in entries):
        raise InputError("there is no file in the zip that could be an image", value=name, remedy=REMEDY)
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise InputError("the zip is locked with a password", value=name, remedy="Unpack it and give the files.")
    size = sum(entry.file_size for entry in entries)
    if size > ARCHIVE_BYTES:
        raise InputError(
            f"the zip unpacks to more than {ARCHIVE_BYTES // 2**20} MB",
            value=f"{name}: {size // 2**20} MB",
            remedy="Give fewer files at once.",
        )
    ends = 0
    for entry in sorted(entries, key=lambda each: each.header_offset):
        # At least 30 bytes of header and the data; overlapping entries are how small zips unpack to terabytes.
        if entry.header_offset < ends:
            raise InputError("the entries of the zip overlap", value=name, remedy="Pack it again.")
        ends = entry.header_offset + 30 + entry.compress_size


def _unpacked(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[str, bytes | InputError]]:
    seen: dict[str, int] = {}
    for entry in archive.infolist():
        if entry.is_dir() or is_junk(entry.filename):
            continue
        seen[entry.filename] = seen.get(entry.filename, 0) + 1
        again = f" ({seen[entry.filename]})" if seen[entry.filename] > 1 else ""
        shown = f"{name} › {entry.filename}{again}"
        try:
            yield shown, _member(archive, entry, shown)
        except InputError as error:
            yield shown, error
        except _BROKEN:
            yield (
                shown,
                InputError("this file of the zip is broken or cut off", value=shown, remedy="Pack it again."),
            )


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shown: str) -> bytes:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
        raise InputError("this name points outside the zip", value=shown, remedy="Pack it again.")
    # Other methods can be told to take gigabytes for a dictionary.
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise InputError("this file is packed in an uncommon way", value=shown, remedy="Pack it as an ordinary zip.")
    if entry.file_size > FILE_BYTES:
        raise InputError(f"the file is larger than {FILE_BYTES // 2**20} MB", value=shown, remedy="Crop or reduce it.")
    with archive.open(entry) as file:
        content = file.read(entry.file_size + 1)
        if len(content) != entry.file_size or file.read(1):
            raise InputError("the size of this file is not what the zip says", value=shown, remedy="Pack it again.")
    if content[:4] == b"PK\x03\x04":
        raise InputError("this is a zip in a zip", value=shown, remedy="Give it on its own.")
    return content
