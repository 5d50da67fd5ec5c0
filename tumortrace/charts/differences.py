"""Differences with their paired intervals: every model against every other, and what a choice or a leak is worth."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    BETTER,
    DIVERGING,
    FONT_SIZE,
    GRID,
    NEUTRAL,
    SERIES,
    WORSE,
    empty_figure,
    lines_between,
    new_figure,
    number_rows,
    signed,
    span,
    undefined,
    whiskers,
)

_LOOKS: Final = {
    "better": (BETTER, "triangle-up", "better"),
    "worse": (WORSE, "triangle-down", "worse"),
    "open": (NEUTRAL, "circle", "cannot be told"),
}
_SYMBOLS: Final = ("circle", "diamond", "square", "triangle-up", "x", "star")


def difference_sentence(low: object, high: object) -> int:
    """What an interval of a difference says: 1 above zero, -1 below it, 0 when it holds zero or is unknown."""
    if undefined(low) or undefined(high):
        return 0
    return 1 if float(low) > 0 else -1 if float(high) < 0 else 0  # type: ignore[arg-type]


def matrix(frame: pd.DataFrame, words: str) -> go.Figure:
    """Every model against every other: the row's figure less the column's, in points, with its interval.

    Coloured where the interval leaves out zero, so that what can be told is seen at a glance.

    Args:
        frame: ``row, column, value, low, high``, in the order to draw; a pair may be absent.
        words: What the figure is.
    """
    if frame.empty:
        return empty_figure("No two models were tested on the same slices.")
    names = [str(name) for name in dict.fromkeys([*frame["row"], *frame["column"]])]
    cells = {(str(cell["row"]), str(cell["column"])): cell for cell in frame.to_dict("records")}
    grid = [[cells.get((row, column)) for column in names] for row in names]
    clear = sum(difference_sentence(cell["low"], cell["high"]) != 0 for cell in cells.values()) // 2
    figure = new_figure(
        f"{words} of the model in the row less that of the model in the column, in points, for {len(names)} models; "
        f"in {clear} of {len(cells) // 2} pairs the interval leaves out zero.",
        height=110 + 62 * len(names),
    )
    short = [_broken(name) for name in names]
    size = FONT_SIZE - 3
    figure.add_heatmap(
        x=short,
        y=short,
        z=[[_shade(cell) for cell in line] for line in grid],
        text=[[_cell(cell, size) for cell in line] for line in grid],
        customdata=[[_sentence(cell, words) for cell in line] for line in grid],
        texttemplate="%{text}",
        textfont={"size": FONT_SIZE},
        zmid=0,
        colorscale=[list(stop) for stop in DIVERGING],
        showscale=False,
        xgap=3,
        ygap=3,
        hoverongaps=False,
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.layout.yaxis.update(autorange="reversed", showgrid=False)
    figure.layout.xaxis.update(side="top", showgrid=False, tickangle=0)
    figure.update_layout(margin={"t": 60, "b": 16})
    return figure


def forest(frame: pd.DataFrame, words: str, *, lower_is_better: bool = False, scale: float = 100) -> go.Figure:
    """Differences from a base, a line each, grouped; colour and mark say which are better, worse or cannot be told.

    Args:
        frame: ``group, label, value, low, high``, from the top; lines of one group stand together.
        words: What the axis shows.
        lower_is_better: Whether a difference below zero is the better one, as for a loss.
        scale: What figures are multiplied by for the reader; 100 for points.
    """
    lines = _defined(frame)
    if not lines:
        return empty_figure("No differences to show.")
    places, edges = _places([str(line["group"]) for line in lines])
    kinds = [_kind(line, lower_is_better) for line in lines]
    counts = ", ".join(f"{kinds.count(kind)} {_LOOKS[kind][2]}" for kind in _LOOKS)
    rows = places[-1] + 1
    figure = new_figure(f"{words}: of {len(lines)} variants {counts}.", x=words, height=round(130 + 30 * rows))
    for kind, (colour, symbol, name) in _LOOKS.items():
        held = [(place, line) for place, line, own in zip(places, lines, kinds, strict=True) if own == kind]
        if held:
            _points(figure, held, name, colour, symbol, scale)
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1.5})
    for low, high in edges[::2]:
        figure.add_hrect(y0=low, y1=high, fillcolor=GRID, opacity=0.35, line_width=0, layer="below")
    number_rows(figure, rows)
    figure.layout.yaxis.update(tickvals=places, ticktext=[_label(line) for line in lines])
    figure.layout.showlegend = True
    return figure


def side_by_side(frame: pd.DataFrame, words: str, nothing: str = "No differences to show.") -> go.Figure:
    """Differences of several kinds for each model: a line a model, a mark a kind.

    Args:
        frame: ``model, kind, value, low, high``, from the top.
        words: What the axis shows.
        nothing: What is said where there is nothing to draw.
    """
    lines = _defined(frame)
    if not lines:
        return empty_figure(nothing)
    models = [str(name) for name in dict.fromkeys(line["model"] for line in lines)]
    kinds = [str(name) for name in dict.fromkeys(line["kind"] for line in lines)]
    said = "; ".join(f"{line['model']}, {line['kind']} {_ends(line, 100)}" for line in lines)
    figure = new_figure(f"{words}. {said}.", x=words, height=130 + (18 + 22 * len(kinds)) * len(models))
    for number, kind in enumerate(kinds):
        shift = 0.5 * (number - (len(kinds) - 1) / 2) / max(1, len(kinds) - 1)
        held = [(models.index(str(line["model"])) + shift, line) for line in lines if line["kind"] == kind]
        _points(figure, held, kind, SERIES[number % len(SERIES)], _SYMBOLS[number % len(_SYMBOLS)], 100)
    figure.layout.shapes = lines_between(len(models) if len(kinds) > 1 else 0)
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1.5})
    number_rows(figure, len(models))
    figure.layout.yaxis.update(tickvals=list(range(len(models))), ticktext=models)
    figure.layout.showlegend = True
    return figure


def _points(
    figure: go.Figure,
    held: list[tuple[float, dict[Hashable, Any]]],
    name: str,
    colour: str,
    symbol: str,
    scale: float,
) -> None:
    lines = [
        line | {end: None if undefined(line[end]) else scale * float(line[end]) for end in ("value", "low", "high")}
        for _, line in held
    ]
    figure.add_scatter(
        x=[line["value"] for line in lines],
        y=[place for place, _ in held],
        error_x=whiskers(lines, colour, 4),
        name=name,
        mode="markers",
        marker={"size": 10, "symbol": symbol, "color": colour},
        customdata=[f"{_name(line)}: {_ends(line, scale)}" for _, line in held],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _places(groups: list[str]) -> tuple[list[float], list[tuple[float, float]]]:
    """Where each line stands, with a little air between groups; and the edges of each group."""
    places: list[float] = []
    edges: list[tuple[float, float]] = []
    for number, group in enumerate(groups):
        fresh = number > 0 and group != groups[number - 1]
        place = 0.0 if not places else places[-1] + (1.35 if fresh else 1)
        if fresh or not edges:
            edges.append((place - 0.55, place + 0.55))
        else:
            edges[-1] = (edges[-1][0], place + 0.55)
        places.append(place)
    return places, edges


def _kind(line: dict[Hashable, Any], lower_is_better: bool) -> str:
    side = difference_sentence(line["low"], line["high"]) * (-1 if lower_is_better else 1)
    return "better" if side > 0 else "worse" if side < 0 else "open"


def _label(line: dict[Hashable, Any]) -> str:
    return f"<b>{line['group']}</b>: {line['label']}" if line["label"] else f"<b>{line['group']}</b>"


def _name(line: dict[Hashable, Any]) -> str:
    return f"{line['model']}, {line['kind']}" if "model" in line else f"{line['group']}: {line['label']}"


def _ends(line: dict[Hashable, Any], scale: float) -> str:
    digits = 1 if scale == 100 else 3
    ends = span(line["low"], line["high"], digits, scale, sign=True)
    return signed(line["value"], digits, scale) + (f" ({ends})" if ends else "")


def _shade(cell: dict[Hashable, Any] | None) -> float | None:
    if cell is None:
        return None
    return float(cell["value"]) if difference_sentence(cell["low"], cell["high"]) else 0.0


def _cell(cell: dict[Hashable, Any] | None, size: int) -> str:
    if cell is None:
        return ""
    ends = span(cell["low"], cell["high"], sign=True).replace(" to ", "<br>to ")
    return f"<b>{signed(cell['value'])}</b><br><span style='font-size:{size}px'>{ends}</span>"


def _sentence(cell: dict[Hashable, Any] | None, words: str) -> str:
    return "" if cell is None else f"{cell['row']} less {cell['column']}<br>{words}: {_ends(cell, 100)} points"


def _broken(name: str) -> str:
    """A name on two lines where it is long."""
    words = name.split(" ")
    return name if len(name) <= 12 or len(words) == 1 else f"{words[0]}<br>{' '.join(words[1:])}"


def _defined(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    return [] if frame.empty else [line for line in frame.to_dict("records") if not undefined(line["value"])]
