"""Choices that stand in the address, so that a finding can be sent to a colleague by copying it.

Streamlit's own ``bind="query-params"`` writes what a widget *shows* into the address ("Macro F1", "ResNet18 · run of 24
Nov"): such a link breaks with the next better wording. Here the option itself is written. A value that the address has
and the page does not know is ignored, and leaves the address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import streamlit as st

from tumortrace.errors import ConfigError
from tumortrace.inference.model_ref import ModelRef

_DRAWN: Final = "address:drawn"
_ON: Final = "yes"


def choose(
    label: str, options: Sequence[str], key: str, first: str, names: Callable[[str], str], *, hidden: bool = False,
    help: str | None = None,
) -> str:  # fmt: skip
    """A segmented control whose choice stands in the session and, under the same key, in the address.

    Args:
        label: Of the control.
        options: To choose from.
        key: Session-state key and query parameter.
        first: What is chosen on a first visit.
        names: Option to what is shown for it.
        hidden: Whether the label is for screen readers alone.
        help: Behind the question mark.
    """
    told = _arrive(key, key, options, first)
    chosen = st.segmented_control(
        label, list(options), required=True, format_func=names, key=key, persist_state="session", on_change=told,
        label_visibility="collapsed" if hidden else "visible", help=help,
    )  # fmt: skip
    return first if chosen is None else chosen


def select(
    label: str, options: Sequence[str], key: str, first: str, names: Callable[[str], str], *, name: str | None = None
) -> str:
    """A selectbox whose choice stands in the address.

    Args:
        label: Of the box.
        options: To choose from.
        key: Session-state key.
        first: What is chosen on a first visit.
        names: Option to what is shown for it.
        name: Of the query parameter; that of the key by default.
    """
    told = _arrive(key, name or key, options, first)
    return st.selectbox(label, list(options), key=key, format_func=names, persist_state="session", on_change=told)


def switch(label: str, key: str, first: bool = False, *, help: str | None = None) -> bool:
    """A toggle whose state stands in the address, as ``yes`` or ``no``."""
    asked = st.query_params.get(key)
    if asked in (_ON, "no"):
        st.session_state[key] = asked == _ON
    elif asked is not None:
        del st.query_params[key]
    if key not in st.session_state:
        st.session_state[key] = first
    _drawn(key)

    def told() -> None:
        st.query_params[key] = _ON if st.session_state[key] else "no"

    return st.toggle(label, key=key, persist_state="session", on_change=told, help=help)


def benchmark_model(name: str) -> ModelRef | None:
    """What the address asks for where it names a model of the benchmark and its protocol at once; else None.

    Args:
        name: Of the query parameter.
    """
    try:
        asked = ModelRef.parse(st.query_params.get(name, ""))
    except ConfigError:
        return None
    return asked if asked.kind == "benchmark" else None


@contextmanager
def tidied(known: Sequence[str]) -> Iterator[None]:
    """On leaving, drop those of the ``known`` parameters from the address whose control was not drawn inside."""
    st.session_state[_DRAWN] = set()
    yield
    drawn = st.session_state.pop(_DRAWN, set())
    for name in known:
        if name in st.query_params and name not in drawn:
            del st.query_params[name]


def _arrive(key: str, name: str, options: Sequence[str], first: str) -> Callable[[], None]:
    """Take what the address asks for, put what the session keeps into the address; what to do on a change."""
    asked = st.query_params.get(name)
    if asked is not None and asked in options:
        st.session_state[key] = asked
    else:
        if asked is not None:
            del st.query_params[name]
        if st.session_state.get(key) not in options:
            st.session_state[key] = first
        if st.session_state[key] != first:
            st.query_params[name] = st.session_state[key]
    _drawn(name)

    def told() -> None:
        st.query_params[name] = st.session_state[key]

    return told


def _drawn(name: str) -> None:
    held = st.session_state.get(_DRAWN)
    if held is not None:
        held.add(name)
