"""The Errors page's address: view, model, protocol, cell, slice and the model compared with.

The address leads; where it is silent the session's last choice holds, and what differs from the default is written back
into it, so that the address in the bar is always the one to send to a colleague.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from tumortrace.ui.shell import state

VIEW: Final = "view"
MODEL: Final = "model"
PROTOCOL: Final = "protocol"
CELL: Final = "cell"
COMPARE: Final = "compare"
PATIENT: Final = "patient"
SEED: Final = "seed"
KEYS: Final = {
    VIEW: state.ERRORS_VIEW,
    MODEL: state.ERRORS_MODEL,
    PROTOCOL: state.ERRORS_PROTOCOL,
    CELL: state.ERRORS_CELL,
    COMPARE: state.ERRORS_COMPARE,
    PATIENT: state.ERRORS_PATIENT,
}
"""Query parameter to the session-state key of its widget."""


def settle(name: str, options: Sequence[str | None], first: str | None) -> str | None:
    """Decide a choice before its widget is drawn, and put it where the widget finds it.

    Args:
        name: Query parameter, a key of :data:`KEYS`.
        options: What may be chosen; a wish from the address that is none of them is dropped and remembered by
            :func:`dropped`.
        first: Chosen where neither the address nor the session says anything.
    """
    key = KEYS[name]
    asked = st.query_params.get(name)
    if asked is not None and asked in options:
        st.session_state[key] = asked
    elif asked is not None or key not in st.session_state or st.session_state[key] not in options:
        st.session_state[key] = first
    if asked is not None and asked not in options:
        _dropped().append(f"{name}={asked[:80]}")
    chosen: str | None = st.session_state[key]
    _write(name, None if chosen == first else chosen)
    return chosen


def on_change(name: str, *reset: str) -> None:
    """The reader chose something with a widget (a callback): write it, and forget what hung on the old choice."""
    _write(name, st.session_state.get(KEYS[name]))
    for other in reset:
        st.query_params.pop(other, None)


def choose(name: str, value: str | None) -> None:
    """Choose without the widget (a callback): a click on a figure, a link inside the page."""
    st.session_state[KEYS[name]] = value
    _write(name, value)


def open_slice(slice_id: str | None, seed: int = 0, view: str | None = None) -> None:
    """Show a slice large (a callback), or go back to the list with None."""
    if slice_id is None:
        for name in (state.SLICE, SEED):
            st.query_params.pop(name, None)
        return
    st.query_params[state.SLICE] = slice_id
    if seed:
        st.query_params[SEED] = str(seed)
    else:
        st.query_params.pop(SEED, None)
    if view is not None:
        choose(VIEW, view)


def asked_slice() -> tuple[str, int] | None:
    """The slice that the address names, and its seed."""
    found = st.query_params.get(state.SLICE)
    if not found:
        return None
    seed = st.query_params.get(SEED, "0")
    return found, int(seed) if seed.isdecimal() and len(seed) < 10 else 0


def wish(name: str) -> None:
    """Remember a wish of the address that cannot be met."""
    _dropped().append(name[:120])


def dropped() -> list[str]:
    """What the address asked for and is not there, since this was last asked; empty after it."""
    found = list(_dropped())
    _dropped().clear()
    return found


def _dropped() -> list[str]:
    found: list[str] = st.session_state.setdefault(state.ERRORS_DROPPED, [])
    return found


def _write(name: str, value: str | None) -> None:
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value
