"""The benchmark's models side by side: under one protocol, under two, and fold by fold."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    DECIMAL,
    NEUTRAL,
    PERCENT_EXACT,
    PERCENT_FINE,
    SERIES,
    empty_figure,
    new_figure,
    number_rows,
    shown,
    span,
    undefined,
    whiskers,
)

NOTHING: Final = "No figures of this kind under this protocol."
ROW: Final = 36
"""Height of a line of a chart that has one for each model."""


def standing(frame: pd.DataFrame, published: pd.DataFrame, words: str, share: bool = True) -> go.Figure:
    """Models of one protocol, a dot with its interval each; published figures as open marks below them.

    Args:
        frame: ``model, value, low, high, n, baseline`` (whether it is a baseline without a network), from the top.
        published: ``label, value, checked``; may have no rows.
        words: What the figure is, for the axis.
        share: Whether it is a share, shown in per cent; otherwise a decimal.
    """
    ours = _defined(frame)
    if not ours:
        return empty_figure(NOTHING)
    others = _defined(published)
    said = "; ".join(f"{line['model']} {_ends(line, share)}" for line in ours)
    more = f" Beside them {len(others)} published figures." if others else ""
    figure = new_figure(
        f"{words} with 95 % intervals. {said}.{more}", x=words, height=130 + ROW * (len(ours) + len(others))
    )
    for name, baseline, colour, symbol in (
        ("network, with its 95 % interval", False, SERIES[0], "circle"),
        ("baseline without a network", True, NEUTRAL, "square"),
    ):
        lines = [(place, line) for place, line in enumerate(ours) if bool(line["baseline"]) is baseline]
        if lines:
            _dots(figure, lines, name, colour, symbol, share)
    for name, checked, symbol in (
        ("published, read at the source", True, "diamond-open"),
        ("published, not checked", False, "x-thin-open"),
    ):
        marks = [(len(ours) + place, line) for place, line in enumerate(others) if bool(line["checked"]) is checked]
        if marks:
            figure.add_scatter(
                x=[float(line["value"]) for _, line in marks],
                y=[place for place, _ in marks],
                name=name,
                mode="markers",
                marker={"size": 11, "symbol": symbol, "color": SERIES[3], "line": {"width": 2, "color": SERIES[3]}},
                customdata=[f"{line['label']}: {_text(line['value'], share)}" for _, line in marks],
                hovertemplate="%{customdata}<extra></extra>",
            )
    number_rows(figure, len(ours) + len(others))
    names = [str(line["model"]) for line in ours] + [str(line["label"]) for line in others]
    figure.layout.yaxis.update(tickvals=list(range(len(names))), ticktext=names)
    figure.layout.xaxis.update(tickformat=PERCENT_FINE if share else None)
    figure.layout.showlegend = True
    if others:
        figure.add_hline(y=len(ours) - 0.5, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    return figure


def two_protocols(frame: pd.DataFrame, leaky: str, honest: str, words: str) -> go.Figure:
    """Each model on the same slices under two protocols: two dots joined by a line.

    Args:
        frame: ``model, leaky, honest``, from the top.
        leaky: Name of the one protocol.
        honest: Name of the other.
        words: What the figure is, for the axis.
    """
    lines = [] if frame.empty else frame.dropna(subset=["leaky", "honest"]).to_dict("records")
    if not lines:
        return empty_figure(f"No model was tested on the same slices under {leaky} and {honest}.")
    said = "; ".join(f"{line['model']} {shown(line['honest'])} and {shown(line['leaky'])}" for line in lines)
    figure = new_figure(f"{words} under {honest} and under {leaky}. {said}.", x=words, height=130 + ROW * len(lines))
    for place, line in enumerate(lines):
        figure.add_scatter(
            x=[line["honest"], line["leaky"]], y=[place, place], mode="lines", line={"color": NEUTRAL, "width": 2},
            showlegend=False, hoverinfo="skip",
        )  # fmt: skip
    for name, column, colour, symbol in (
        (honest, "honest", SERIES[0], "circle"),
        (leaky, "leaky", SERIES[1], "diamond"),
    ):
        figure.add_scatter(
            x=[float(line[column]) for line in lines],
            y=list(range(len(lines))),
            name=f"protocol {name}",
            mode="markers",
            marker={"size": 12, "symbol": symbol, "color": colour},
            customdata=[str(line["model"]) for line in lines],
            hovertemplate=f"%{{customdata}}, {name}: %{{x:{PERCENT_EXACT}}}<extra></extra>",
        )
    number_rows(figure, len(lines))
    figure.layout.yaxis.update(tickvals=list(range(len(lines))), ticktext=[str(line["model"]) for line in lines])
    figure.layout.xaxis.update(tickformat=PERCENT_FINE)
    return figure


def spread(frame: pd.DataFrame, words: str) -> go.Figure:
    """One model's figure on each fold, or under each seed, as dots about their mean.

    Args:
        frame: ``by`` (``fold`` or ``seed``), ``key, value``.
        words: What the figure is, for the axis.
    """
    held = frame.dropna(subset=["value"]) if len(frame) else frame
    if held.empty:
        return empty_figure("No figures by fold or seed.")
    kinds = [str(kind) for kind in dict.fromkeys(held["by"])]
    said = "; ".join(
        f"by {kind}: " + ", ".join(shown(value) for value in held.loc[held["by"] == kind, "value"]) for kind in kinds
    )
    figure = new_figure(f"{words} {said}.", x=words, height=110 + 62 * len(kinds))
    for place, kind in enumerate(kinds):
        part = held[held["by"] == kind]
        mean = float(part["value"].mean())
        figure.add_scatter(
            x=[mean, mean], y=[place - 0.28, place + 0.28], mode="lines", line={"color": NEUTRAL, "width": 2},
            name="mean", showlegend=place == 0, hovertemplate=f"mean: {shown(mean)}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=part["value"].astype(float).tolist(),
            y=[place] * len(part),
            mode="markers",
            marker={"size": 11, "color": SERIES[0], "opacity": 0.8, "symbol": "circle" if kind == "fold" else "square"},
            name=f"one {kind}",
            customdata=part["key"].astype(str).tolist(),
            hovertemplate=f"{kind} %{{customdata}}: %{{x:{PERCENT_EXACT}}}<extra></extra>",
        )
    number_rows(figure, len(kinds))
    figure.layout.yaxis.update(tickvals=list(range(len(kinds))), ticktext=[f"by {kind}" for kind in kinds])
    figure.layout.xaxis.update(tickformat=PERCENT_FINE)
    figure.layout.showlegend = True
    return figure


def _dots(
    figure: go.Figure,
    lines: list[tuple[int, dict[Hashable, Any]]],
    name: str,
    colour: str,
    symbol: str,
    share: bool,
) -> None:
    held = [line for _, line in lines]
    figure.add_scatter(
        x=[float(line["value"]) for line in held],
        y=[place for place, _ in lines],
        error_x=whiskers(held, colour),
        name=name,
        mode="markers",
        marker={"size": 11, "symbol": symbol, "color": colour},
        customdata=[f"{line['model']}: {_ends(line, share)}, n = {int(line['n']):,}" for line in held],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _defined(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    return [] if frame.empty else [line for line in frame.to_dict("records") if not undefined(line["value"])]


def _text(value: object, share: bool) -> str:
    return shown(value, PERCENT_EXACT if share else DECIMAL)


def _ends(line: dict[Hashable, Any], share: bool) -> str:
    ends = span(line["low"], line["high"]) if share else span(line["low"], line["high"], 3, 1)
    return _text(line["value"], share) + (f" ({ends})" if ends else "")
