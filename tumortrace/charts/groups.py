"""Where a model fails, and how well saliency finds the tumour: figures of groups, with their intervals."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    CLASS_COLOURS,
    DECIMAL,
    NEUTRAL,
    PERCENT_EXACT,
    PERCENT_FINE,
    SERIES,
    bar_marker,
    empty_figure,
    lines_between,
    new_figure,
    number_rows,
    shown,
    span,
    undefined,
    whiskers,
)

_SYMBOLS: Final = ("circle", "diamond", "square", "triangle-up", "x", "star")
REFERENCE: Final = "reference"


def error_rates(frame: pd.DataFrame, overall: float | None = None, most: float | None = None) -> go.Figure:
    """Error rate of each group of slices as bars with 95 % whiskers; the rate of all slices as a line.

    Args:
        frame: ``group, value, low, high, n``, from the top.
        overall: The error rate of all slices.
        most: Where the axis ends, so that several of these can be compared; None lets it fit.
    """
    lines = [] if frame.empty else [line for line in frame.to_dict("records") if not undefined(line["value"])]
    if not lines:
        return empty_figure("No error rates of this kind.")
    said = "; ".join(f"{line['group']} {_ends(line, True)}" for line in lines)
    known = "" if overall is None else f" All slices: {shown(overall)}."
    figure = new_figure(f"Error rate by group. {said}.{known}", x="Error rate", height=96 + 46 * len(lines))
    names = [f"{line['group']}<br><span style='font-size:11px'>n = {int(line['n']):,}</span>" for line in lines]
    for place, line in enumerate(lines):
        group = str(line["group"])
        marker = bar_marker(group) if group in CLASS_COLOURS else {"color": SERIES[0]}
        figure.add_bar(
            x=[float(line["value"])],
            y=[place],
            orientation="h",
            name=group,
            width=0.55,
            marker=marker,
            error_x=whiskers([line]),
            hovertemplate=f"{group}: {_ends(line, True)}, n = {int(line['n']):,}<extra></extra>",
        )
    if overall is not None:
        line = {"color": NEUTRAL, "width": 1.5, "dash": "dash"}
        figure.layout.shapes = [
            {"type": "line", "yref": "y domain", "y0": 0, "y1": 1, "x0": overall, "x1": overall, "line": line}
        ]
    number_rows(figure, len(lines))
    figure.layout.yaxis.update(tickvals=list(range(len(lines))), ticktext=names)
    figure.layout.xaxis.update(tickformat=PERCENT_FINE, rangemode="tozero", range=None if most is None else [0, most])
    figure.layout.update(showlegend=False, margin={"t": 12})
    return figure


def localisation(frame: pd.DataFrame, words: str, share: bool = True) -> go.Figure:
    """One localisation score of every method and model: a line a method, a mark a model; blind maps in grey.

    Args:
        frame: ``method, model, value, low, high, kind`` (:data:`REFERENCE` for blind maps), from the top.
        words: What the score is, for the axis.
        share: Whether it is a share, shown in per cent; otherwise a decimal.
    """
    lines = [] if frame.empty else [line for line in frame.to_dict("records") if not undefined(line["value"])]
    if not lines:
        return empty_figure("Nothing was scored by this measure.")
    methods = [str(name) for name in dict.fromkeys(line["method"] for line in lines)]
    models = [str(name) for name in dict.fromkeys(line["model"] for line in lines)]
    best = max((line for line in lines if line["kind"] != REFERENCE), key=lambda line: line["value"], default=lines[0])
    figure = new_figure(
        f"{words} of {len(methods)} saliency methods and {len(models)} models, with 95 % intervals. "
        f"Highest: {best['method']} of {best['model']} with {_ends(best, share)}.",
        x=words,
        height=130 + (20 + 13 * len(models)) * len(methods),
    )
    for number, model in enumerate(models):
        shift = 0 if len(models) == 1 else 0.64 * (number / (len(models) - 1) - 0.5)
        held = [line for line in lines if line["model"] == model]
        colours = [NEUTRAL if line["kind"] == REFERENCE else SERIES[number % len(SERIES)] for line in held]
        figure.add_scatter(
            x=[float(line["value"]) for line in held],
            y=[methods.index(str(line["method"])) + shift for line in held],
            error_x=whiskers(held, NEUTRAL, 3),
            name=model,
            mode="markers",
            marker={"size": 9, "symbol": _SYMBOLS[number % len(_SYMBOLS)], "color": colours},
            customdata=[f"{line['method']}, {line['model']}: {_ends(line, share)}" for line in held],
            hovertemplate="%{customdata}<extra></extra>",
        )
    number_rows(figure, len(methods))
    figure.layout.yaxis.update(tickvals=list(range(len(methods))), ticktext=methods)
    figure.layout.xaxis.update(tickformat=PERCENT_FINE if share else None)
    figure.layout.shapes = lines_between(len(methods))
    figure.layout.showlegend = True
    return figure


def _ends(line: dict[Hashable, Any], share: bool) -> str:
    ends = span(line["low"], line["high"]) if share else span(line["low"], line["high"], 3, 1)
    return shown(line["value"], PERCENT_EXACT if share else DECIMAL) + (f" ({ends})" if ends else "")
