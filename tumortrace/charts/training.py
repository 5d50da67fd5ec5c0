"""How a run fares, epoch by epoch; several runs may stand in one frame.

The tidy frame, made from a run's metrics by :func:`tidy_metrics`: a row an epoch and part ::

    run  epoch  step  part  loss  accuracy  macro_f1  learning_rate  images_per_second

``part`` is ``train`` or ``validation``; what a part does not measure is NaN.
"""

from __future__ import annotations

from typing import Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import PERCENT, PERCENT_EXACT, colour_of, empty_figure, new_figure

COLUMNS: Final = (
    "run", "epoch", "step", "part", "loss", "accuracy", "macro_f1", "learning_rate", "images_per_second",
)  # fmt: skip
PARTS: Final = {"train": "train", "validation": "val"}
"""Part to its prefix in the run's metrics."""
DASHES: Final = {"train": "solid", "validation": "dash"}
SYMBOLS: Final = {"train": "circle", "validation": "diamond-open"}
NOTHING = "No epoch is finished yet. The curves appear after the first one."


def tidy_metrics(metrics: pd.DataFrame, run: str = "") -> pd.DataFrame:
    """Reshape a run's metrics (a row an epoch, a column a measure and part) to the tidy frame.

    Args:
        metrics: ``epoch, step, train_loss, train_accuracy, val_loss, val_accuracy, val_macro_f1, lr,
            images_per_second``; any but ``epoch`` may be missing.
        run: The run's name, in the legend where there are several.
    """
    parts = []
    for part, prefix in PARTS.items():
        columns = [f"{prefix}_{measure}" for measure in ("loss", "accuracy", "macro_f1")]
        if not any(column in metrics for column in columns):
            continue
        wide = metrics.reindex(columns=["epoch", "step", *columns, "lr", "images_per_second"])
        wide.columns = pd.Index(["epoch", "step", *COLUMNS[4:]])
        if part == "validation":
            wide = wide.assign(learning_rate=float("nan"), images_per_second=float("nan"))
        parts.append(wide.assign(run=run, part=part)[list(COLUMNS)])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def loss_curves(frame: pd.DataFrame, x: str = "epoch") -> go.Figure:
    """Loss of training and validation.

    Args:
        frame: ``run, part, loss`` and ``epoch`` or ``step``.
        x: ``epoch`` or ``step``.
    """
    return _curves(frame, x, "loss", "Loss (cross-entropy)", ".3f")


def accuracy_curves(frame: pd.DataFrame, x: str = "epoch") -> go.Figure:
    """Accuracy of training and validation.

    Args:
        frame: ``run, part, accuracy`` and ``epoch`` or ``step``.
        x: ``epoch`` or ``step``.
    """
    figure = _curves(frame, x, "accuracy", "Accuracy", PERCENT_EXACT)
    figure.update_yaxes(tickformat=PERCENT, rangemode="normal")
    return figure


def macro_f1_curves(frame: pd.DataFrame, x: str = "epoch") -> go.Figure:
    """Macro F1; of validation alone, for training does not measure it.

    Args:
        frame: ``run, part, macro_f1`` and ``epoch``, ``step`` or ``minutes``.
        x: Which of these.
    """
    figure = _curves(frame, x, "macro_f1", "Macro F1", PERCENT_EXACT)
    figure.update_yaxes(tickformat=PERCENT, rangemode="normal")
    return figure


def learning_rate(frame: pd.DataFrame, x: str = "epoch") -> go.Figure:
    """The learning rate of runs, a line a run.

    Args:
        frame: ``run, part, learning_rate`` and ``epoch`` or ``step``.
        x: ``epoch`` or ``step``.
    """
    figure = _curves(frame, x, "learning_rate", "Learning rate", ".2e")
    figure.update_yaxes(exponentformat="power", rangemode="tozero")
    return figure


def throughput(frame: pd.DataFrame, x: str = "epoch") -> go.Figure:
    """Images per second of runs, a line a run.

    Args:
        frame: ``run, part, images_per_second`` and ``epoch`` or ``step``.
        x: ``epoch`` or ``step``.
    """
    figure = _curves(frame, x, "images_per_second", "Images per second", ",.0f")
    figure.update_yaxes(rangemode="tozero")
    return figure


def _curves(frame: pd.DataFrame, x: str, measure: str, words: str, form: str) -> go.Figure:
    held = frame.dropna(subset=[measure]) if measure in frame else frame.iloc[:0]
    if held.empty:
        return empty_figure(NOTHING)
    runs = [str(run) for run in dict.fromkeys(held["run"])]
    # One run: colour tells the parts apart. Several: colour is the run, the dash is the part.
    colours = colour_of(runs) if len(runs) > 1 else colour_of(list(PARTS))
    figure = new_figure(_described(held, x, measure, words, form), x=x.capitalize(), y=words)
    for (run, part), line in held.groupby(["run", "part"], sort=False):
        name = str(part) if len(runs) == 1 else f"{run} ({part})"
        figure.add_scatter(
            x=line[x].tolist(),
            y=line[measure].astype(float).tolist(),
            name=name,
            mode="lines+markers" if len(line) <= 60 else "lines",
            line={"color": colours[str(run) if len(runs) > 1 else str(part)], "dash": DASHES[str(part)], "width": 2.5},
            marker={"symbol": SYMBOLS[str(part)], "size": 7},
            hovertemplate=f"{x} %{{x}}: %{{y:{form}}}<extra>{name}</extra>",
        )
    figure.update_layout(showlegend=True, hovermode="x unified")
    return figure


def _described(held: pd.DataFrame, x: str, measure: str, words: str, form: str) -> str:
    ends = [
        f"{part} ends at {format(float(line[measure].iloc[-1]), form)}"
        + (f" ({run})" if held["run"].nunique() > 1 else "")
        for (run, part), line in held.groupby(["run", "part"], sort=False)
    ]
    more = "" if len(ends) <= 4 else f", and {len(ends) - 4} more lines"
    return f"{words} by {x}: {', '.join(ends[:4])}{more}."
