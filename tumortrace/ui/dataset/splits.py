"""The split view: who stands in which fold under each protocol, and the follow-up exams of one head."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from tumortrace.charts import splits as charts
from tumortrace.charts import theme
from tumortrace.charts.dataset import class_by_fold
from tumortrace.constants import CLASSES, PROTOCOL_NOTES, PROTOCOLS
from tumortrace.data import datasets, split_membership
from tumortrace.data.datasets import Dataset
from tumortrace.ui.components import plot_clicks, plots, tables
from tumortrace.ui.components.tables import Cell, Line
from tumortrace.ui.dataset import lookups
from tumortrace.ui.gallery import selection
from tumortrace.ui.shell import state, style

PLOT: Final = "plot_persons"
_CONFIG: Final = {"displaylogo": False, "displayModeBar": False}
_SIDE: Final = 128
_PLACES: Final = 2
"""Places of the head shown of each plane."""


def render(dataset: Dataset, rows: pd.DataFrame) -> None:
    """Draw the section Splits; rows as :func:`tumortrace.ui.gallery.rows.rows_of` gives them."""
    usable = [name for name in PROTOCOLS if rows[name].notna().any()]
    if not usable:
        text = (
            "Folds need patient ids and enough slices of each class, or the author's folds; this dataset has neither."
        )
        st.html(style.note(text, "info", "No folds to show."))
        return
    if st.query_params.get(state.SPLITS_PROTOCOL) not in (None, *usable):
        st.query_params.pop(state.SPLITS_PROTOCOL)
    protocol = st.segmented_control(
        "Protocol", usable, default=usable[0], required=True, key=state.SPLITS_PROTOCOL, bind="query-params",
        persist_state="session",
    ) or usable[0]  # fmt: skip
    st.caption(PROTOCOL_NOTES[protocol])
    _persons(dataset, rows, protocol)
    _make_up(dataset, rows, protocol)
    _both_sides(dataset, rows)
    _follow_ups(dataset, rows)


@st.cache_data(max_entries=12, show_spinner=False)
def _places(folder: str, fingerprint: str, protocol: str, _rows: pd.DataFrame) -> pd.DataFrame:
    return split_membership.places(_rows, protocol)


@st.cache_data(max_entries=12, show_spinner=False)
def _counts(folder: str, fingerprint: str, protocol: str, _rows: pd.DataFrame) -> pd.DataFrame:
    return split_membership.make_up(_rows, protocol)


@st.cache_data(max_entries=4, show_spinner=False)
def _sides(folder: str, fingerprint: str, _rows: pd.DataFrame) -> pd.DataFrame:
    return split_membership.on_both_sides(_rows)


@st.cache_data(max_entries=4, show_spinner=False)
def _followed(folder: str, fingerprint: str, _rows: pd.DataFrame) -> pd.DataFrame:
    return split_membership.followed_up(_rows)


def _persons(dataset: Dataset, rows: pd.DataFrame, protocol: str) -> None:
    table = _places(str(dataset.folder), dataset.fingerprint, protocol, rows)
    st.subheader("Who is where")
    if table.empty:
        text = "This dataset does not say whose slices these are: nobody can tell who stands on both sides of a split."
        st.html(style.note(text, "warn", "No persons to show."))
        return
    every = table["person_id"].nunique()
    torn = table.loc[table["folds"] > 1, "person_id"].nunique()
    kept = table
    if every > charts.MOST:
        first = table.sort_values(["folds", "slices"], ascending=False)["person_id"].drop_duplicates()[: charts.MOST]
        kept = table[table["person_id"].isin(first)]
    figure = charts.persons_by_fold(kept, protocol)

    def taken() -> None:
        points = plot_clicks.points_of(PLOT)
        held = {(str(point["customdata"][0]), int(point["customdata"][1])) for point in points if "customdata" in point}
        if not held:
            return
        person, fold = sorted(held)[0]
        mine = rows[(rows["person_id"] == person).fillna(False) & (rows[protocol] == fold).fillna(False)]
        selection.pick(mine["slice_id"].tolist(), f"Person {person}, fold {fold} of {protocol}")

    st.plotly_chart(
        figure, width="stretch", key=PLOT, config=_CONFIG, alt=theme.alt_text(figure), on_select=taken,
        selection_mode="points",
    )  # fmt: skip
    some = f" Drawn: {charts.MOST} of {every:,}, those in several folds first." if every > charts.MOST else ""
    said = (
        f"**{torn:,} of {every:,} persons** stand in more than one fold"
        if torn
        else "**No person** stands in two folds"
    )
    st.caption(
        f"A column a person, a row a fold; a larger mark has more slices. {said}: such a column has several marks, "
        f"joined by a line. Click a mark to see its slices in the gallery.{some}"
    )


def _make_up(dataset: Dataset, rows: pd.DataFrame, protocol: str) -> None:
    table = _counts(str(dataset.folder), dataset.fingerprint, protocol, rows)
    st.subheader("What the folds are made of")
    units = [name for name in split_membership.UNITS if table[name].notna().any()]
    for column, unit in zip(plots.columns("folds", len(units)), units, strict=True):
        with column:
            st.markdown(f"**{unit.capitalize()}**")
            figure = class_by_fold(table.rename(columns={unit: "count"})[["fold", "class_name", "count"]], unit)
            figure.update_layout(height=280)
            plots.show_figure(figure, f"folds_{protocol}_{unit}")
    missing = [name for name in split_membership.UNITS if name not in units]
    if missing:
        st.caption(f"Not known of these slices: {' and '.join(missing)}.")
    with st.expander("As a table"):
        lines = []
        for fold, part in table.groupby("fold"):
            by_class = part.set_index("class_name")
            cells = [
                Cell(" · ".join(f"{_n(by_class[unit].get(name))}" for name in CLASSES if name in by_class.index))
                for unit in units
            ]
            lines.append(Line([f"Fold {fold}", *cells]))
        head = ["Fold", *[f"{unit.capitalize()}\n{' · '.join(CLASSES)}" for unit in units]]
        tables.show_table(f"Make-up of the folds of {protocol}", head, lines)
        tables.download(table, f"folds_{protocol}")


def _both_sides(dataset: Dataset, rows: pd.DataFrame) -> None:
    st.subheader("Who stands on both sides")
    table = _sides(str(dataset.folder), dataset.fingerprint, rows)
    lines = []
    for line in table.to_dict("records"):
        name = str(line["protocol"])
        if not line["folds"]:
            lines.append(Line([name, "no folds", "", ""], faint=True))
            continue
        cells = [
            Cell("unknown" if pd.isna(line[unit]) else f"{line[unit]:,} of {line[f'of_{unit}']:,}", strong=bool(
                not pd.isna(line[unit]) and line[unit]))
            for unit in ("patients", "persons")
        ]  # fmt: skip
        torn = "unknown" if pd.isna(line["slices"]) else f"{line['slices']:,} of {int(rows[name].notna().sum()):,}"
        lines.append(Line([Cell(name, PROTOCOL_NOTES[name].split(".")[0]), *cells, torn]))
    head = ["Protocol", "Patients in several folds", "Persons in several folds",
            "Slices with another\nslice of their person in another fold"]  # fmt: skip
    tables.show_table("Patients and persons in more than one fold, by protocol", head, lines, wrap=True)
    st.caption("A patient is an id as published; a person is the head behind it, follow-up exams joined.")


def _follow_ups(dataset: Dataset, rows: pd.DataFrame) -> None:
    st.subheader("One head, several exams", anchor="exams")
    table = _followed(str(dataset.folder), dataset.fingerprint, rows)
    if table.empty:
        text = (
            "Every person has one patient id."
            if rows["person_id"].notna().any()
            else "This dataset does not say whose slices these are."
        )
        st.html(style.note(text, "info", "No follow-up exams."))
        return
    crossing = int(table["crosses"].sum())
    many = "persons were" if len(table) > 1 else "person was"
    st.markdown(
        f"**{len(table):,} {many} examined more than once**, each time under a new patient id. "
        + (
            f"The exams of **{crossing:,}** of them stand in different official folds: a model tested on one exam has "
            "trained on the other. Look for yourself whether it is the same head."
            if crossing
            else "None of them crosses the official folds."
        )
    )
    known = table.set_index("person_id")
    asked = st.query_params.get(state.EXAMS)
    if asked is not None and asked not in known.index:
        text = f"Person {asked} has no follow-up exams in {dataset.name}; the list shows those who have."
        st.html(style.note(text, "warn", "No such person."))
        st.query_params.pop(state.EXAMS)
    filtered = st.query_params.get(state.GALLERY_PERSON)
    if asked is None and filtered in known.index and state.EXAMS not in st.session_state:
        st.session_state[state.EXAMS] = filtered  # the person the gallery shows
    # Plain ids, for the address holds what the list shows.
    person = st.selectbox(
        "Person", [str(name) for name in known.index], key=state.EXAMS, bind="query-params", persist_state="session"
    )
    line = known.loc[person].to_dict()
    where = f"official folds {line['folds']}" if line["folds"] else "no official folds"
    st.caption(f"{line['class_name']}, {line['exams']} exams, {line['slices']} slices, {where}")
    _exams(dataset, rows, person)


def _exams(dataset: Dataset, rows: pd.DataFrame, person: str) -> None:
    mine = rows[(rows["person_id"] == person).fillna(False)]
    chosen = _matched(str(dataset.folder), dataset.fingerprint, person, mine)
    for name, part in mine.groupby("patient_id"):
        patient = str(name)
        fold = part["official"].dropna()
        where = f"official fold {int(fold.iloc[0])}" if len(fold) else "no official fold"
        with st.container(border=True):
            st.markdown(f"**Exam {patient}** · {where} · {len(part):,} slices")
            with st.container(horizontal=True, gap="small", key=f"tiles-exam-{patient}"):
                for number, (plane, place) in enumerate(chosen):
                    _place(dataset, part, place.get(patient), plane, f"{patient}_{number}")
    lookups.to_gallery(mine["slice_id"].tolist(), f"All exams of person {person}", "splits_to_gallery")
    st.caption(
        "Below each other stand the slices of each exam that are most alike (correlation of the pictures), from the "
        "same plane where planes are known. Months lie between exams: the tumour and the position of the head change, "
        "skull and vessels do not."
    )


def _place(dataset: Dataset, part: pd.DataFrame, slice_id: str | None, plane: str, key: str) -> None:
    with st.container(width=_SIDE, gap=None):
        if slice_id is None:
            st.caption(f"no {plane} slice left" if plane else "no slice left")
            return
        label = int(part.loc[part["slice_id"] == slice_id, "label"].iloc[0])
        lookups.tile(dataset, slice_id, label, f"exam_{key}", plane, _SIDE)


@st.cache_data(max_entries=64, show_spinner="Finding slices of the same place ...")
def _matched(folder: str, fingerprint: str, person: str, _mine: pd.DataFrame) -> list[tuple[str, dict[str, str]]]:
    """Plane and, for a place in it, patient id to slice id."""
    dataset = datasets.open_dataset(_name(folder))
    planes = _mine["plane"].fillna("")
    found: list[tuple[str, dict[str, str]]] = []
    for plane in sorted(set(planes)):
        exams: dict[str, Any] = {}
        for patient, part in _mine.loc[planes == plane].groupby("patient_id"):
            read = [
                (str(one), picture) for one in part["slice_id"] if (picture := _small(dataset, str(one))) is not None
            ]
            if read:
                exams[str(patient)] = ([one for one, _ in read], np.stack([picture for _, picture in read]))
        if len(exams) > 1:
            count = _PLACES if len(set(planes)) > 1 else 3 * _PLACES
            found += [(plane, place) for place in split_membership.matched(exams, count)]
    # Places that most exams show come first.
    return sorted(found, key=lambda one: -len(one[1]))


def _small(dataset: Dataset, slice_id: str) -> Any:
    try:
        pixels = dataset.pixels(slice_id)
    except (OSError, ValueError, SyntaxError):
        return None
    return np.asarray(Image.fromarray(pixels.astype(np.float32)).resize((48, 48), Image.Resampling.BOX))


def _name(folder: str) -> str:
    return folder.rstrip("/").rsplit("/", 1)[-1]


def _n(value: Any) -> str:
    return "0" if value is None or pd.isna(value) else f"{int(value):,}"
