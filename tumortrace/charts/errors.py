"""One slice under several models."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    PERCENT,
    bar_marker,
    classes_in,
    empty_figure,
    new_figure,
    shown,
)


def probability_bars(frame: pd.DataFrame, true_class: str | None = None) -> go.Figure:
    """What each model makes of a slice: one group of bars a model.

    Args:
        frame: ``model, class_name, probability``.
        true_class: The slice's class where it is known; marked in the legend.
    """
    if frame.empty:
        return empty_figure("No model has judged this slice yet.")
    models = [str(model) for model in dict.fromkeys(frame["model"])]
    best = frame.loc[frame.groupby("model", sort=False)["probability"].idxmax()].to_dict("records")
    said = "; ".join(f"{line['model']} says {line['class_name']} with {shown(line['probability'])}" for line in best)
    truth = f" True class: {true_class}." if true_class else ""
    figure = new_figure(f"Probability of each class. {said}.{truth}", x="Probability", height=120 + 90 * len(models))
    for name in classes_in(frame):
        part = frame[frame["class_name"] == name]
        figure.add_bar(
            x=part["probability"].astype(float).tolist(),
            y=part["model"].astype(str).tolist(),
            text=[shown(value) for value in part["probability"]],
            textposition="outside",
            cliponaxis=False,
            orientation="h",
            name=f"{name} (true)" if name == true_class else name,
            marker=bar_marker(name),
            hovertemplate=f"%{{y}}: {name} %{{text}}<extra></extra>",
        )
    figure.update_layout(barmode="group", legend_traceorder="normal")
    figure.update_xaxes(range=[0, 1.1], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=PERCENT)
    figure.update_yaxes(autorange="reversed")
    return figure
