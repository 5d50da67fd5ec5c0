"""The clickable confusion matrix: a click on a cell opens its slices; a select box does the same without a mouse."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from tumortrace.charts import confusion as charts
from tumortrace.charts import theme
from tumortrace.constants import CLASSES
from tumortrace.ui.components import plot_clicks
from tumortrace.ui.errors import address
from tumortrace.ui.errors.rows import Errors
from tumortrace.ui.shell import results_index, state

MISTAKES: Final = "mistakes"
"""No cell is open: every mistake is listed."""
CELLS: Final = (MISTAKES, *(charts.cell_name(true, said) for true in CLASSES for said in CLASSES))


def render(errors: Errors) -> str:
    """The matrix, and the choice of a cell.

    Returns:
        One of :data:`CELLS`.
    """
    frame = counted(errors.rows)
    chosen = address.settle(address.CELL, CELLS, MISTAKES) or MISTAKES
    key = f"door_{errors.source.key}"
    figure = charts.matrix(frame, chosen)
    st.plotly_chart(
        figure, width="stretch", key=key, on_select=lambda: _clicked(key), selection_mode="points",
        config={"displayModeBar": False}, alt=theme.alt_text(figure),
    )  # fmt: skip
    counts = {charts.cell_name(line["true"], line["predicted"]): line["count"] for line in frame.to_dict("records")}
    counts[MISTAKES] = int((~errors.rows["correct"]).sum())
    st.selectbox(
        "Show the slices of", CELLS, key=state.ERRORS_CELL, persist_state="session",
        format_func=lambda name: f"{words(name)} ({counts[name]:,})",
        on_change=_told, help="The same as a click on a cell of the matrix.",
    )  # fmt: skip
    st.caption(results_index.rests_on(errors.source.report))
    return chosen


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """The confusion matrix of rows with the truth: ``true, predicted, count, share, support``, nine of them."""
    counts = rows.groupby(["true_class", "predicted_class"]).size()
    support = rows["true_class"].value_counts()
    lines = []
    for true in CLASSES:
        of = int(support.get(true, 0))
        for said in CLASSES:
            count = int(counts.get((true, said), 0))
            share = count / of if of else None
            lines.append({"true": true, "predicted": said, "count": count, "share": share, "support": of})
    return pd.DataFrame(lines)


def inside(rows: pd.DataFrame, cell: str) -> pd.DataFrame:
    """The rows of a cell, or every mistake."""
    if cell == MISTAKES:
        return rows[~rows["correct"]]
    true, said = cell.split("-")
    return rows[(rows["true_class"] == true) & (rows["predicted_class"] == said)]


def words(cell: str) -> str:
    """A cell as a reader says it: ``glioma taken for meningioma``."""
    if cell == MISTAKES:
        return "all mistakes"
    true, said = cell.split("-")
    return f"{true} named rightly" if true == said else f"{true} taken for {said}"


def choose(cell: str) -> None:
    """Open a cell (a callback); narrower wishes about its classes fall away."""
    address.choose(address.CELL, None if cell == MISTAKES else cell)
    st.session_state[state.ERRORS_CELL] = cell
    _fresh()


def _clicked(key: str) -> None:
    names = [str(point.get("customdata")) for point in plot_clicks.points_of(key)]
    if names and names[0] in CELLS:
        choose(names[0])


def _told() -> None:
    choose(st.session_state[state.ERRORS_CELL])


def _fresh() -> None:
    for name in (state.ERRORS_TRUE, state.ERRORS_PREDICTED):
        st.session_state[name] = []
    st.session_state.pop(state.ERRORS_PAGE, None)
    address.open_slice(None)
