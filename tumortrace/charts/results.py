"""What a model achieved, from the frames of :mod:`tumortrace.evaluation.tables`.

Figures with whiskers are in :mod:`tumortrace.charts.scores` and may be taken from here.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.scores import NOTHING
from tumortrace.charts.scores import class_metrics as class_metrics
from tumortrace.charts.scores import leaderboard as leaderboard
from tumortrace.charts.theme import (
    CLASS_COLOURS,
    CLASS_DASHES,
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
    undefined,
)

_AT_X: Final = f"%{{x:{PERCENT_EXACT}}}"
_AT_Y: Final = f"%{{y:{PERCENT_EXACT}}}"


def confusion_matrix(frame: pd.DataFrame, normalise: bool = False) -> go.Figure:
    """The confusion matrix: counts large and the share of the row small, or the other way round.

    The shade is the share of the true class, so that a rare class is as readable as a common one; support and recall
    stand beside each row.

    Args:
        frame: ``true, predicted, count, share, support``.
        normalise: Whether the share is the large text.
    """
    if frame.empty:
        return empty_figure(NOTHING)
    cells = {(str(cell["true"]), str(cell["predicted"])): cell for cell in frame.to_dict("records")}
    names = classes_in(frame, "true")
    recalls = ", ".join(f"{name} {shown(cells[name, name]['share'])}" for name in names)
    figure = new_figure(
        f"Confusion matrix. Share of each true class that is predicted as itself: {recalls}.",
        x="Predicted class",
        y="True class",
        height=460,
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
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False, tickangle=0)
    return figure


def _cell_text(cell: dict[Hashable, Any], normalise: bool) -> str:
    large, small = f"{int(cell['count']):,}", shown(cell["share"])
    if normalise:
        large, small = small, large
    return f"<span style='font-size:{FONT_SIZE + 8}px'><b>{large}</b></span><br>{small}"


def roc_curves(frame: pd.DataFrame) -> go.Figure:
    """One-vs-rest ROC curves, the area under each in the legend.

    Args:
        frame: ``class_name, fpr, tpr, auc``.
    """
    if frame.empty:
        return empty_figure("No ROC curve: it needs slices of at least two classes.")
    names = classes_in(frame)
    areas = frame.groupby("class_name")["auc"].first()
    said = ", ".join(f"{name} {shown(areas[name], DECIMAL)}" for name in names)
    figure = new_figure(
        f"One-vs-rest ROC curves. Area under the curve: {said}.",
        x="False positive rate",
        y="True positive rate (recall)",
        height=460,
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        name="chance",
        mode="lines",
        line={"color": NEUTRAL, "dash": "longdash", "width": 1},
        hoverinfo="skip",
    )
    for name in names:
        part = frame[frame["class_name"] == name]
        figure.add_scatter(
            x=part["fpr"].tolist(),
            y=part["tpr"].tolist(),
            name=f"{name}, AUC {shown(areas[name], DECIMAL)}",
            mode="lines",
            line={"color": CLASS_COLOURS[name], "dash": CLASS_DASHES[name], "width": 3},
            hovertemplate=f"{name}<br>false positives {_AT_X}, recall {_AT_Y}<extra></extra>",
        )
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=PERCENT)
    figure.update_yaxes(range=[-0.02, 1.02], tickformat=PERCENT)
    return figure


def reliability(frame: pd.DataFrame, ece: float | None = None) -> go.Figure:
    """The reliability diagram: how often the model is right, by how sure it is.

    Args:
        frame: ``low, high, n, confidence, accuracy``, a row a bin.
        ece: Expected calibration error, shown in the figure.
    """
    filled = frame[frame["n"] > 0] if len(frame) else frame
    if filled.empty:
        return empty_figure(NOTHING)
    total = "" if ece is None else f" Expected calibration error {ece:.1%}."
    figure = new_figure(
        f"Reliability diagram: accuracy by confidence in {len(filled)} bins that hold slices.{total}",
        x="Confidence",
        y="Accuracy",
        height=460,
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        name="perfectly calibrated",
        mode="lines",
        line={"color": NEUTRAL, "dash": "longdash", "width": 1},
        hoverinfo="skip",
    )
    most = int(filled["n"].max())
    figure.add_scatter(
        x=filled["confidence"].astype(float).tolist(),
        y=filled["accuracy"].astype(float).tolist(),
        customdata=filled["n"].tolist(),
        name="observed" if ece is None else f"observed, ECE {ece:.1%}",
        mode="lines+markers",
        line={"color": SERIES[0], "width": 2},
        # The area of a point is its share of the rows: a stray bin of two slices does not look like evidence.
        marker={"size": filled["n"].tolist(), "sizemode": "area", "sizeref": most / 22**2, "sizemin": 4},
        hovertemplate=f"confidence {_AT_X}, right {_AT_Y}<br>n = %{{customdata:{COUNT}}}<extra></extra>",
    )
    figure.update_xaxes(range=[0, 1.05], tickformat=PERCENT)
    figure.update_yaxes(range=[0, 1.05], tickformat=PERCENT)
    return figure
