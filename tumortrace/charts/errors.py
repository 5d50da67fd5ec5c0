"""The Errors page's figures: the clickable confusion matrix, two matrices less each other, and whose errors they are.

A heatmap answers no click in the app, so invisible marks lie over its cells; a click anywhere takes the nearest.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    BETTER,
    CLEAR,
    DIVERGING,
    FONT_SIZE,
    NEUTRAL,
    PERCENT,
    SERIES,
    WORSE,
    bar_marker,
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


def persons(frame: pd.DataFrame) -> go.Figure:
    """The persons behind most errors, a bar each in the colour of their class; a click names the person.

    Args:
        frame: ``person_id, true_class, errors, n``, from the top.
    """
    lines = frame.to_dict("records") if len(frame) else []
    if not lines:
        return empty_figure("No person has an error.")
    together = sum(int(line["errors"]) for line in lines)
    figure = new_figure(
        f"Wrong predictions of the {len(lines)} persons with most of them, {together:,} together; "
        f"most of all {lines[0]['person_id']} with {int(lines[0]['errors']):,} of {int(lines[0]['n']):,}.",
        x="Wrong predictions",
        height=110 + 30 * len(lines),
    )
    for name in classes_in(frame, "true_class"):
        held = [(place, line) for place, line in enumerate(lines) if line["true_class"] == name]
        figure.add_bar(
            x=[int(line["errors"]) for _, line in held],
            y=[place for place, _ in held],
            orientation="h",
            width=0.62,
            name=name,
            marker=bar_marker(name),
            text=[f"{int(line['errors']):,} of {int(line['n']):,}" for _, line in held],
            textposition="outside",
            cliponaxis=False,
            customdata=[str(line["person_id"]) for _, line in held],
            hovertemplate="%{customdata}: %{text} wrong<extra></extra>",
            unselected={"marker": {"opacity": 1}},
        )
    most = max(int(line["errors"]) for line in lines)
    figure.update_xaxes(range=[0, 1.18 * most], fixedrange=True)
    number_rows(figure, len(lines))
    figure.update_yaxes(
        tickvals=list(range(len(lines))), ticktext=[str(line["person_id"]) for line in lines], fixedrange=True
    )
    figure.update_layout(showlegend=True, dragmode=False)
    return figure


def concentration(frame: pd.DataFrame) -> go.Figure:
    """What share of all errors the first so many persons make together.

    Args:
        frame: ``together``, a row a person, most errors first.
    """
    if frame.empty or not float(frame["together"].iloc[-1]):
        return empty_figure("There are no errors of known persons.")
    shares = [float(value) for value in frame["together"]]
    half = next(place for place, value in enumerate(shares, start=1) if value >= 0.5)
    noun = "person makes" if half == 1 else "persons make"
    figure = new_figure(
        f"{half} of {len(shares):,} {noun} half of the errors.", x="Persons, most errors first",
        y="Share of all errors", height=300,
    )  # fmt: skip
    figure.add_scatter(
        x=list(range(len(shares) + 1)),
        y=[0.0, *shares],
        mode="lines",
        line={"color": SERIES[0], "width": 3},
        hovertemplate="the first %{x} persons: %{y:.0%} of the errors<extra></extra>",
    )
    figure.add_scatter(
        x=[half],
        y=[shares[half - 1]],
        mode="markers+text",
        marker={"size": 11, "color": SERIES[0], "symbol": "diamond"},
        text=[f"{half} {noun} {shares[half - 1]:.0%}"],
        textposition="middle right",
        hoverinfo="skip",
    )
    figure.update_layout(showlegend=False, margin={"t": 12})
    figure.update_yaxes(range=[0, 1.05], tickformat=PERCENT)
    return figure


def rescues(frame: pd.DataFrame) -> go.Figure:
    """What a vote mends of each member's mistakes (to the right) and what it ruins (to the left).

    Args:
        frame: ``model, mended, ruined``, from the top.
    """
    lines = frame.to_dict("records") if len(frame) else []
    if not lines:
        return empty_figure("No vote was tested beside its members.")
    said = "; ".join(f"{line['model']} {int(line['mended'])} mended, {int(line['ruined'])} ruined" for line in lines)
    figure = new_figure(f"Slices that the vote mends and ruins: {said}.", x="Slices", height=130 + 42 * len(lines))
    for column, sign, colour, pattern in (("ruined", -1, WORSE, "/"), ("mended", 1, BETTER, "")):
        figure.add_bar(
            x=[sign * int(line[column]) for line in lines],
            y=list(range(len(lines))),
            orientation="h",
            width=0.55,
            name=column,
            marker={"color": colour, "pattern": _strokes(pattern)},
            text=[f"{int(line[column]):,}" for line in lines],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"%{{text}} {column}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1.5})
    most = max(1, *(int(line[column]) for line in lines for column in ("mended", "ruined")))
    left = max(1, *(int(line["ruined"]) for line in lines))
    figure.update_layout(barmode="overlay", showlegend=True)
    # Counts to both sides: the axis has no negative numbers of slices.
    figure.update_xaxes(range=[-1.35 * left - 0.05 * most, 1.15 * most], showticklabels=False)
    number_rows(figure, len(lines))
    figure.update_yaxes(tickvals=list(range(len(lines))), ticktext=[str(line["model"]) for line in lines])
    return figure


def _strokes(shape: str) -> dict[str, Any]:
    """Light strokes over a bar's colour, which tell it apart in grey as well."""
    return {"shape": shape, "fillmode": "overlay", "fgcolor": "#FFFFFF", "fgopacity": 0.4, "solidity": 0.15, "size": 8}


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
