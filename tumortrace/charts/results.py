"""What a model achieved, from the frames of :mod:`tumortrace.evaluation.tables`."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.scores import NOTHING
from tumortrace.charts.theme import (
    CLASS_COLOURS,
    CLASS_DASHES,
    CLEAR,
    COUNT,
    DECIMAL,
    FONT_SIZE,
    NEUTRAL,
    PERCENT,
    PERCENT_EXACT,
    SEQUENTIAL,
    SERIES,
    classes_in,
    empty_figure,
    new_figure,
    shown,
    span,
    undefined,
)

_AT_X: Final = f"%{{x:{PERCENT_EXACT}}}"
_BROKEN: Final = {"meningioma": "menin-<br>gioma", "pituitary": "pitui-<br>tary"}
_TICKS: Final = [0, 0.2, 0.4, 0.6, 0.8, 1]
_AT_Y: Final = f"%{{y:{PERCENT_EXACT}}}"


def confusion_matrix(frame: pd.DataFrame, normalise: bool = False, *, of: str = "", narrow: bool = False) -> go.Figure:
    """The confusion matrix: counts large and the share of the row small, or the other way round.

    The shade is the share of the true class from 0 to 1, always, so that a rare class is as readable as a common one
    and matrices beside each other have one scale; the support stands beside each row.

    Args:
        frame: ``true, predicted, count, share, support``.
        normalise: Whether the share is the large text.
        of: Whose it is, for the sentence that describes it.
        narrow: Whether it stands beside others: lower, and long names on two lines.
    """
    if frame.empty:
        return empty_figure(NOTHING)
    cells = {(str(cell["true"]), str(cell["predicted"])): cell for cell in frame.to_dict("records")}
    names = classes_in(frame, "true")
    recalls = ", ".join(f"{name} {shown(cells[name, name]['share'])}" for name in names)
    whose = f" of {of}" if of else ""
    figure = new_figure(
        f"Confusion matrix{whose}. Share of each true class that is predicted as itself: {recalls}.",
        x="Predicted class",
        y="True class",
        height=380 if narrow else 460,
    )
    grid = [[cells[row, column] for column in names] for row in names]
    figure.add_heatmap(
        x=names,
        y=[f"{name}<br>n = {int(cells[name, name]['support']):,}" for name in names],
        z=[[None if undefined(cell["share"]) else float(cell["share"]) for cell in line] for line in grid],
        text=[[_cell_text(cell, normalise) for cell in line] for line in grid],
        texttemplate="%{text}",
        textfont={"size": FONT_SIZE + 1},
        zmin=0,
        zmax=1,
        colorscale=[list(stop) for stop in SEQUENTIAL],
        # Every cell says its share: a colour bar would only take the width from the numbers.
        showscale=False,
        xgap=3,
        ygap=3,
        hovertemplate="true %{y}<br>predicted %{x}<br>%{text}<extra></extra>",
    )
    figure.layout.yaxis.update(autorange="reversed", showgrid=False)
    figure.layout.xaxis.update(showgrid=False, tickangle=0)
    if narrow:
        figure.layout.xaxis.update(tickvals=names, ticktext=[_BROKEN.get(name, name) for name in names])
    figure.layout.margin.t = 12
    return figure


def _cell_text(cell: dict[Hashable, Any], normalise: bool) -> str:
    large, small = f"{int(cell['count']):,}", shown(cell["share"])
    if normalise:
        large, small = small, large
    return f"<span style='font-size:{FONT_SIZE + 8}px'><b>{large}</b></span><br>{small}"


def roc_curves(frame: pd.DataFrame, areas: pd.DataFrame | None = None) -> go.Figure:
    """One-vs-rest ROC curves, the area under each in the legend.

    Args:
        frame: ``class_name, fpr, tpr, auc``.
        areas: ``class_name, value, low, high`` of the areas, for their intervals in the legend.
    """
    if frame.empty:
        return empty_figure("No ROC curve: it needs slices of at least two classes.")
    names = classes_in(frame)
    own = frame.groupby("class_name")["auc"].first()
    said = {name: _area(areas, name, own[name]) for name in names}
    figure = new_figure(
        f"One-vs-rest ROC curves. Area under the curve: {', '.join(f'{name} {said[name]}' for name in names)}.",
        x="False positive rate",
        y="True positive rate (recall)",
        height=460,
    )
    _chance(figure, "chance")
    for name in names:
        part = frame[frame["class_name"] == name]
        _class_line(
            figure, name, part["fpr"].tolist(), part["tpr"].tolist(), f"{name}, AUC {said[name]}",
            f"{name}<br>false positives {_AT_X}, recall {_AT_Y}<extra></extra>",
        )  # fmt: skip
    _unit_square(figure, "right")
    return figure


def precision_recall_curves(frame: pd.DataFrame, areas: pd.DataFrame | None = None) -> go.Figure:
    """One-vs-rest precision-recall curves, the average precision of each in the legend.

    Args:
        frame: ``class_name, recall, precision``.
        areas: ``class_name, value, low, high`` of the average precisions.
    """
    if frame.empty:
        return empty_figure("No precision-recall curve: it needs slices of at least two classes.")
    names = classes_in(frame)
    said = {name: _area(areas, name, None) for name in names}
    figure = new_figure(
        f"One-vs-rest precision-recall curves. Average precision: "
        f"{', '.join(f'{name} {said[name]}' for name in names)}.",
        x="Recall",
        y="Precision",
        height=460,
    )
    for name in names:
        part = frame[frame["class_name"] == name]
        _class_line(
            figure, name, part["recall"].tolist(), part["precision"].tolist(), f"{name}, AP {said[name]}",
            f"{name}<br>recall {_AT_X}, precision {_AT_Y}<extra></extra>",
        )  # fmt: skip
    _unit_square(figure, "left")
    return figure


def _area(areas: pd.DataFrame | None, name: str, value: object) -> str:
    """``0.992 (0.980 to 0.999)``: an area with its interval, where there is one."""
    held = [] if areas is None else areas[areas["class_name"] == name].to_dict("records")
    if not held:
        return shown(value, DECIMAL)
    ends = span(held[0]["low"], held[0]["high"], 3, 1)
    return shown(held[0]["value"], DECIMAL) + (f" ({ends})" if ends else "")


def _chance(figure: go.Figure, words: str) -> None:
    figure.add_scatter(
        x=[0, 1], y=[0, 1], name=words, mode="lines", line={"color": NEUTRAL, "dash": "longdash", "width": 1},
        hoverinfo="skip",
    )  # fmt: skip


def _class_line(figure: go.Figure, name: str, x: list[float], y: list[float], legend: str, hover: str) -> None:
    line = {"color": CLASS_COLOURS[name], "dash": CLASS_DASHES[name], "width": 3}
    figure.add_scatter(x=x, y=y, name=legend, mode="lines", line=line, hovertemplate=hover)


def _unit_square(figure: go.Figure, side: str) -> None:
    """Both axes from 0 to 1; the legend in the lower corner that good curves leave empty."""
    figure.layout.xaxis.update(range=[-0.02, 1.05], tickformat=PERCENT, tickvals=_TICKS)
    figure.layout.yaxis.update(range=[-0.02, 1.05], tickformat=PERCENT, tickvals=_TICKS)
    place = {"x": 0.98 if side == "right" else 0.02, "xanchor": side, "y": 0.04, "yanchor": "bottom"}
    figure.update_layout(legend={"orientation": "v", **place, "bgcolor": CLEAR, "font": {"size": FONT_SIZE}})


def reliability(frame: pd.DataFrame, ece: float | None = None, ends: str = "") -> go.Figure:
    """The reliability diagram: how often the model is right, by how sure it is.

    Args:
        frame: ``low, high, n, confidence, accuracy``, a row a bin.
        ece: Expected calibration error, shown in the figure.
        ends: Of its interval, ``2.0 to 4.4``; empty without one.
    """
    filled = frame[frame["n"] > 0] if len(frame) else frame
    if filled.empty:
        return empty_figure(NOTHING)
    error = "" if ece is None else f"{ece:.1%}" + (f" ({ends})" if ends else "")
    total = f" Expected calibration error {error}." if error else ""
    figure = new_figure(
        f"Reliability diagram: accuracy by confidence in {len(filled)} bins that hold slices.{total}",
        x="Confidence",
        y="Accuracy",
        height=460,
    )
    _chance(figure, "perfectly calibrated")
    most = int(filled["n"].max())
    figure.add_scatter(
        x=filled["confidence"].astype(float).tolist(),
        y=filled["accuracy"].astype(float).tolist(),
        customdata=filled["n"].tolist(),
        name=f"observed, ECE {error}" if error else "observed",
        mode="lines+markers",
        line={"color": SERIES[0], "width": 2},
        # The area of a point is its share of the rows: a stray bin of two slices does not look like evidence.
        marker={"size": filled["n"].tolist(), "sizemode": "area", "sizeref": most / 22**2, "sizemin": 4},
        hovertemplate=f"confidence {_AT_X}, right {_AT_Y}<br>n = %{{customdata:{COUNT}}}<extra></extra>",
    )
    figure.layout.xaxis.update(range=[0, 1.05], tickformat=PERCENT, tickvals=_TICKS)
    figure.layout.yaxis.update(range=[-0.02, 1.05], tickformat=PERCENT, tickvals=_TICKS)
    return figure
