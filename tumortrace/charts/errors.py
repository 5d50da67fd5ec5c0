"""Whose errors they are: persons, how few make most of them, and what the vote makes of them."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    BETTER,
    NEUTRAL,
    PERCENT,
    SERIES,
    WORSE,
    bar_marker,
    classes_in,
    empty_figure,
    new_figure,
    number_rows,
)

NOTHING: Final = "No predictions to count yet."


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
