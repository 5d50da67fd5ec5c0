"""A model learning: what a run measures every second, and what it thinks of single slices epoch by epoch.

The frame of seconds is a run's telemetry: ``epoch`` (with fractions) and any of the columns of :data:`MEASURES`. The
frame of a slice has a row an epoch: ``epoch, slice_id, class_name, probability``.
"""

from __future__ import annotations

from typing import Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts import training
from tumortrace.charts.theme import (
    CLASS_COLOURS,
    CLASS_DASHES,
    CLASS_SYMBOLS,
    NEUTRAL,
    PERCENT,
    PERCENT_EXACT,
    SERIES,
    alt_text,
    classes_in,
    empty_figure,
    new_figure,
    shown,
)

MEASURES: Final = {
    "lr": ("Learning rate", ".2e"),
    "images_per_second": ("Slices per second", ",.0f"),
    "memory_mb": ("Memory (MiB)", ",.0f"),
    "utilisation": ("Utilisation", PERCENT),
}
"""Column of the telemetry to its name and its format."""
MARKERS: Final = ("circle", "diamond", "square", "triangle-up", "x", "star", "hexagon", "cross")
"""Tell slices of one class apart."""
HEIGHT: Final = 340
SMALL: Final = 168
_EPOCH: Final = "Epoch"


def loss(epochs: pd.DataFrame, seconds: pd.DataFrame) -> go.Figure:
    """Loss by epoch, and behind it the thin line of single steps, which moves from the first second on.

    Args:
        epochs: The tidy frame of :mod:`tumortrace.charts.training`.
        seconds: Telemetry: ``epoch, loss``.
    """
    steps = seconds.dropna(subset=["loss"]) if "loss" in seconds else seconds.iloc[:0]
    if steps.empty:
        return training.loss_curves(epochs)
    last = float(steps["loss"].iloc[-1])
    if epochs.empty:
        figure = new_figure(f"Loss of single training steps, now {last:.3f}.", x=_EPOCH, y="Loss (cross-entropy)")
        figure.update_layout(showlegend=True, hovermode="x unified")
    else:
        figure = training.loss_curves(epochs)
        figure.update_layout(meta={"alt": f"{alt_text(figure)} Single training steps: now {last:.3f}."})
    figure.add_scatter(
        x=steps["epoch"].astype(float).tolist(),
        y=steps["loss"].astype(float).tolist(),
        name="single steps",
        mode="lines",
        line={"color": NEUTRAL, "width": 1.2},
        hovertemplate="%{y:.3f}<extra>single step</extra>",
    )
    figure.data = (figure.data[-1], *figure.data[:-1])  # behind the epochs
    return figure


def scores(epochs: pd.DataFrame) -> go.Figure:
    """Accuracy of training and validation, and macro-F1 of validation.

    Args:
        epochs: The tidy frame of :mod:`tumortrace.charts.training`.
    """
    figure = training.accuracy_curves(epochs)
    held = epochs.dropna(subset=["macro_f1"]) if "macro_f1" in epochs else epochs.iloc[:0]
    if len(held):
        figure.add_scatter(
            x=held["epoch"].tolist(),
            y=held["macro_f1"].astype(float).tolist(),
            name="validation macro-F1",
            mode="lines+markers" if len(held) <= 60 else "lines",
            line={"color": SERIES[3], "dash": "dot", "width": 2.5},
            marker={"symbol": "square-open", "size": 7},
            hovertemplate=f"%{{y:{PERCENT_EXACT}}}<extra>validation macro-F1</extra>",
        )
        ends = shown(held["macro_f1"].iloc[-1])
        figure.update_layout(meta={"alt": f"{alt_text(figure)} Validation macro-F1 ends at {ends}."})
        figure.update_yaxes(title="Accuracy, macro-F1")
    return figure


def small(frame: pd.DataFrame, measure: str) -> go.Figure:
    """One measure of a run as a small figure without legend; its name stands above it on the page.

    Args:
        frame: ``epoch`` and ``measure``.
        measure: A key of :data:`MEASURES`.
    """
    words, form = MEASURES[measure]
    held = frame.dropna(subset=[measure]) if measure in frame else frame.iloc[:0]
    if held.empty:
        return empty_figure("Not measured.", height=SMALL)
    values = held[measure].astype(float)
    alt = f"{words} by epoch: now {values.iloc[-1]:{form}}, at most {values.max():{form}}."
    figure = new_figure(alt, x=_EPOCH, height=SMALL)
    figure.add_scatter(
        x=held["epoch"].astype(float).tolist(),
        y=values.tolist(),
        name=words,
        mode="lines" if len(held) > 1 else "markers",
        line={"color": SERIES[0], "width": 2},
        hovertemplate=f"epoch %{{x:.1f}}: %{{y:{form}}}<extra></extra>",
    )
    figure.update_layout(showlegend=False, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    figure.update_yaxes(rangemode="tozero", nticks=4, exponentformat="power" if measure == "lr" else "SI")
    figure.update_xaxes(nticks=5)
    if measure == "utilisation":
        figure.update_yaxes(range=[0, 1.03], tickformat=PERCENT)
    return figure


def true_class(frame: pd.DataFrame) -> go.Figure:
    """The probability of its true class, a line a slice; colour and dash are the class, the marker is the slice.

    Args:
        frame: ``epoch, slice_id, class_name`` (the true class) and ``probability``.
    """
    if frame.empty:
        return empty_figure("The lines begin with the next epoch.")
    ends = frame.groupby("slice_id", sort=False).last()
    said = ", ".join(f"slice {name} ({end['class_name']}) {shown(end['probability'])}" for name, end in ends.iterrows())
    figure = _probabilities(f"Probability of the true class by epoch, at the end: {said}.")
    turn: dict[str, int] = {}
    for slice_id, line in frame.groupby("slice_id", sort=False):
        name = str(line["class_name"].iloc[0])
        place = turn[name] = turn.get(name, -1) + 1
        _line(figure, line, name, f"{slice_id} ({name})", MARKERS[place % len(MARKERS)])
    return figure


def all_classes(frame: pd.DataFrame, slice_id: str, truth: str | None) -> go.Figure:
    """The three probabilities of one slice.

    Args:
        frame: ``epoch, class_name, probability`` of this slice.
        slice_id: For the sentence that describes the figure.
        truth: Its true class, marked; None where unknown.
    """
    if frame.empty:
        return empty_figure("The lines begin with the next epoch.")
    names = classes_in(frame)
    lines = {name: frame[frame["class_name"] == name] for name in names}
    said = ", ".join(f"{name} {shown(lines[name]['probability'].iloc[-1])}" for name in names)
    known = "" if truth is None else f" Its true class is {truth}."
    figure = _probabilities(f"Probabilities of slice {slice_id} by epoch, at the end: {said}.{known}")
    for name in names:
        _line(figure, lines[name], name, f"{name} (true)" if name == truth else name, CLASS_SYMBOLS[name])
    return figure


def _probabilities(alt: str) -> go.Figure:
    figure = new_figure(alt, x=_EPOCH, y="Probability", height=HEIGHT)
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=PERCENT)
    figure.update_layout(showlegend=True, hovermode="x unified")
    return figure


def _line(figure: go.Figure, line: pd.DataFrame, class_name: str, words: str, symbol: str) -> None:
    figure.add_scatter(
        x=line["epoch"].tolist(),
        y=line["probability"].astype(float).tolist(),
        name=words,
        mode="lines+markers",
        line={"color": CLASS_COLOURS[class_name], "dash": CLASS_DASHES[class_name], "width": 2.5},
        marker={"symbol": symbol, "size": 8 if len(line) <= 60 else 4},
        hovertemplate=f"%{{y:{PERCENT_EXACT}}}<extra>{words}</extra>",
    )
