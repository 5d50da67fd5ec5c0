"""Figures with their 95 % whiskers: models side by side."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    PERCENT,
    colour_of,
    empty_figure,
    new_figure,
    shown,
    undefined,
    whiskers,
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
            error_x=whiskers(lines),
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
    return f"{line['model']}<br>{line['protocol']}, {_folds(line)}" + (", synthetic" if line["synthetic"] else "")


def _folds(line: dict[Hashable, Any]) -> str:
    return ("fold " if str(line["folds"]).isdigit() else "folds ") + str(line["folds"])


def _place(line: dict[Hashable, Any]) -> str:
    ends = "" if undefined(line["low"]) else f" ({shown(line['low'])} to {shown(line['high'])})"
    what = f"{line['model']}, protocol {line['protocol']}, {_folds(line)}"
    return f"{what}: {shown(line['value'])}{ends}, n = {int(line['n']):,}" + (
        ", synthetic" if line["synthetic"] else ""
    )
