"""What the dataset holds: classes, folds, patients, tumour sizes."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import (
    CLASS_COLOURS,
    CLASS_SYMBOLS,
    CLEAR,
    COUNT,
    bar_marker,
    classes_in,
    empty_figure,
    new_figure,
    number_rows,
)

NOTHING = "No slices to show. Import a dataset, or widen the filter."
FEW_PATIENTS = 40
"""Patients whose ids are legible under their bars."""


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
            customdata=[[name]],
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
            customdata=[[int(fold), name] for fold in part["fold"]],
            hovertemplate=f"fold %{{x}}, {name}: %{{y:{COUNT}}} {unit}<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=[str(fold) for fold in folds])
    return figure


def class_by_plane(frame: pd.DataFrame) -> go.Figure:
    """How many slices of each class each plane has.

    Args:
        frame: ``plane, class_name, count``.
    """
    if frame.empty:
        return empty_figure("Nobody knows in which plane these slices were cut.")
    planes = sorted(set(frame["plane"]))
    figure = new_figure(
        f"Grouped bars of the slices of each class in the planes {', '.join(planes)}.", x="Plane", y="Slices",
        height=320,
    )  # fmt: skip
    for name in classes_in(frame):
        part = frame[frame["class_name"] == name]
        figure.add_bar(
            x=part["plane"].tolist(),
            y=part["count"].tolist(),
            name=name,
            marker=bar_marker(name),
            customdata=[[plane, name] for plane in part["plane"]],
            hovertemplate=f"%{{x}}, {name}: %{{y:{COUNT}}} slices<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=planes)
    return figure


def slices_per_patient(frame: pd.DataFrame) -> go.Figure:
    """How many patients have how many slices, stacked by class.

    Args:
        frame: ``class_name, low, high, patients``: bins of slices, both ends included.
    """
    if frame.empty:
        return empty_figure("No patient ids to show. This dataset does not say whose slices these are.")
    least, most, many = int(frame["low"].min()), int(frame["high"].max()), int(frame["patients"].sum())
    alt = f"Histogram of slices per patient, by class: {many:,} patients have from {least} to {most} slices each."
    figure = new_figure(alt, x="Slices of one patient", y="Patients")
    for name in classes_in(frame):
        part = frame[frame["class_name"] == name]
        ends = [(int(low), int(high)) for low, high in zip(part["low"], part["high"], strict=True)]
        figure.add_bar(
            x=[(low + high) / 2 for low, high in ends],
            y=part["patients"].tolist(),
            width=[high - low + 0.92 for low, high in ends],
            name=name,
            marker=bar_marker(name),
            customdata=[[name, low, high] for low, high in ends],
            text=[str(low) if low == high else f"{low} to {high}" for low, high in ends],
            textposition="none",
            hovertemplate=f"%{{text}} slices: %{{y:{COUNT}}} patients, {name}<extra></extra>",
        )
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    return figure


def class_by_patient(frame: pd.DataFrame) -> go.Figure:
    """A stacked bar a patient, in the order of the frame.

    Args:
        frame: ``patient_id, class_name, slices`` in order.
    """
    if frame.empty:
        return empty_figure("No patient ids to show. This dataset does not say whose slices these are.")
    order = frame["patient_id"].drop_duplicates().tolist()
    alt = f"Stacked bars of the slices of {len(order):,} patients, class by class, from the most to the fewest."
    figure = new_figure(alt, x="Patients, class by class, those with most slices first", y="Slices", height=320)
    for name in classes_in(frame):
        part = frame[frame["class_name"] == name]
        figure.add_bar(
            x=part["patient_id"].tolist(),
            y=part["slices"].tolist(),
            name=name,
            marker={"color": CLASS_COLOURS[name], "line": {"width": 0}},
            customdata=[[patient] for patient in part["patient_id"]],
            hovertemplate=f"patient %{{x}}: %{{y:{COUNT}}} slices, {name}<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.12, legend_traceorder="normal")
    # With many patients their ids would be a grey smear; the pointer says them.
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=order, showticklabels=len(order) <= FEW_PATIENTS
    )
    return figure


def tumour_area(boxes: pd.DataFrame, points: pd.DataFrame, unit: str = "px") -> go.Figure:
    """How large the outlined tumours are: a box a class, and the slices as points beside it.

    Args:
        boxes: ``class_name, n, low, q1, median, q3, high``.
        points: ``slice_id, class_name, area``; jittered by the place in the frame, so that a figure never changes.
        unit: Of the area.
    """
    if boxes.empty:
        return empty_figure("No tumour outlines to show. This dataset has none.")
    names = classes_in(boxes)
    held = boxes.set_index("class_name")
    said = ", ".join(f"{name} {float(held['median'][name]):,.0f}" for name in names)
    alt = f"Tumour area ({unit}) by class over {int(boxes['n'].sum()):,} slices, as boxes and points; medians: {said}."
    figure = new_figure(alt, x=f"Tumour area in one slice ({unit})", height=400)
    for row, name in enumerate(names):
        part = points[points["class_name"] == name]
        jitter = [row + 0.12 + 0.3 * (place * 0.618034 % 1) for place in range(len(part))]
        figure.add_scatter(
            x=[round(float(area), 1) for area in part["area"]],
            y=[round(value, 3) for value in jitter],
            mode="markers",
            name=name,
            marker={"color": CLASS_COLOURS[name], "symbol": CLASS_SYMBOLS[name], "size": 5, "opacity": 0.55},
            customdata=[[slice_id] for slice_id in part["slice_id"].astype(str)],
            hovertemplate=f"slice %{{customdata[0]}}: %{{x:,.0f}} {unit}<extra></extra>",
        )
        line = held.loc[name]
        figure.add_box(
            q1=[line["q1"]], median=[line["median"]], q3=[line["q3"]], lowerfence=[line["low"]],
            upperfence=[line["high"]], y=[row - 0.18], orientation="h", width=0.3, name=name, hoverinfo="x",
            fillcolor=CLEAR, line={"color": CLASS_COLOURS[name], "width": 2}, boxpoints=False,
        )  # fmt: skip
    figure.update_layout(showlegend=False, dragmode="select", selectdirection="h")
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, showgrid=False)
    number_rows(figure, len(names))
    return figure
