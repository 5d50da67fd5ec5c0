"""What the dataset holds: classes, folds, patients, tumour sizes."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    CLASS_COLOURS,
    CLASS_SYMBOLS,
    COUNT,
    bar_marker,
    classes_in,
    empty_figure,
    new_figure,
)

NOTHING = "No slices to show. Import a dataset, or widen the filter."


def class_counts(frame: pd.DataFrame, unit: str = "slices") -> go.Figure:
    """How many of each class, as bars.

    Args:
        frame: ``class_name, count``.
        unit: What is counted: slices, patients or persons.
    """
    if frame.empty:
        return empty_figure(NOTHING)
    counts = frame.set_index("class_name")["count"]
    names = classes_in(frame)
    said = ", ".join(f"{name} {int(counts[name]):,}" for name in names)
    figure = new_figure(f"Bars of the {unit} of each class: {said}.", y=unit.capitalize(), height=320)
    for name in names:
        figure.add_bar(
            x=[name],
            y=[int(counts[name])],
            name=name,
            marker=bar_marker(name),
            text=[f"{int(counts[name]):,}"],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"%{{x}}: %{{y:{COUNT}}} {unit}<extra></extra>",
        )
    figure.update_layout(showlegend=False, bargap=0.4)
    return figure


def class_by_fold(frame: pd.DataFrame, unit: str = "slices") -> go.Figure:
    """How each fold is made up, as one group of bars a fold.

    Args:
        frame: ``fold, class_name, count``.
        unit: What is counted.
    """
    if frame.empty:
        return empty_figure(NOTHING)
    folds = sorted(int(fold) for fold in frame["fold"].unique())
    alt = f"Grouped bars of the {unit} of each class in each of {len(folds)} folds."
    figure = new_figure(alt, x="Fold", y=unit.capitalize())
    for name in classes_in(frame):
        part = frame[frame["class_name"] == name]
        figure.add_bar(
            x=[str(int(fold)) for fold in part["fold"]],
            y=part["count"].tolist(),
            name=name,
            marker=bar_marker(name),
            hovertemplate=f"fold %{{x}}, {name}: %{{y:{COUNT}}} {unit}<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=[str(fold) for fold in folds])
    return figure


def slices_per_patient(frame: pd.DataFrame) -> go.Figure:
    """How many slices patients have, as stacked histograms by class.

    Args:
        frame: ``patient_id, class_name, slices``, a row a patient.
    """
    if frame.empty:
        return empty_figure("No patient ids to show. This dataset does not say whose slices these are.")
    least, most = int(frame["slices"].min()), int(frame["slices"].max())
    alt = f"Histogram of slices per patient, by class: {len(frame):,} patients have from {least} to {most} slices each."
    figure = new_figure(alt, x="Slices of one patient", y="Patients")
    for name in classes_in(frame):
        figure.add_histogram(
            x=frame.loc[frame["class_name"] == name, "slices"].tolist(),
            name=name,
            marker=bar_marker(name),
            xbins={"start": 0.5, "end": most + 0.5, "size": max(1, round(most / 30))},
            hovertemplate=f"%{{x}} slices: %{{y}} patients, {name}<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.05, legend_traceorder="normal")
    return figure


def tumour_area(frame: pd.DataFrame, unit: str = "px") -> go.Figure:
    """How large the outlined tumours are, as a box a class.

    Args:
        frame: ``class_name, area``, a row a slice.
        unit: Of the area.
    """
    if frame.empty:
        return empty_figure("No tumour outlines to show. This dataset has none.")
    alt = f"Box plots of the tumour area ({unit}) by class, over {len(frame):,} slices with an outline."
    figure = new_figure(alt, x=f"Tumour area in one slice ({unit})", height=320)
    for name in classes_in(frame):
        figure.add_box(
            x=frame.loc[frame["class_name"] == name, "area"].tolist(),
            name=name,
            marker={"color": CLASS_COLOURS[name], "symbol": CLASS_SYMBOLS[name], "size": 4, "opacity": 0.5},
            line={"color": CLASS_COLOURS[name]},
            boxpoints="outliers",
        )
    figure.update_layout(showlegend=False)
    figure.update_yaxes(autorange="reversed")
    return figure
