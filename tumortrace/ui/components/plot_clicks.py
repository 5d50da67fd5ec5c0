"""Figures that lead somewhere: what is clicked or drawn around goes to a callback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import streamlit as st

from tumortrace.charts import theme
from tumortrace.ui.shell import state

Points = list[dict[str, Any]]
Taken = Callable[[Points, list[dict[str, Any]]], None]
_CONFIG: Final = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "autoScale2d"]}


def show_clickable(
    figure: Any, key: str, taken: Taken, modes: Sequence[Literal["points", "box"]] = ("points",)
) -> None:
    """Draw a figure and listen.

    Args:
        figure: From :mod:`tumortrace.charts`; what can be clicked on carries ``customdata``.
        key: Unique on the page.
        taken: Called in a callback with the points (each with ``customdata``) and the boxes drawn, if there are any;
            taking a selection back calls nothing.
        modes: What a reader may do.
    """
    # A figure that comes back brings its selection along, and would lead away at once: each time it is a new one.
    turn = f"{state.CLICKED}{key}"
    name = f"plot_{key}_{st.session_state.get(turn, 0)}"

    def changed() -> None:
        held = st.session_state.get(name)
        if held is None:
            return  # of a figure that is no longer there
        selection = held["selection"]
        points, boxes = list(selection["points"]), list(selection["box"])
        if points or boxes:
            st.session_state[turn] = st.session_state.get(turn, 0) + 1
            taken(points, boxes)

    st.plotly_chart(
        figure, width="stretch", key=name, on_select=changed, selection_mode=modes, config=_CONFIG,
        alt=theme.alt_text(figure),
    )  # fmt: skip


def points_of(key: str) -> Points:
    """What is selected in the figure of that key, in its callback; nothing where the figure is no longer there."""
    held = st.session_state.get(key)
    return [] if held is None else list(held.selection.points)
