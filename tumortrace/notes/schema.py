"""The file of notes: SQLite in write-ahead mode, one connection a call, brought to this version when first written to.

Several servers and command lines may use it at once: a writer waits for another, readers wait for nobody. Whoever
reads makes nothing; the file appears with the first note.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tumortrace import paths
from tumortrace.errors import NotesError

FILE: Final = "notes.db"
PATIENCE: Final = 5.0
"""Seconds to wait for another writer."""
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE note (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        dataset TEXT NOT NULL, slice_id TEXT NOT NULL, author TEXT NOT NULL, comment TEXT NOT NULL,
        created TEXT NOT NULL, changed TEXT NOT NULL,
        version INTEGER NOT NULL DEFAULT 1, removed INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE tag (
        note INTEGER NOT NULL REFERENCES note (id), place INTEGER NOT NULL, name TEXT NOT NULL,
        PRIMARY KEY (note, name)
    ) WITHOUT ROWID;
    CREATE INDEX note_of_slice ON note (dataset, slice_id);
    """,
)
"""From each version to the next; a step that has been released is never changed, only followed by another."""


def path() -> Path:
    """Where the notes are."""
    return paths.home() / FILE


@contextmanager
def reading() -> Iterator[sqlite3.Connection | None]:
    """A connection that changes nothing; None where there are no notes yet.

    Raises:
        NotesError: The file cannot be read, or a newer TumorTrace wrote it.
    """
    file = path()
    if not file.is_file():
        yield None
        return
    with _said(file), _closed(_for_reading(file)) as connection:
        if _version(connection) < len(MIGRATIONS):
            # Made an instant ago and not yet filled, or left by an older version: bring it up to date, then read.
            connection.close()
            with writing():
                pass
            connection = _for_reading(file)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def writing() -> Iterator[sqlite3.Connection]:
    """A connection inside a transaction: all of it is kept, or nothing.

    Raises:
        NotesError: The disk is full or may not be written, the file is damaged or too new, or others kept it too long.
    """
    file = path()
    with _said(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with _closed(sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)) as connection:
            _write_ahead(connection)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")  # the version is read with the lock held: one process migrates
            try:
                _migrate(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise


def _migrate(connection: sqlite3.Connection) -> None:
    for number in range(_version(connection), len(MIGRATIONS)):
        for statement in MIGRATIONS[number].split(";"):  # executescript would end the transaction
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number + 1}")


def _version(connection: sqlite3.Connection) -> int:
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > len(MIGRATIONS):
        raise NotesError(
            "the notes were written by a newer TumorTrace", value=str(path()),
            remedy=f"Use that version, or move the file away (it has version {found}, known are {len(MIGRATIONS)}).",
        )  # fmt: skip
    return found


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch once; the switch itself does not wait for others, so it is tried again."""
    deadline = time.monotonic() + PATIENCE
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _for_reading(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        # On a disk that may not be written there is no place for the shared index; nobody writes there either.
        connection.close()
        connection = sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        connection.execute("PRAGMA user_version").fetchone()
    return connection


@contextmanager
def _closed(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _said(file: Path) -> Iterator[None]:
    """Turn what the disk or SQLite says into one clear error."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            what, remedy = "somebody else is writing notes and does not finish", "Try again in a moment."
        elif "full" in text or "No space" in text or "quota" in text:
            what, remedy = "the disk is full: the note was not kept", "Free some space and save it again."
        elif "readonly" in text or "Read-only" in text or "unable to open" in text or isinstance(error, OSError):
            what, remedy = "notes cannot be written or read here", "Give TUMORTRACE_HOME a folder that may be written."
        else:
            what, remedy = f"the file of notes is damaged ({text})", "Move it away, or restore it from a backup."
        raise NotesError(what, value=str(file), remedy=remedy) from error
