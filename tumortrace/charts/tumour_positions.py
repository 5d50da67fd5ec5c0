"""Where tumours sit, and how bright they are: both can be clicked on."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    CLASS_COLOURS,
    CLASS_DASHES,
    CLASS_SYMBOLS,
    CLEAR,
    FONT_SIZE,
    PERCENT,
    SEQUENTIAL,
    classes_in,
    empty_figure,
    new_figure,
)

_GAP: Final = 0.02
_PANEL: Final = 290
_TITLE: Final = 0.15
"""Share of a panel's height that its title takes."""


def tumour_places(
    maps: dict[tuple[str, str], npt.NDArray[np.float32]], counts: dict[tuple[str, str], int], cells: int
) -> go.Figure:
    """A heat map a class (rows) and plane (columns), with a grid of invisible markers to click on.

    Plotly gives no selection for a heat map, so squares without colour lie over it, a marker a cell.

    Args:
        maps: Class and plane to ``[S, S]``: the share of its slices whose tumour covers the place.
        counts: Class and plane to the number of its slices.
        cells: Markers a row and a column.
    """
    if not maps:
        return empty_figure("No tumour outlines to show. This dataset has none.")
    rows = classes_in(pd.DataFrame({"class_name": [name for name, _ in maps]}))
    columns = sorted({plane for _, plane in maps})
    alt = f"Heat maps of where tumours sit, by class ({', '.join(rows)}) and plane ({', '.join(columns)})."
    figure = new_figure(alt, height=_PANEL * len(rows))
    for down, name in enumerate(rows):
        for across, plane in enumerate(columns):
            if (name, plane) in maps:
                axis = str(down * len(columns) + across + 1) if down or across else ""
                _panel(figure, axis, maps[name, plane], (name, plane), counts[name, plane], cells)
                _place(figure, axis, (down, len(rows)), (across, len(columns)))
    figure.update_layout(
        coloraxis={"colorscale": SEQUENTIAL, "cmin": 0, "cmax": 255, "showscale": False}, showlegend=False,
        dragmode="select", margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )  # fmt: skip
    return figure


def _panel(
    figure: go.Figure, axis: str, shares: npt.NDArray[np.float32], group: tuple[str, str], count: int, cells: int,
) -> None:  # fmt: skip
    side, top = len(shares), float(shares.max()) or 1.0
    name, plane = group
    # Whole numbers from 0 to 255 travel as bytes, a fifth of what decimals take.
    figure.add_heatmap(
        z=np.rint(shares / top * 255).astype(np.uint8), coloraxis="coloraxis", hoverinfo="skip",
        xaxis=f"x{axis}", yaxis=f"y{axis}",
    )  # fmt: skip
    step = side / cells
    middles = (np.arange(cells) + 0.5) * step - 0.5
    mean = shares.reshape(cells, round(step), cells, round(step)).mean(axis=(1, 3))
    places = [(down, across) for down in range(cells) for across in range(cells)]
    figure.add_scatter(
        x=[float(middles[across]) for _, across in places], y=[float(middles[down]) for down, _ in places],
        mode="markers", xaxis=f"x{axis}", yaxis=f"y{axis}", showlegend=False,
        marker={"symbol": "square", "size": 14, "color": CLEAR, "line": {"width": 0}},
        selected={"marker": {"color": "rgba(213,94,0,0.55)"}}, unselected={"marker": {"opacity": 0}},
        customdata=[[name, plane, down, across, round(float(mean[down, across]), 4)] for down, across in places],
        hovertemplate=f"{name}, {plane}: %{{customdata[4]:.1%}} of {count:,} slices<extra></extra>",
    )  # fmt: skip
    figure.add_annotation(
        text=f"{name}, {plane}<br>n = {count:,}, darkest {top:.0%}", x=0.5, y=1.0,
        xref=f"x{axis} domain", yref=f"y{axis} domain",
        yanchor="bottom", showarrow=False, font={"size": FONT_SIZE - 1},
    )  # fmt: skip


def _place(figure: go.Figure, axis: str, down: tuple[int, int], across: tuple[int, int]) -> None:
    """Where a panel stands: row of rows from the top, column of columns."""
    high, wide = 1 / down[1], 1 / across[1]
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    figure.update_layout(
        {
            f"xaxis{axis}": hidden | {
                "domain": [across[0] * wide + _GAP / 2, (across[0] + 1) * wide - _GAP / 2], "anchor": f"y{axis}",
                "constrain": "domain", "range": [-0.5, 63.5],
            },
            f"yaxis{axis}": hidden | {
                "domain": [1 - (down[0] + 1) * high + _GAP / 2, 1 - down[0] * high - _TITLE / down[1]],
                "anchor": f"x{axis}",
                "scaleanchor": f"x{axis}", "constrain": "domain", "range": [63.5, -0.5],
            },
        }
    )  # fmt: skip


def brightness(frame: pd.DataFrame, where: str) -> go.Figure:
    """How bright tumours, or the heads around them, are: a line a class.

    Args:
        frame: ``class_name, low, high, share``: bins of the brightness in 0..1, and their share of the pixels.
        where: ``inside`` or ``outside``.
    """
    if frame.empty:
        return empty_figure("No tumour outlines to show. This dataset has none.")
    names = classes_in(frame)
    peaks = {line["class_name"]: line["low"] for line in frame.sort_values("share").to_dict("records")}
    said = ", ".join(f"{name} {float(peaks[name]):.0%}" for name in names)
    what = "inside the outline" if where == "inside" else "in the head outside it"
    alt = f"Distribution of the brightness {what}, a line a class; most frequent: {said} of the slice's white."
    figure = new_figure(alt, x="Brightness, share of the slice's white", y="Share of the pixels", height=340)
    for name in names:
        part = frame[frame["class_name"] == name]
        figure.add_scatter(
            x=[round((low + high) / 2, 4) for low, high in zip(part["low"], part["high"], strict=True)],
            y=[round(float(share), 5) for share in part["share"]],
            mode="lines+markers",
            name=name,
            line={"color": CLASS_COLOURS[name], "dash": CLASS_DASHES[name], "width": 2},
            marker={"symbol": CLASS_SYMBOLS[name], "size": 6, "color": CLASS_COLOURS[name]},
            customdata=[[name, float(low), float(high)] for low, high in zip(part["low"], part["high"], strict=True)],
            hovertemplate=f"{name}: %{{y:.1%}} of the pixels at %{{x:.0%}}<extra></extra>",
        )
    figure.update_xaxes(tickformat=PERCENT, range=[0, 1])
    figure.update_yaxes(tickformat=PERCENT, rangemode="tozero")
    return figure
