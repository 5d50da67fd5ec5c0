"""Who stands in which fold: a column a person, a row a fold."""

from __future__ import annotations

from typing import Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import CLASS_COLOURS, CLASS_SYMBOLS, NEUTRAL, classes_in, empty_figure, new_figure

MOST: Final = 300
"""Persons drawn."""


def persons_by_fold(frame: pd.DataFrame, protocol: str) -> go.Figure:
    """A column a person, a row a fold, a mark where slices of the person stand; marks of one person are joined.

    Args:
        frame: ``person_id, class_name, fold, slices, folds`` (in how many the person stands), in the order of the
            columns; see :func:`tumortrace.data.split_membership.places`. At most :data:`MOST` persons.
        protocol: Whose folds these are.
    """
    if frame.empty:
        return empty_figure("No persons to show. This dataset does not say whose slices these are.")
    persons = {person: place for place, person in enumerate(dict.fromkeys(frame["person_id"]))}
    torn = frame[frame["folds"] > 1]
    count = torn["person_id"].nunique()
    rows = sorted(int(fold) for fold in frame["fold"].unique())
    alt = (
        f"Each of {len(persons):,} persons as a column over {len(rows)} folds of protocol {protocol}: "
        f"{count:,} of them stand in more than one fold."
    )
    figure = new_figure(alt, x="Persons, by class", y="Fold", height=120 + 52 * len(rows))
    across: list[int | None] = []
    down: list[int | None] = []
    for person, part in torn.groupby("person_id", sort=False):
        across += [persons[str(person)], persons[str(person)], None]
        down += [int(part["fold"].min()), int(part["fold"].max()), None]
    if across:
        figure.add_scatter(
            x=across, y=down, mode="lines", line={"color": NEUTRAL, "width": 1.5}, hoverinfo="skip",
            name="one person, several folds",
        )  # fmt: skip
    largest = float(frame["slices"].max())
    for name in classes_in(frame):
        part = frame[frame["class_name"] == name]
        size = (6 + 10 * (part["slices"] / largest) ** 0.5).round(1)
        looks = {"color": CLASS_COLOURS[name], "symbol": CLASS_SYMBOLS[name], "opacity": 0.85}
        figure.add_scatter(
            x=[persons[person] for person in part["person_id"]], y=part["fold"].tolist(), mode="markers", name=name,
            marker={**looks, "size": size.tolist()},
            customdata=part[["person_id", "fold", "slices", "folds"]].to_numpy().tolist(),
            hovertemplate="person %{customdata[0]}<br>" + name + "<br>fold %{customdata[1]}: %{customdata[2]} slices"
            "<br>stands in %{customdata[3]} of the folds<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(showticklabels=False, showgrid=False, range=[-2, len(persons) + 1])
    figure.update_yaxes(tickvals=rows, range=[rows[-1] + 0.6, rows[0] - 0.6])
    figure.update_layout(dragmode=False, hovermode="closest", legend={"itemsizing": "constant"})
    return figure
