"""One slice large: its place in what the gallery found, its series, its facts, and whose slice it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from tumortrace.data.datasets import Dataset
from tumortrace.data.query import Table, select
from tumortrace.ui.components import plots, thumbnails
from tumortrace.ui.gallery import filters, selection, slice_facts, slice_image, slice_predictions
from tumortrace.ui.shell import state

PAGE_SIZE = 24
_FULL_HEIGHT = 12
"""Small pictures that stand without scrolling."""


def render(chosen: Dataset, table: Table, slice_id: str) -> None:
    """Draw one slice large, with its facts, predictions and the other slices of its patient.

    Args:
        chosen: The dataset.
        table: From :mod:`tumortrace.ui.gallery.table`.
        slice_id: Of the dataset.
    """
    place = table.codes["slice_id"][1][slice_id]
    row = table.rows.iloc[_position(table, place)]
    _bar(chosen, table, slice_id)
    left, right = plots.columns("slice", [3, 2])
    with left:
        _series(table, row)
        slice_image.render(chosen, row)
    with right:
        slice_facts.render(chosen, table, row)
    slice_predictions.render(chosen, row)
    _exams(chosen, table, row)


def series_of(table: Table, row: pd.Series) -> pd.DataFrame:
    """The slices of the same series in order; the slice alone where its series is unknown."""
    if pd.isna(row["series_id"]):
        return pd.DataFrame(table.rows[table.rows["slice_id"] == row["slice_id"]])
    same = table.rows[(table.rows["series_id"] == row["series_id"]).fillna(False)]
    return pd.DataFrame(same.sort_values("position"))


def neighbours(found: npt.NDArray[np.int64], position: int) -> tuple[int | None, int | None, int | None]:
    """Where a row stands in what was found, from 0, and the rows before and after it; None where there is none.

    Args:
        found: Places of rows, from :func:`tumortrace.data.query.select`.
        position: The place of the row itself.
    """
    here = np.flatnonzero(found == position)
    if not len(here):
        return None, None, int(found[0]) if len(found) else None
    at = int(here[0])
    before = int(found[at - 1]) if at else None
    after = int(found[at + 1]) if at + 1 < len(found) else None
    return at, before, after


def _position(table: Table, code: int) -> int:
    return int(np.flatnonzero(table.codes["slice_id"][0] == code)[0])


def _bar(chosen: Dataset, table: Table, slice_id: str) -> None:
    """Back, before, after; the filters stay at hand, and so in the address."""
    spot = st.container(horizontal=True, vertical_alignment="center", gap="small", key="slice_bar")
    # On a first visit the filters take what they hold from the address: only then it is known what fits.
    query = filters.bar(table, slice_facts.unit_of(chosen), compact=True)
    found = select(table, query)
    at, before, after = neighbours(found, _position(table, table.codes["slice_id"][1][slice_id]))
    names = table.rows["slice_id"]
    page = 1 if at is None else at // PAGE_SIZE + 1
    with spot:
        st.button("Back to the gallery", icon=":material/arrow_back:", on_click=_back, args=(page,), key="slice_back")
        st.button(
            "Previous", icon=":material/chevron_left:", disabled=before is None, shortcut="P", key="slice_before",
            on_click=selection.open_slice, args=(None if before is None else str(names.iloc[before]),),
            help="In the order of the gallery",
        )  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", icon_position="right", disabled=after is None, shortcut="N",
            key="slice_after", on_click=selection.open_slice,
            args=(None if after is None else str(names.iloc[after]),), help="In the order of the gallery",
        )  # fmt: skip
        said = f"{at + 1:,} of {len(found):,} that fit" if at is not None else f"not among the {len(found):,} that fit"
        st.caption(said, width="content")


def _back(page: int) -> None:
    """To the page of the gallery where the slice stands."""
    selection.open_slice(None)
    st.session_state[state.GALLERY_PAGE] = page


def _series(table: Table, row: pd.Series) -> None:
    """The series as a scrubber."""
    ids = [str(name) for name in series_of(table, row)["slice_id"]]
    here = ids.index(str(row["slice_id"]))
    if len(ids) == 1:
        st.caption("It stands alone: its series has no other slice here.")
        return
    st.session_state[state.SERIES_POSITION] = ids[here]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="scrubber"):
        st.button(
            "", icon=":material/skip_previous:", key="series_before", disabled=here == 0, help="One back in the series",
            on_click=selection.open_slice, args=(ids[max(here - 1, 0)],),
        )  # fmt: skip
        st.select_slider(
            f"Series: {len(ids)} slices of this patient in this plane", ids, key=state.SERIES_POSITION,
            format_func=lambda name: f"{ids.index(name) + 1} · slice {name}", on_change=_scrub,
        )  # fmt: skip
        st.button(
            "", icon=":material/skip_next:", key="series_after", disabled=here == len(ids) - 1,
            help="One on in the series", on_click=selection.open_slice, args=(ids[min(here + 1, len(ids) - 1)],),
        )  # fmt: skip


def _scrub() -> None:
    selection.open_slice(str(st.session_state[state.SERIES_POSITION]))


def exams_of(table: Table, row: pd.Series) -> dict[str, pd.DataFrame]:
    """Patient id to slices: the patient's own first, then other exams of the same person; none where unknown."""
    if pd.isna(row["patient_id"]):
        return {}
    whose = "patient_id" if pd.isna(row["person_id"]) else "person_id"
    same = table.rows[(table.rows[whose] == row[whose]).fillna(False)]
    own = str(row["patient_id"])
    names = [own, *sorted({str(name) for name in same["patient_id"].dropna()} - {own})]
    return {name: same[(same["patient_id"] == name).fillna(False)] for name in names}


def _exams(chosen: Dataset, table: Table, row: pd.Series) -> None:
    exams = exams_of(table, row)
    if not exams:
        st.caption("Whose slice it is, nobody said: there are no others to show.")
        return
    st.subheader("The patient's other slices" if len(exams) == 1 else "All exams of this person")
    shown = next(iter(exams))
    if len(exams) > 1:
        if st.session_state.get(state.EXAM) not in exams:
            st.session_state[state.EXAM] = shown
        shown = st.segmented_control(
            "Exam", list(exams), required=True, key=state.EXAM, label_visibility="collapsed",
            format_func=lambda name: f"{name} · {len(exams[name])} slices",
        ) or shown  # fmt: skip
        st.caption(
            f"Ids that differ in their last letter are exams of one head: {', '.join(exams)}. Under a split that sets "
            "them apart, a model is tested on a head it has seen."
        )
    part = exams[shown]
    made = thumbnails.make_thumbnails(chosen, part, outlined=False, side=168)
    with st.container(horizontal=True, gap="small", height=300 if len(part) > _FULL_HEIGHT else "content", key="mine"):
        for picture, slice_id in zip(made, part["slice_id"].astype(str), strict=True):
            own = slice_id == str(row["slice_id"])
            with st.container(width=84, gap=None):
                st.image(picture, width="stretch", alt=f"Slice {slice_id}" + (", shown above" if own else ""))
                st.button(
                    slice_id, key=f"mine_{slice_id}", type="tertiary", disabled=own, on_click=selection.open_slice,
                    args=(slice_id,),
                )  # fmt: skip
