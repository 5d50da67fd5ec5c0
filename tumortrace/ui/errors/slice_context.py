"""What a slice resembles, and how the patient's other slices and the person's other exams fared."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from tumortrace.constants import CLASSES
from tumortrace.data import splits
from tumortrace.data.datasets import Dataset
from tumortrace.ui.errors import address
from tumortrace.ui.errors.mistakes import Tags
from tumortrace.ui.errors.rows import Errors
from tumortrace.ui.shell import cache, layout, models, style

ALIKE: Final = 6
SMALL: Final = 84
MANY: Final = 8
"""Above so many thumbnails a list scrolls in itself."""


def alike(errors: Errors, row: pd.Series) -> None:
    """The training slices nearest to this one, with their labels."""
    st.subheader("Nearest training slices", anchor=False)
    if not errors.source.published:
        st.caption("Similar slices are known for the real dataset alone.")
        return
    with layout.errors():
        index = models.retrieval_index()
        if index is None:
            st.caption("The index of similar slices ships with TraceNet, which is not here yet.")
            return
        fold = int(row["fold"])
        found = index.beside(str(row["slice_id"]), ALIKE, _training(str(row["protocol"]), fold))
        if not found:
            st.caption("This slice is not in the index of similar slices.")
            return
        with st.container(horizontal=True, gap="small", key="tiles-alike"):
            for one in found:
                with st.container(width=132, gap=None):
                    if errors.dataset is not None and one.slice_id in cache.places(errors.dataset):
                        picture = cache.thumbnail(errors.dataset, one.slice_id, 198, outline=True)
                        alt = f"Slice {one.slice_id} with its outline: {CLASSES[one.label]}"
                        st.image(picture, width="stretch", alt=alt)
                    st.html(style.class_chip(one.label))
                    words = f"slice {one.slice_id}<br>likeness {one.similarity:.2f}"
                    st.html(f'<div class="tt-fare">{words}</div>')
        votes = np.bincount([one.label for one in found], minlength=len(CLASSES))
        named, true = int(votes[int(row["predicted"])]), int(votes[int(row["label"])])
        counted = f"{true} of {len(found)} are labelled {row['true_class']}"
        if not row["correct"]:
            counted += f", {named} {row['predicted_class']}"
        st.caption(
            f"{counted}. From the training part of {row['protocol']} fold {fold}, one slice a person at most, none of "
            "the same person. Nearest in what the head of the shipped TraceNet sees: it has learnt the labels of its "
            "own training slices, so they illustrate and prove nothing."
        )


@st.cache_resource(max_entries=16, show_spinner=False)
def _training(protocol: str, fold: int) -> frozenset[str]:
    truth = splits.frozen_figshare()
    return frozenset(truth.loc[truth[protocol] != fold, "slice_id"].astype(str))


def same_patient(errors: Errors, row: pd.Series, tags: Tags) -> None:
    """The patient's slices and the person's other exams, and how the model did on each."""
    patient, person = row["patient_id"], row["person_id"]
    if pd.isna(patient):
        st.caption("Whose slice this is, is not known.")
        return
    rows = errors.rows[errors.rows["seed"] == row["seed"]]
    mine = rows[(rows["patient_id"] == patient).fillna(False)]
    st.subheader(f"All slices of patient {patient}", anchor=False)
    _fared(errors, mine, str(row["slice_id"]), tags)
    if pd.isna(person):
        return
    others = rows[((rows["person_id"] == person) & (rows["patient_id"] != patient)).fillna(False)]
    for exam, part in others.groupby("patient_id", sort=True):
        st.subheader(f"Another exam of this person: {exam}", anchor=False)
        _fared(errors, part, str(row["slice_id"]), tags)


def _fared(errors: Errors, rows: pd.DataFrame, here: str, tags: Tags) -> None:
    right = int(rows["correct"].sum())
    st.caption(
        f"{right} of {len(rows)} right: {errors.titles[errors.name]}, {errors.protocol}. In the order of the series "
        "where it is known (estimated)."
    )
    ordered = _in_series(errors.dataset, rows)
    height: Any = 300 if len(ordered) > MANY else "content"
    with st.container(horizontal=True, gap="small", height=height, key=f"tiles-{rows['patient_id'].iloc[0]}"):
        for line in ordered.to_dict("records"):
            _small(errors.dataset, line, here, tags)


def _in_series(dataset: Dataset | None, rows: pd.DataFrame) -> pd.DataFrame:
    if dataset is None:
        return rows
    place = dataset.manifest.set_index("slice_id")[["series_id", "position"]]
    return rows.join(place, on="slice_id").sort_values(["series_id", "position"], kind="stable")


def _small(dataset: Dataset | None, line: dict[Any, Any], here: str, tags: Tags) -> None:
    slice_id = str(line["slice_id"])
    said = "✓ right" if line["correct"] else f"✗ {line['predicted_class']}"
    with st.container(width=SMALL, gap=None):
        if dataset is not None and slice_id in cache.places(dataset):
            alt = f"Slice {slice_id}, {said[2:]}"
            st.image(cache.thumbnail(dataset, slice_id, 168, outline=True), width="stretch", alt=alt)
        mark = " · noted" if slice_id in tags else ""
        st.html(f'<div class="tt-fare">{said}, {float(line["confidence"]):.0%}{mark}</div>')
        st.button(
            f"{slice_id} · here" if slice_id == here else slice_id, key=f"fared_{slice_id}", type="tertiary",
            on_click=address.open_slice, args=(slice_id, int(line["seed"])), disabled=slice_id == here,
        )  # fmt: skip
