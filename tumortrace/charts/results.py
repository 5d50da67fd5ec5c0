"""What a model achieved, from the frames of :mod:`tumortrace.evaluation.tables`."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

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
    bar_marker,
    classes_in,
    colour_of,
    empty_figure,
    new_figure,
    shown,
    undefined,
)

NOTHING = "No results yet. They appear when a model has predicted its test fold."
WORDS: Final = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "macro_auc": "Macro ROC AUC",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "auc": "ROC AUC",
}
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
        colorbar={"title": {"text": "Share of<br>true class"}, "tickformat": PERCENT, "thickness": 14},
        xgap=3,
        ygap=3,
        hovertemplate="true %{y}<br>predicted %{x}<br>%{text}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False)
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
    figure.update_xaxes(range=[0, 1.02], tickformat=PERCENT)
    figure.update_yaxes(range=[0, 1.05], tickformat=PERCENT)
    return figure


def class_metrics(frame: pd.DataFrame) -> go.Figure:
    """Figures of each class as bars with 95 % whiskers; an undefined one is said to be, not drawn as 0.

    Args:
        frame: ``class_name, metric, value, low, high``.
    """
    if frame.empty:
        return empty_figure(NOTHING)
    metrics = [str(metric) for metric in dict.fromkeys(frame["metric"])]
    cells = {(str(cell["class_name"]), str(cell["metric"])): cell for cell in frame.to_dict("records")}
    names = classes_in(frame)
    said = "; ".join(
        f"{name} " + ", ".join(f"{metric} {shown(cells[name, metric]['value'])}" for metric in metrics)
        for name in names
    )
    figure = new_figure(f"Bars with 95 % intervals. {said}.", height=380)
    for name in names:
        line = [cells[name, metric] for metric in metrics]
        figure.add_bar(
            x=[WORDS.get(metric, metric) for metric in metrics],
            y=[0 if undefined(cell["value"]) else float(cell["value"]) for cell in line],
            text=[shown(cell["value"]) for cell in line],
            textposition="inside",
            insidetextanchor="start",
            name=name,
            marker=bar_marker(name),
            error_y=_whiskers(line),
            hovertemplate=f"{name}, %{{x}}: %{{text}}<extra></extra>",
        )
    figure.update_layout(barmode="group")
    figure.update_yaxes(range=[0, 1.05], tickformat=PERCENT)
    return figure


def leaderboard(frame: pd.DataFrame, metric: str = "macro_f1") -> go.Figure:
    """Models side by side: a dot for the figure, whiskers for its 95 % interval, one line a model and protocol.

    Args:
        frame: ``model, protocol, folds, value, low, high, n, synthetic``; drawn from the top in the order given.
        metric: What the figure is, for the axis.
    """
    words = WORDS.get(metric, metric.replace("_", " ").capitalize())
    held = frame[[not undefined(value) for value in frame["value"]]] if len(frame) else frame
    if held.empty:
        return empty_figure(NOTHING)
    said = "; ".join(_place(line) for line in held.to_dict("records")[:8])
    figure = new_figure(f"{words} with 95 % intervals. {said}.", x=words, height=140 + 44 * len(held))
    protocols = [str(protocol) for protocol in dict.fromkeys(held["protocol"])]
    colours = colour_of(protocols)
    for protocol in protocols:
        lines = held[held["protocol"] == protocol].to_dict("records")
        figure.add_scatter(
            x=[float(line["value"]) for line in lines],
            y=[_line_name(line) for line in lines],
            error_x=_whiskers(lines),
            customdata=[_place(line) for line in lines],
            name=f"protocol {protocol}",
            mode="markers",
            marker={"size": 12, "color": colours[protocol]},
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_layout(showlegend=True)
    figure.update_xaxes(tickformat=PERCENT)
    figure.update_yaxes(
        autorange="reversed",
        categoryorder="array",
        categoryarray=[_line_name(line) for line in held.to_dict("records")],
    )
    return figure


def _line_name(line: dict[Hashable, Any]) -> str:
    folds = f"fold {line['folds']}" if str(line["folds"]).isdigit() else f"folds {line['folds']}"
    return f"{line['model']}<br>{line['protocol']}, {folds}" + (", synthetic" if line["synthetic"] else "")


def _place(line: dict[Hashable, Any]) -> str:
    ends = "" if undefined(line["low"]) else f" ({shown(line['low'])} to {shown(line['high'])})"
    what = f"{line['model']}, protocol {line['protocol']}, fold {line['folds']}"
    return f"{what}: {shown(line['value'])}{ends}, n = {int(line['n']):,}" + (
        ", synthetic" if line["synthetic"] else ""
    )


def _whiskers(lines: list[dict[Hashable, Any]]) -> dict[str, Any]:
    up, down = [], []
    for line in lines:
        known = not (undefined(line["value"]) or undefined(line["low"]) or undefined(line["high"]))
        up.append(float(line["high"]) - float(line["value"]) if known else 0.0)
        down.append(float(line["value"]) - float(line["low"]) if known else 0.0)
    return {
        "type": "data",
        "symmetric": False,
        "array": up,
        "arrayminus": down,
        "thickness": 2,
        "width": 6,
        "color": NEUTRAL,
    }
