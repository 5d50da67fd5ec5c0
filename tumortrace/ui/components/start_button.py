"""A button that starts something which takes a while to be seen, and must not start it twice.

A second click on the button, while the page has not answered the first, reaches a server that has started already. So
the button that was answered is gone, and the page draws another one.
"""

from __future__ import annotations

import streamlit as st

from tumortrace.ui.shell import state


def button(label: str, key: str, *, disabled: bool = False) -> bool:
    """Draw it, and say whether it was clicked; whoever starts something then calls :func:`answered`.

    Args:
        label: What stands on it.
        key: Unique on the page.
        disabled: Whether it is off.
    """
    name = f"{key}_{_turn(key)}"
    return st.button(label, type="primary", icon=":material/play_arrow:", key=name, disabled=disabled)


def answered(key: str) -> None:
    """What it stands for was started: clicks on it come too late from now on. Nothing may be drawn in between."""
    st.session_state[f"{state.ANSWERED}{key}"] = _turn(key) + 1


def _turn(key: str) -> int:
    return int(st.session_state.get(f"{state.ANSWERED}{key}", 0))
