"""What the gallery's filters hold, and how a callback changes them. Every key is a query parameter as well."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import streamlit as st

from tumortrace.constants import FOLDS, PROTOCOLS
from tumortrace.data.query import SORTS, Query, Table
from tumortrace.ui.gallery import selection
from tumortrace.ui.gallery import table as gallery_table
from tumortrace.ui.shell import state

ASCENDING: Final = "ascending"
DESCENDING: Final = "descending"
NAMES: Final = {
    "classes": (state.GALLERY_CLASSES, "class"),
    "planes": (state.GALLERY_PLANES, "plane"),
    "text": (state.GALLERY_TEXT, "text"),
    "patient": (state.GALLERY_PATIENT, "patient"),
    "person": (state.GALLERY_PERSON, "person"),
    "fold": (state.GALLERY_FOLD, "fold"),
    "area": (state.GALLERY_AREA, "tumour area"),
    "place": (state.GALLERY_PLACE, "place in its series"),
    "doubted": (state.GALLERY_DOUBTED, "label in doubt"),
    "missed": (state.GALLERY_MISSED, "misclassified by"),
}
"""Part of a query to its widget's key and its name for people."""


def plain(table: Table) -> dict[str, Any]:
    """What each filter's widget holds when it asks for nothing."""
    usable = protocols(table)
    return {
        state.GALLERY_CLASSES: [], state.GALLERY_PLANES: [], state.GALLERY_TEXT: "", state.GALLERY_PATIENT: None,
        state.GALLERY_PERSON: None, state.GALLERY_PROTOCOL: usable[0] if usable else None, state.GALLERY_FOLD: None,
        state.GALLERY_AREA: span(table, "area"), state.GALLERY_PLACE: span(table, "place"),
        state.GALLERY_DOUBTED: None, state.GALLERY_MISSED: None,
    }  # fmt: skip


def span(table: Table, column: str) -> tuple[int, int] | None:
    """The least and the greatest of a column, as whole numbers; None where there is nothing to choose between."""
    known = table.order[column][~np.isnan(table.order[column])]
    if not len(known) or math.floor(known.min()) == math.ceil(known.max()):
        return None
    return math.floor(known.min()), math.ceil(known.max())


def protocols(table: Table) -> list[str]:
    """Protocols under which any slice has a fold."""
    return [name for name in PROTOCOLS if table.rows[name].notna().any()]


def flags(table: Table, start: str) -> list[str]:
    """What the flags of one kind are called, without what they begin with."""
    return [name.removeprefix(start) for name in table.flags if name.startswith(start)]


def fit(table: Table, dataset: str) -> None:
    """Before any widget is drawn: what was chosen on another dataset, or does not exist, asks for nothing again.

    Every key is in the session afterwards. Streamlit takes a value that is set before a widget's first run into the
    address only if its key was known before.
    """
    kept = st.session_state
    if kept.get(state.GALLERY_DATASET) not in (None, dataset):
        reset(table)
    kept[state.GALLERY_DATASET] = dataset
    for key, value in plain(table).items():
        if key not in kept or not _fits(table, key, kept[key]):
            kept[key] = value
    if kept.get(state.GALLERY_SORT) not in SORTS:
        kept[state.GALLERY_SORT] = "slice"


def _fits(table: Table, key: str, value: Any) -> bool:
    """Whether a filter's widget can hold this value."""
    if value == plain(table)[key]:
        return True
    if key in (state.GALLERY_AREA, state.GALLERY_PLACE):
        ends = span(table, "area" if key == state.GALLERY_AREA else "place")
        return ends is not None and isinstance(value, tuple) and ends[0] <= value[0] <= value[1] <= ends[1]
    allowed: dict[str, Iterable[Any]] = {
        state.GALLERY_PROTOCOL: protocols(table), state.GALLERY_FOLD: FOLDS,
        state.GALLERY_PATIENT: table.codes["patient_id"][1], state.GALLERY_PERSON: table.codes["person_id"][1],
        state.GALLERY_DOUBTED: flags(table, gallery_table.DOUBTED),
        state.GALLERY_MISSED: flags(table, gallery_table.MISSED),
    }  # fmt: skip
    return value in allowed[key] if key in allowed else isinstance(value, str if key == state.GALLERY_TEXT else list)


def reset(table: Table) -> None:
    """Ask for nothing, and take a choice from another section back (a callback)."""
    selection.clear()
    for key, value in plain(table).items():
        st.session_state[key] = value


def drop(table: Table, key: str) -> None:
    """Let one filter ask for nothing (a callback)."""
    st.session_state[key] = plain(table)[key]
    selection.first_page()


def show_only(table: Table, **wanted: Any) -> None:
    """Go to the gallery with these filters and no others (a callback).

    Args:
        table: Of the dataset on show.
        wanted: Parts of a query (``classes=["glioma"]``, ``fold=2`` with ``protocol="person"``, ``area=(100, 400)``).
    """
    reset(table)
    for name, value in wanted.items():
        key = state.GALLERY_PROTOCOL if name == "protocol" else NAMES[name][0]
        if name in ("area", "place"):
            ends = span(table, name)
            if ends is None:
                continue
            low, high = (min(max(int(end), ends[0]), ends[1]) for end in value)
            value = (low, high)
        st.session_state[key] = value
    selection.show_gallery()


def asked(table: Table) -> Query:
    """What the widgets ask for."""
    kept = st.session_state
    at_rest = plain(table)

    def held(key: str) -> Any:
        return kept.get(key, at_rest.get(key))

    def ends(key: str) -> Any:
        return None if held(key) == at_rest[key] else held(key)

    def flag(start: str, key: str) -> str | None:
        return None if held(key) is None else f"{start}{held(key)}"

    choice = selection.picked()
    return Query(
        classes=tuple(held(state.GALLERY_CLASSES)), planes=tuple(held(state.GALLERY_PLANES)),
        patient=held(state.GALLERY_PATIENT), person=held(state.GALLERY_PERSON),
        protocol=held(state.GALLERY_PROTOCOL), fold=held(state.GALLERY_FOLD),
        area=ends(state.GALLERY_AREA), place=ends(state.GALLERY_PLACE),
        doubted=flag(gallery_table.DOUBTED, state.GALLERY_DOUBTED),
        missed=flag(gallery_table.MISSED, state.GALLERY_MISSED),
        text=held(state.GALLERY_TEXT), among=None if choice is None else frozenset(choice[0]),
        sort=kept.get(state.GALLERY_SORT, "slice"), descending=kept.get(state.GALLERY_ORDER) == DESCENDING,
    )  # fmt: skip


def asking(table: Table, names: Iterable[str] = NAMES) -> int:
    """How many of these filters ask for anything."""
    at_rest = plain(table)
    keys = [NAMES[name][0] for name in names]
    return sum(st.session_state.get(key, at_rest[key]) != at_rest[key] for key in keys)
