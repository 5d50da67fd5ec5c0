"""Distributions: what the dataset holds, by class, plane, fold, patient and size; every plot leads into the gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from tumortrace.charts import dataset as charts
from tumortrace.constants import PROTOCOL_NOTES
from tumortrace.data import counts as tallies
from tumortrace.data import datasets
from tumortrace.data.datasets import Dataset
from tumortrace.data.query import Table
from tumortrace.ui.components import plot_clicks, plots
from tumortrace.ui.dataset import pixel_plots
from tumortrace.ui.gallery import selection, slice_facts
from tumortrace.ui.gallery import state as gallery_state
from tumortrace.ui.gallery import table as gallery_table
from tumortrace.ui.shell import state


def render(dataset: Dataset, rows: pd.DataFrame) -> None:
    """Draw the section Plots; ``rows`` as :func:`tumortrace.ui.gallery.rows.rows_of` gives them."""
    table = gallery_table.table_of(dataset)
    counts = _counts(str(dataset.folder), dataset.fingerprint)
    left, right = plots.columns("kinds")
    with left:
        _classes(table, counts)
    with right:
        _planes(table, counts, dataset)
    left, right = plots.columns("groups")
    with left:
        _folds(table, counts)
    with right:
        _sizes_of_patients(table, counts)
    _patients(table, counts)
    _areas(table, counts, dataset)
    pixel_plots.render(dataset, rows)


@st.cache_resource(max_entries=4, show_spinner="Counting ...")
def _counts(folder: str, fingerprint: str) -> dict[str, pd.DataFrame]:
    """Every frame behind the plots, small at any number of rows; never changed."""
    rows = gallery_table.table_of(datasets.open_dataset(Path(folder).name)).rows
    patients = tallies.patients(rows)
    return {
        "classes": tallies.counted(rows, ["class_name"]),
        "planes": tallies.counted(rows, ["plane", "class_name"]),
        **{
            name: tallies.counted(rows, [name, "class_name"]).rename(columns={name: "fold"})
            for name in PROTOCOL_NOTES
        },
        "patients": patients,
        "binned": tallies.binned_patients(patients),
        "boxes": tallies.area_boxes(rows),
        "points": tallies.area_points(rows),
    }  # fmt: skip


def _classes(table: Table, counts: dict[str, pd.DataFrame]) -> None:
    st.subheader("Classes")
    st.caption("How many slices there are of each class. A click on a bar shows them.")

    def taken(points: plot_clicks.Points, boxes: list[dict[str, Any]]) -> None:
        gallery_state.show_only(table, classes=[points[0]["customdata"][0]])

    plot_clicks.show_clickable(charts.class_counts(counts["classes"]), "class_counts", taken)


def _planes(table: Table, counts: dict[str, pd.DataFrame], dataset: Dataset) -> None:
    st.subheader("Planes")
    told = "as they were drawn" if dataset.synthetic else "estimated from the published numbering"
    st.caption(f"In which plane slices were cut, {told}. A click shows that class in that plane.")

    def taken(points: plot_clicks.Points, boxes: list[dict[str, Any]]) -> None:
        plane, name = points[0]["customdata"][:2]
        gallery_state.show_only(table, planes=[plane], classes=[name])

    plot_clicks.show_clickable(charts.class_by_plane(counts["planes"]), "class_by_plane", taken)


def _folds(table: Table, counts: dict[str, pd.DataFrame]) -> None:
    st.subheader("Folds")
    usable = gallery_state.protocols(table)
    if not usable:
        st.caption("This dataset has no folds: it needs patient ids, or the author's folds.")
        return
    if st.session_state.get(state.PLOTS_PROTOCOL) not in usable:
        st.session_state[state.PLOTS_PROTOCOL] = usable[0]
    protocol = st.segmented_control(
        "Protocol", usable, required=True, key=state.PLOTS_PROTOCOL, persist_state="session",
        label_visibility="collapsed",
    ) or usable[0]  # fmt: skip
    st.caption(f"How each fold is made up. {PROTOCOL_NOTES[protocol]} A click shows that class in that fold.")

    def taken(points: plot_clicks.Points, boxes: list[dict[str, Any]]) -> None:
        fold, name = points[0]["customdata"][:2]
        gallery_state.show_only(table, protocol=protocol, fold=int(fold), classes=[name])

    plot_clicks.show_clickable(charts.class_by_fold(counts[protocol]), "class_by_fold", taken)


def _sizes_of_patients(table: Table, counts: dict[str, pd.DataFrame]) -> None:
    st.subheader("Slices per patient")
    st.caption(
        "How many patients have how many slices: those with many weigh more in every figure by slice. A click shows "
        "the slices of these patients."
    )

    def taken(points: plot_clicks.Points, boxes: list[dict[str, Any]]) -> None:
        name, low, high = points[0]["customdata"][:3]
        found = counts["patients"]
        found = found[(found["class_name"] == name) & found["slices"].between(int(low), int(high))]
        ids = table.rows.loc[table.rows["patient_id"].isin(found["patient_id"]), "slice_id"]
        each = f"{low} slices" if low == high else f"{low} to {high} slices"
        selection.pick(ids.tolist(), f"{len(ids):,} slices of {len(found):,} patients ({name}) with {each} each")

    plot_clicks.show_clickable(charts.slices_per_patient(counts["binned"]), "slices_per_patient", taken)


def _patients(table: Table, counts: dict[str, pd.DataFrame]) -> None:
    st.subheader("Patients")
    shown = tallies.largest(counts["patients"])
    many, every = shown["patient_id"].nunique(), counts["patients"]["patient_id"].nunique()
    which = f"the {many:,} of {every:,} patients with most slices" if many < every else f"all {many:,} patients"
    st.caption(f"A bar a patient, by class: {which}. A click shows the patient's slices.")

    def taken(points: plot_clicks.Points, boxes: list[dict[str, Any]]) -> None:
        gallery_state.show_only(table, patient=str(points[0]["customdata"][0]))

    plot_clicks.show_clickable(charts.class_by_patient(shown), "class_by_patient", taken)


def _areas(table: Table, counts: dict[str, pd.DataFrame], dataset: Dataset) -> None:
    st.subheader("Tumour area")
    points, boxes_of = counts["points"], counts["boxes"]
    every = int(boxes_of["n"].sum()) if len(boxes_of) else 0
    sample = f" Points are a sample of {len(points):,}; the boxes rest on all {every:,}." if len(points) < every else ""
    st.caption(
        "How large the outlined tumours are in their slices: box from the first to the third quarter, its line the "
        f"median.{sample} A click on a point shows the slice; drag over a range to see every slice in it."
    )
    unit = slice_facts.unit_of(dataset)

    def taken(points: plot_clicks.Points, boxes: list[dict[str, Any]]) -> None:
        if boxes:
            low, high = sorted(float(end) for end in boxes[0]["x"][:2])
            gallery_state.show_only(table, area=(low, high))
        elif "customdata" in points[0]:
            selection.open_slice(str(points[0]["customdata"][0]))

    plot_clicks.show_clickable(charts.tumour_area(boxes_of, points, unit), "tumour_area", taken, ("points", "box"))
