"""One note: who says what about which slice, within limits.

A dataset's notes belong to its name and the slice's id, so they outlive models and runs. There are no accounts: a name
is taken on trust, and only tells notes apart.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from tumortrace.errors import NotesError

TAGS: Final = ("label suspect", "artefact", "hard", "wrong outline", "interesting")
"""Offered to everybody; a reader may use others."""
LONGEST_AUTHOR: Final = 60
LONGEST_TAG: Final = 40
LONGEST_COMMENT: Final = 2000
LONGEST_ID: Final = 200
MOST_TAGS: Final = 10


@dataclass(frozen=True)
class Note:
    """A note as it is kept."""

    id: int
    dataset: str
    slice_id: str
    author: str
    tags: tuple[str, ...]
    comment: str
    created: str
    """ISO 8601, UTC."""
    changed: str
    version: int
    """Counts up with each change; who changes a note says which version was read."""

    def record(self) -> dict[str, Any]:
        """The note as plain values, for JSON."""
        return {**vars(self), "tags": list(self.tags)}


@dataclass(frozen=True)
class Words:
    """What somebody wants to say, checked."""

    author: str
    tags: tuple[str, ...]
    comment: str


def checked(author: str, tags: Iterable[str], comment: str) -> Words:
    """What may be kept of what was typed.

    Args:
        author: A name.
        tags: Folded to one space between words; upper and lower case are one tag.
        comment: Several lines are fine.

    Raises:
        NotesError: No name, neither tag nor comment, something too long, or characters that are no text.
    """
    name = _line(author, "name", LONGEST_AUTHOR)
    if not name:
        raise NotesError("a note needs a name", value=author, remedy="Say whose note it is, above the tags.")
    found = tuple(dict.fromkeys(tag for tag in (_line(one, "tag", LONGEST_TAG).lower() for one in tags) if tag))
    if len(found) > MOST_TAGS:
        raise NotesError("too many tags", value=len(found), remedy=f"Keep {MOST_TAGS} at most.")
    text = _text(comment, "comment", LONGEST_COMMENT)
    if not found and not text:
        raise NotesError("an empty note says nothing", value=name, remedy="Choose a tag or write a comment.")
    return Words(name, found, text)


def checked_id(value: str, what: str) -> str:
    """The name of a dataset or a slice, as it may stand in the file."""
    found = _line(value, what, LONGEST_ID)
    if not found:
        raise NotesError(f"a note needs a {what}", value=value, remedy="Open the slice that it is about.")
    return found


def _line(value: str, what: str, longest: int) -> str:
    return " ".join(_text(value, what, longest).split())


def _text(value: str, what: str, longest: int) -> str:
    if len(value) > 10 * longest:  # before anything is done with it
        raise _too_long(what, len(value), longest)
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(text) > longest:
        raise _too_long(what, len(text), longest)
    # Control characters, and halves of surrogate pairs, which no file can hold.
    bad = next((one for one in text if unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t"), None)
    if bad is not None:
        raise NotesError(
            f"the {what} holds a character that is no text", value=bad, remedy="Type it anew instead of pasting it."
        )
    return text


def _too_long(what: str, length: int, longest: int) -> NotesError:
    return NotesError(
        f"the {what} is too long", value=f"{length:,} characters", remedy=f"Keep {longest:,} characters at most."
    )
