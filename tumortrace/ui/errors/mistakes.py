"""The mistakes themselves: filtered, sorted, as thumbnails by the page, and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.constants import CLASSES
from tumortrace.data.datasets import Dataset
from tumortrace.evaluation.predictions import PROBABILITIES
from tumortrace.ui.components import plots, tables
from tumortrace.ui.errors import address, matrix
from tumortrace.ui.errors.rows import PERSON, Errors
from tumortrace.ui.shell import cache, onboarding, state, style

PAGE_SIZE: Final = 12
TILE: Final = 144
FIELD: Final = 196
"""Width of a filter: three stand beside each other beside the matrix."""
ANY: Final = "any"
NOTED: Final = "any note"

Tags = dict[str, tuple[str, ...]]
"""Slice id to its tags, of the slices that have a note."""


@dataclass(frozen=True)
class Order:
    """One way to sort the slices of a cell."""

    title: str
    columns: tuple[str, ...]
    ascending: tuple[bool, ...]


ORDERS: Final = {
    "sure": Order("surest first", ("confidence",), (False,)),
    "unsure": Order("least sure first", ("confidence",), (True,)),
    "margin": Order("widest margin over the true class", ("margin",), (False,)),
    "apart": Order("models disagree most", ("disagreement", "confidence"), (False, False)),
    "alone": Order("fewest models right", ("right", "confidence"), (True, False)),
    "small": Order("smallest tumour first", ("size",), (True,)),
    "large": Order("largest tumour first", ("size",), (False,)),
    "patient": Order("by patient", ("patient_id", "confidence"), (True, False)),
}


def render(errors: Errors, tags: Tags) -> None:
    """The matrix and the slices of what is chosen in it."""
    left, right = plots.columns("door", [4, 8])
    with left:
        cell = matrix.render(errors)
    with right:
        held = matrix.inside(errors.rows, cell)
        _filters(errors, tags)
        found = listed(errors, tags)
        wrong = int((~errors.rows["correct"]).sum())
        st.markdown(
            f"**{wrong:,} of {len(errors.rows):,}** predictions are wrong. "
            f"**{len(found):,}** of {len(held):,} shown: {matrix.words(cell)}."
        )
        if errors.dataset is not None:
            known = cache.places(errors.dataset)
            here = int(found["slice_id"].isin(list(known)).sum())
            if here < len(found):
                missing = f"{len(found) - here:,} of them are not among the {len(known):,} slices imported here"
                st.caption(f"{missing}: they show without a picture.")
        if errors.dataset is None:
            _without_images(errors, found, cell)
        elif held.empty:
            st.html(_nothing(cell))
        elif found.empty:
            st.html(style.note("Widen the filters above.", "info", "No slice fits all of them."))
        else:
            grid(errors.dataset, found, tags)
    if errors.dataset is not None and len(found):
        with st.expander("All of them as a table"):
            table(found)


def listed(errors: Errors, tags: Tags) -> pd.DataFrame:
    """The chosen cell's slices, filtered and sorted as the session's widgets say, drawn or not."""
    held = st.session_state
    rows = matrix.inside(errors.rows, held.get(state.ERRORS_CELL) or matrix.MISTAKES)
    low, high = held.get(state.ERRORS_CONFIDENCE) or (0.0, 1.0)
    keep = rows["confidence"].between(low - 1e-9, high + 1e-9)
    for key, column in ((state.ERRORS_TRUE, "true_class"), (state.ERRORS_PREDICTED, "predicted_class")):
        if held.get(key):
            keep &= rows[column].isin(held[key])
    patient = held.get(state.ERRORS_PATIENT)
    if patient:
        column = "person_id" if patient.startswith(PERSON) else "patient_id"
        keep &= (rows[column] == patient.removeprefix(PERSON)).fillna(False)
    tag = held.get(state.ERRORS_TAG) or ANY
    if tag != ANY:
        keep &= rows["slice_id"].isin([one for one, names in tags.items() if tag == NOTED or tag in names])
    order = ORDERS.get(held.get(state.ERRORS_SORT) or "sure", ORDERS["sure"])
    return rows[keep].sort_values(list(order.columns), ascending=list(order.ascending), kind="stable")


def _filters(errors: Errors, tags: Tags) -> None:
    with st.container(horizontal=True, gap="small", key="filters"):  # it wraps where the window is narrow
        _order_and_whose(errors, tags)
        for label, key in (("True class", state.ERRORS_TRUE), ("Predicted class", state.ERRORS_PREDICTED)):
            st.multiselect(label, list(CLASSES), key=key, placeholder="any", persist_state="session", width=FIELD)
        if state.ERRORS_CONFIDENCE not in st.session_state:
            st.session_state[state.ERRORS_CONFIDENCE] = (0.0, 1.0)
        st.slider(
            "Confidence", 0.0, 1.0, step=0.05, format="percent", key=state.ERRORS_CONFIDENCE, persist_state="session",
            width=FIELD, help="The probability the model gave to the class it named.",
        )  # fmt: skip


def _order_and_whose(errors: Errors, tags: Tags) -> None:
    orders = [name for name in ORDERS if name not in ("small", "large") or errors.rows["size"].notna().any()]
    if st.session_state.get(state.ERRORS_SORT) not in orders:
        st.session_state[state.ERRORS_SORT] = orders[0]
    st.selectbox(
        "Order", orders, key=state.ERRORS_SORT, format_func=lambda name: ORDERS[name].title, persist_state="session",
        width=FIELD, help="Disagreement: the Jensen-Shannon divergence of the models' probabilities (without the vote "
        "and the majority). Margin: the probability of the class named less that of the true one.",
    )  # fmt: skip
    # Everybody's, not the cell's alone: a patient without such a slice is an answer too.
    st.selectbox(
        "Patient", errors.patients, index=None, placeholder="any", key=state.ERRORS_PATIENT, persist_state="session",
        format_func=lambda name: f"{name.removeprefix(PERSON)}, all exams" if name.startswith(PERSON) else name,
        width=FIELD, on_change=address.on_change, args=(address.PATIENT,),
    )  # fmt: skip
    names = [ANY, NOTED, *dict.fromkeys(tag for found in tags.values() for tag in found)]
    if st.session_state.get(state.ERRORS_TAG) not in names:
        st.session_state[state.ERRORS_TAG] = ANY
    st.selectbox(
        "Tagged", names, key=state.ERRORS_TAG, persist_state="session", width=FIELD, help="By anybody, in a note."
    )  # fmt: skip


def grid(dataset: Dataset, rows: pd.DataFrame, tags: Tags, key: str = "") -> None:
    """A page of slices as pictures, in the order given.

    Args:
        dataset: Whose slices.
        rows: With truth and prediction.
        tags: Notes to mark.
        key: Where several lists are on the page.
    """
    pages = (len(rows) - 1) // PAGE_SIZE + 1
    page_key = f"{state.ERRORS_PAGE}{key}"
    if st.session_state.get(page_key, 1) > pages:
        st.session_state[page_key] = 1
    page = 1
    if pages > 1:
        page = st.pagination(pages, key=page_key, max_visible_pages=5, persist_state="session")
    with st.container(horizontal=True, gap="small", key=f"tiles{key}"):
        for row in rows.iloc[(page - 1) * PAGE_SIZE : page * PAGE_SIZE].to_dict("records"):
            _tile(dataset, row, tags, key)


def _tile(dataset: Dataset, row: dict[Any, Any], tags: Tags, key: str) -> None:
    slice_id = str(row["slice_id"])
    right = row["true_class"] == row["predicted_class"]
    # Streamlit scales a picture down itself, at each run, where it is asked for a width: the container has it instead.
    with st.container(width=TILE, gap=None):
        said = "named rightly" if right else f"taken for {row['predicted_class']}"
        alt = f"Slice {slice_id}: {row['true_class']} {said}"
        if slice_id not in cache.places(dataset):
            st.html(style.note("Not among the slices imported here.", "info"))
        else:
            st.image(cache.thumbnail(dataset, slice_id, TILE * 3 // 2, outline=True), width="stretch", alt=alt)
        beside = ""
        if row.get("voices", 0) and row["voices"] > 1:
            beside = f"{int(row['right'])} of {int(row['voices'])} models right"
        st.html(style.mistaken(int(row["label"]), int(row["predicted"]), float(row["confidence"]), beside))
        if slice_id in tags:
            st.html(style.tagged(tags[slice_id]))
        st.button(
            f"Slice {slice_id}", key=f"error_{key}{row_key(row)}", type="tertiary", on_click=address.open_slice,
            args=(slice_id, int(row["seed"])),
        )  # fmt: skip


def row_key(row: dict[Any, Any]) -> str:
    """One prediction among those of a model: a slice, and the seed it was predicted under."""
    return f"{row['slice_id']}/{row['seed']}"


def table(rows: pd.DataFrame) -> None:
    """Slices as a table, where their pictures are not at hand or many are to be read at once; a row opens its slice."""
    columns = {
        "slice_id": "Slice", "true_class": "True", "predicted_class": "Predicted", "confidence": "Confidence",
        **{name: f"P({name.removeprefix('p_')})" for name in PROBABILITIES}, "disagreement": "Disagreement",
        "patient_id": "Patient", "fold": "Fold",
    }  # fmt: skip
    percent = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    config = {columns[name]: percent for name in ("confidence", *PROBABILITIES)}
    config["Disagreement"] = st.column_config.NumberColumn(format="%.2f")
    keys = list(zip(rows["slice_id"].astype(str), rows["seed"].astype(int), strict=True))

    def opened() -> None:
        chosen = st.session_state["errors_table"].selection.rows
        if chosen and chosen[0] < len(keys):
            address.open_slice(*keys[chosen[0]])

    st.dataframe(
        rows[list(columns)].rename(columns=columns), hide_index=True, width="stretch", column_config=config,
        key="errors_table", on_select=opened, selection_mode="single-row",
        alt="Slices with their probabilities; choose a row to see it large",
    )  # fmt: skip
    tables.download(rows, "errors")


def _without_images(errors: Errors, found: pd.DataFrame, cell: str) -> None:
    text = (
        f"They belong to the dataset {errors.source.dataset_name}, which is not imported here; the table has the rest."
    )
    st.html(style.note(text, "warn", "The slices themselves are not at hand."))
    if len(found):
        table(found)
    else:
        st.html(_nothing(cell))
    onboarding.offer_real()


def _nothing(cell: str) -> str:
    if cell == matrix.MISTAKES:
        return style.note("It has no mistakes to show.", "info", "Every prediction is right.")
    return style.note(f"No {matrix.words(cell)}.", "info", "This cell has no slices.")
