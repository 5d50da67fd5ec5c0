"""Keep notes and read them again. Nothing is overwritten unseen: who changes a note says which version was read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from tumortrace.errors import NoteConflict, NotesError
from tumortrace.notes.note import Note, checked, checked_id
from tumortrace.notes.schema import reading, writing

_SELECT: Final = """
    SELECT note.id, dataset, slice_id, author, comment, created, changed, version,
           (SELECT group_concat(name, char(10)) FROM (SELECT name FROM tag WHERE note = note.id ORDER BY place)),
           removed
    FROM note
"""


def add(dataset: str, slice_id: str, author: str, tags: Iterable[str] = (), comment: str = "") -> Note:
    """Keep a new note.

    Args:
        dataset: Its name.
        slice_id: The slice's.
        author: Whose note it is.
        tags: Of :data:`~tumortrace.notes.note.TAGS`, or others.
        comment: Free text.

    Raises:
        NotesError: It is empty or too long (see :func:`~tumortrace.notes.note.checked`), or cannot be written.
    """
    words = checked(author, tags, comment)
    where = checked_id(dataset, "dataset"), checked_id(slice_id, "slice")
    now = _now()
    with writing() as connection:
        made = connection.execute(
            "INSERT INTO note (dataset, slice_id, author, comment, created, changed) VALUES (?, ?, ?, ?, ?, ?)",
            (*where, words.author, words.comment, now, now),
        )
        number = int(made.lastrowid or 0)
        _tag(connection, number, words.tags)
    return Note(number, *where, words.author, words.tags, words.comment, now, now, 1)


def change(number: int, version: int, author: str, tags: Iterable[str], comment: str) -> Note:
    """Say something else in one's own note.

    Args:
        number: The note's id.
        version: The one that was read.
        author: Who changes it; only its author may.
        tags: New ones.
        comment: New one.

    Raises:
        NoteConflict: It was changed or removed since it was read.
        NotesError: It is another's, or says nothing, or cannot be written.
    """
    words = checked(author, tags, comment)
    with writing() as connection:
        _own(connection, number, version, words.author)
        connection.execute(
            "UPDATE note SET comment = ?, changed = ?, version = version + 1 WHERE id = ?",
            (words.comment, _now(), number),
        )
        connection.execute("DELETE FROM tag WHERE note = ?", (number,))
        _tag(connection, number, words.tags)
        return _read(connection, number)[0]


def remove(number: int, version: int, author: str) -> int:
    """Take one's own note away; it can be brought back with :func:`restore`.

    Returns:
        The version to give to :func:`restore`.

    Raises:
        NoteConflict: It was changed or removed since it was read.
        NotesError: It is another's, or cannot be written.
    """
    return _set_removed(number, version, author, gone=True)


def restore(number: int, version: int, author: str) -> int:
    """Bring back a note that was removed; the arguments and errors are those of :func:`remove`."""
    return _set_removed(number, version, author, gone=False)


def notes(dataset: str | None = None, slice_id: str | None = None, tag: str | None = None) -> list[Note]:
    """Notes, the newest first.

    Args:
        dataset: Of this one only.
        slice_id: Of this slice only.
        tag: With this tag only.

    Raises:
        NotesError: They cannot be read.
    """
    wanted, values = ["removed = 0"], []
    for column, value in (("dataset", dataset), ("slice_id", slice_id)):
        if value is not None:
            wanted.append(f"{column} = ?")
            values.append(value)
    if tag is not None:
        wanted.append("EXISTS (SELECT 1 FROM tag WHERE note = note.id AND name = ?)")
        values.append(tag.lower())
    with reading() as connection:
        if connection is None:
            return []
        rows = connection.execute(f"{_SELECT} WHERE {' AND '.join(wanted)} ORDER BY note.id DESC", values)
        return [_note(row) for row in rows]


def tags_of(dataset: str, slice_ids: Iterable[str] | None = None) -> dict[str, tuple[str, ...]]:
    """The tags that anybody gave to slices: what a gallery marks and filters by.

    Args:
        dataset: Its name.
        slice_ids: Those asked for; None for all of the dataset.

    Returns:
        Slice id to its tags, the most given first; a slice with a comment alone has none but is there; a slice
        without a note is not.

    Raises:
        NotesError: They cannot be read.
    """
    with reading() as connection:
        if connection is None:
            return {}
        # Notes are few and slices may be many: all of the dataset are read, and those asked for kept.
        rows = connection.execute(
            "SELECT slice_id, name FROM note LEFT JOIN tag ON tag.note = note.id WHERE dataset = ? AND removed = 0"
            " ORDER BY note.id, place",
            (dataset,),
        ).fetchall()
    counts: dict[str, dict[str, int]] = {}
    asked = None if slice_ids is None else {str(one) for one in slice_ids}
    for slice_id, name in rows:
        if asked is None or slice_id in asked:
            held = counts.setdefault(slice_id, {})
            if name is not None:
                held[name] = held.get(name, 0) + 1
    return {one: tuple(sorted(held, key=lambda name: -held[name])) for one, held in counts.items()}


def tags_in_use(dataset: str | None = None) -> dict[str, int]:
    """Every tag and how many slices have it, the most used first.

    Raises:
        NotesError: They cannot be read.
    """
    with reading() as connection:
        if connection is None:
            return {}
        where, values = ("", ()) if dataset is None else (" AND dataset = ?", (dataset,))
        rows = connection.execute(
            "SELECT name, count(DISTINCT dataset || char(10) || slice_id) AS slices FROM tag"
            f" JOIN note ON note.id = tag.note WHERE removed = 0{where} GROUP BY name ORDER BY slices DESC, name",
            values,
        )
        return {str(name): int(count) for name, count in rows}


def _set_removed(number: int, version: int, author: str, *, gone: bool) -> int:
    with writing() as connection:
        _own(connection, number, version, author.strip(), gone=not gone)
        connection.execute(
            "UPDATE note SET removed = ?, changed = ?, version = version + 1 WHERE id = ?", (int(gone), _now(), number)
        )
    return version + 1


def _own(connection: sqlite3.Connection, number: int, version: int, author: str, *, gone: bool = False) -> None:
    found, removed = _read(connection, number)
    if found.author != author:
        raise NotesError("this is somebody else's note", value=found.author, remedy="Add a note of your own instead.")
    if found.version != version or removed != gone:
        raise NoteConflict(
            "this note was changed in the meantime", value=f"note {number}",
            remedy="Read it again; what you typed is still here.",
        )  # fmt: skip


def _read(connection: sqlite3.Connection, number: int) -> tuple[Note, bool]:
    row = connection.execute(f"{_SELECT} WHERE note.id = ?", (number,)).fetchone()
    if row is None:
        raise NoteConflict("there is no such note", value=f"note {number}", remedy="Open the list of notes again.")
    return _note(row), bool(row[9])


def _note(row: tuple[object, ...]) -> Note:
    number, dataset, slice_id, author, comment, created, changed, version, tags, _ = row
    names = tuple(str(tags).split("\n")) if tags else ()
    return Note(
        int(str(number)), str(dataset), str(slice_id), str(author), names, str(comment), str(created), str(changed),
        int(str(version)),
    )  # fmt: skip


def _tag(connection: sqlite3.Connection, number: int, names: Iterable[str]) -> None:
    connection.executemany(
        "INSERT INTO tag (note, place, name) VALUES (?, ?, ?)",
        [(number, place, name) for place, name in enumerate(names)],
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
