"""What the models say of one slice under small changes, and of the slices of one series."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    CLASS_COLOURS,
    CLASS_DASHES,
    CLASS_SYMBOLS,
    PERCENT,
    PERCENT_EXACT,
    empty_figure,
    new_figure,
)
from tumortrace.constants import CLASSES

ROW = 24


def stability(frame: pd.DataFrame) -> go.Figure:
    """The three probabilities under each small change, a line a change; the dotted lines are those of the slice.

    Args:
        frame: ``change`` and a column a class, in 0..1; the first row is the slice as it was given.
    """
    if frame.empty:
        return empty_figure("Nothing has been tried yet.")
    names = frame["change"].tolist()
    spread = ", ".join(f"{name} {frame[name].min():.0%} to {frame[name].max():.0%}" for name in CLASSES)
    figure = new_figure(
        f"Probabilities under {len(names) - 1} small changes: {spread}.", x="Probability", height=110 + ROW * len(names)
    )
    for name in CLASSES:
        figure.add_vline(
            x=float(frame[name].iloc[0]), line={"color": CLASS_COLOURS[name], "width": 1, "dash": "dot"}, opacity=0.6
        )
        figure.add_scatter(
            x=frame[name], y=names, mode="markers", name=name,
            marker={"color": CLASS_COLOURS[name], "symbol": CLASS_SYMBOLS[name], "size": 10},
            hovertemplate=f"%{{y}}<br>{name} %{{x:{PERCENT_EXACT}}}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(tickformat=PERCENT, range=[-0.02, 1.02])
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=names)
    return figure


def series_curve(frame: pd.DataFrame) -> go.Figure:
    """The three probabilities along a series; slices that the gate turned away are drawn open and pale.

    Args:
        frame: ``place`` (1, 2, ...), ``slice``, ``open`` and a column a class, in 0..1.
    """
    if frame.empty:
        return empty_figure("No slice of this series could be judged.")
    let_in = int(frame["open"].sum())
    figure = new_figure(
        f"Probabilities of the ensemble along {len(frame)} slices, of which the gate let {let_in} in.",
        x="Slice", y="Probability", height=360,
    )  # fmt: skip
    for name in CLASSES:
        figure.add_scatter(
            x=frame["place"], y=frame[name], mode="lines", showlegend=False, hoverinfo="skip", opacity=0.55,
            line={"color": CLASS_COLOURS[name], "dash": CLASS_DASHES[name], "width": 2},
        )  # fmt: skip
        for let, part in frame.groupby("open", sort=False):
            symbol = CLASS_SYMBOLS[name] + ("" if let else "-open")
            figure.add_scatter(
                x=part["place"], y=part[name], mode="markers", name=name, legendgroup=name, showlegend=bool(let),
                text=part["slice"], opacity=1 if let else 0.5,
                marker={"color": CLASS_COLOURS[name], "symbol": symbol, "size": 7},
                hovertemplate=f"%{{text}}<br>{name} %{{y:{PERCENT_EXACT}}}{'' if let else '<br>turned away'}"
                "<extra></extra>",
            )  # fmt: skip
    figure.update_yaxes(tickformat=PERCENT, range=[-0.02, 1.02])
    return figure
