"""The clickable confusion matrix, and two matrices less each other.

A heatmap answers no click in the app, so invisible marks lie over its cells; a click anywhere takes the nearest.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    CLEAR,
    DIVERGING,
    FONT_SIZE,
    classes_in,
    empty_figure,
    new_figure,
    number_rows,
    shown,
    undefined,
)

NOTHING: Final = "No predictions to count yet."
_CHOSEN: Final = "#8A2BB5"
"""The frame of the chosen cell: no class's colour, and seen on blue, orange and both pages."""
_RIGHT_SHADE: Final = 0.75


def cell_name(true: str, predicted: str) -> str:
    """What a cell is called in the address: ``glioma-meningioma`` is glioma taken for meningioma."""
    return f"{true}-{predicted}"


def matrix(frame: pd.DataFrame, chosen: str | None = None) -> go.Figure:
    """The confusion matrix to click on: errors in orange by their share of the true class, the rest in blue.

    Args:
        frame: ``true, predicted, count, share, support``.
        chosen: The cell that is open (:func:`cell_name`); framed.
    """
    if frame.empty:
        return empty_figure(NOTHING)
    names = classes_in(frame, "true")
    cells = {(str(cell["true"]), str(cell["predicted"])): cell for cell in frame.to_dict("records")}
    wrong = [(pair, cell) for pair, cell in cells.items() if pair[0] != pair[1] and int(cell["count"])]
    worst = max(wrong, key=lambda one: float(one[1]["share"]), default=None)
    most = 1.0 if worst is None else float(worst[1]["share"])
    said = (
        "No prediction is wrong"
        if worst is None
        else f"Most often {worst[0][0]} is taken for {worst[0][1]}: {int(worst[1]['count']):,} slices"
    )
    figure = new_figure(
        f"Confusion matrix, rows true and columns predicted. {said}.", x="Predicted class", y="True class", height=380
    )
    grid = [[cells[row, column] for column in names] for row in names]
    shades = [[_shade(cell, most) for cell in line] for line in grid]
    _heat(figure, shades, [[_counted(cell) for cell in line] for line in grid])
    places = [(row, column) for row in range(len(names)) for column in range(len(names))]
    _door(
        figure,
        places,
        [cell_name(names[row], names[column]) for row, column in places],
        [_sentence(grid[row][column]) for row, column in places],
    )
    if chosen is not None:
        for row, column in places:
            if cell_name(names[row], names[column]) == chosen:
                _frame(figure, row, column)
    _axes(figure, names, [f"{name}<br>n = {int(cells[name, name]['support']):,}" for name in names])
    return figure


def difference(frame: pd.DataFrame, first: str, second: str) -> go.Figure:
    """One confusion matrix less another on the same slices: blue where the first does better, orange where worse.

    Args:
        frame: ``true, predicted, first, second, difference, support``; counts of slices.
        first: A model's name.
        second: The other's.
    """
    if frame.empty:
        return empty_figure("These two were not tested on the same slices.")
    names = classes_in(frame, "true")
    cells = {(str(cell["true"]), str(cell["predicted"])): cell for cell in frame.to_dict("records")}
    most = max(1, *(abs(int(cell["difference"])) for cell in cells.values()))
    gained = ", ".join(f"{name} {_signed(cells[name, name]['difference'])}" for name in names)
    figure = new_figure(
        f"Confusion matrix of {first} less that of {second}, in slices. Named rightly: {gained}.",
        x="Predicted class",
        y="True class",
        height=400,
    )
    grid = [[cells[row, column] for column in names] for row in names]
    # More on the diagonal is better, and fewer beside it.
    shades = [[int(cell["difference"]) / most * _side(cell) for cell in line] for line in grid]
    texts = [
        [
            f"<span style='font-size:{FONT_SIZE + 8}px'><b>{_signed(cell['difference'])}</b></span><br>"
            f"{int(cell['first']):,} against {int(cell['second']):,}"
            for cell in line
        ]
        for line in grid
    ]
    _heat(figure, shades, texts)
    _axes(figure, names, [f"{name}<br>n = {int(cells[name, name]['support']):,}" for name in names])
    return figure


def _heat(figure: go.Figure, shades: list[list[float]], texts: list[list[str]]) -> None:
    figure.add_heatmap(
        x=list(range(len(shades))),
        y=list(range(len(shades))),
        z=shades,
        text=texts,
        texttemplate="%{text}",
        textfont={"size": FONT_SIZE - 1},
        zmin=-1,
        zmax=1,
        colorscale=[list(stop) for stop in DIVERGING],
        showscale=False,
        xgap=4,
        ygap=4,
        hoverinfo="skip",
    )


def _door(figure: go.Figure, places: list[tuple[int, int]], names: list[str], sentences: list[str]) -> None:
    figure.add_scatter(
        x=[column for _, column in places],
        y=[row for row, _ in places],
        mode="markers",
        marker={"symbol": "square", "size": 44, "color": CLEAR, "line": {"width": 0}},
        customdata=names,
        text=sentences,
        hovertemplate="%{text}<extra></extra>",
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        showlegend=False,
    )
    figure.update_layout(hoverdistance=-1, hovermode="closest", dragmode=False)


def _frame(figure: go.Figure, row: int, column: int) -> None:
    figure.add_shape(
        type="rect",
        x0=column - 0.48,
        x1=column + 0.48,
        y0=row - 0.48,
        y1=row + 0.48,
        line={"color": _CHOSEN, "width": 4},
        name="chosen",
    )


def _axes(figure: go.Figure, names: list[str], rows: list[str]) -> None:
    number_rows(figure, len(names))
    figure.update_yaxes(
        range=[len(names) - 0.5, -0.5], tickvals=list(range(len(names))), ticktext=rows, fixedrange=True
    )
    figure.update_xaxes(
        range=[-0.5, len(names) - 0.5], tickvals=list(range(len(names))), ticktext=names, showgrid=False,
        tickangle=0, fixedrange=True,
    )  # fmt: skip
    figure.update_layout(margin={"t": 8, "b": 50, "r": 8})


def _shade(cell: dict[Hashable, Any], most: float) -> float:
    """Right answers light blue; mistakes orange, the commonest of them in full."""
    share = 0.0 if undefined(cell["share"]) else float(cell["share"])
    return _RIGHT_SHADE * share if cell["true"] == cell["predicted"] else -share / most


def _side(cell: dict[Hashable, Any]) -> int:
    return 1 if cell["true"] == cell["predicted"] else -1


def _counted(cell: dict[Hashable, Any]) -> str:
    return f"<span style='font-size:{FONT_SIZE + 5}px'><b>{int(cell['count']):,}</b></span><br>{shown(cell['share'])}"


def _sentence(cell: dict[Hashable, Any]) -> str:
    how = "named rightly" if cell["true"] == cell["predicted"] else f"taken for {cell['predicted']}"
    return f"{cell['true']} {how}: {int(cell['count']):,} of {int(cell['support']):,}<br>click to see them"


def _signed(value: object) -> str:
    number = int(value)  # type: ignore[call-overload]
    return f"{number:+,}".replace("-", "\N{MINUS SIGN}") if number else "0"
