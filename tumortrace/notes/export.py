"""Notes to take away: CSV that a spreadsheet shows and does not run, and records for JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

from tumortrace.notes.note import Note

COLUMNS: Final = ("id", "dataset", "slice_id", "author", "tags", "comment", "created", "changed", "version")
_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula; the wide ones too."""


def to_csv(notes: Sequence[Note]) -> str:
    """One line a note, tags apart by ``; ``; a text that a spreadsheet would run as a formula begins with ``'``."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for note in notes:
        record = note.record() | {"tags": "; ".join(note.tags)}
        writer.writerow([harmless(record[name]) for name in COLUMNS])
    return out.getvalue()


def harmless(value: Any) -> Any:
    """Text that no spreadsheet takes for a formula; numbers as they are."""
    if isinstance(value, str) and value.lstrip(" \N{NO-BREAK SPACE}").startswith(_STARTS):
        return f"'{value}"
    return value


def to_records(notes: Sequence[Note]) -> list[dict[str, Any]]:
    """Notes as plain values for JSON, with their texts unchanged."""
    return [note.record() for note in notes]
