"""The gallery: a page of the slices that fit the filters, in the order asked for."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from tumortrace.constants import PROTOCOLS
from tumortrace.data.datasets import Dataset
from tumortrace.data.query import SORTS, Query, Table, select, widened
from tumortrace.ui.components import thumbnails
from tumortrace.ui.components.thumbnails import TILE
from tumortrace.ui.gallery import (
    filters,
    selection,
    slice_detail,
    slice_facts,
)
from tumortrace.ui.gallery import (
    state as gallery_state,
)
from tumortrace.ui.gallery import (
    table as gallery_table,
)
from tumortrace.ui.shell import state, style

PAGE_SIZE: Final = slice_detail.PAGE_SIZE


def render(chosen: Dataset, rows: pd.DataFrame) -> None:
    """The gallery, or the slice the address asks for; ``rows`` as :mod:`tumortrace.ui.gallery.rows` gives them."""
    table = gallery_table.table_of(chosen)
    wanted = st.query_params.get(state.SLICE)
    place = None if wanted is None else table.codes["slice_id"][1].get(wanted)
    if place is not None:
        slice_detail.render(chosen, table, str(wanted))
        return
    if wanted is not None:
        text = f"The dataset {chosen.name} has no slice {wanted}; the gallery shows those it has."
        st.html(style.note(text, "warn", "No such slice."))
    filters.bar(table, slice_facts.unit_of(chosen))
    _chip()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="gallery_head"):
        said = st.container(width="content")
        st.space("stretch")
        filters.order()
        st.toggle("Outline", value=True, key=state.GALLERY_OUTLINE, persist_state="session")
        # On a first visit the widgets take what they hold from the address: only now it is known what fits.
        query = gallery_state.asked(table)
        found = select(table, query)
        page = _page(len(found))
    said.markdown(f"**{len(found):,} of {len(table.rows):,} slices**")
    if len(found):
        _grid(chosen, table, found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE], query)
    else:
        _nothing(table, query)


def _chip() -> None:
    """What another section picked, with the button that takes it back."""
    choice = selection.picked()
    if choice is not None:
        st.button(choice[1], icon=":material/close:", on_click=selection.clear, key="picked_chip",
                  help="Take this choice back")  # fmt: skip


def _page(count: int) -> int:
    """Which page is open; the first where the one asked for is none."""
    pages = max(1, (count - 1) // PAGE_SIZE + 1)
    if st.session_state.get(state.GALLERY_PAGE, 1) > pages:
        st.session_state[state.GALLERY_PAGE] = 1
    return st.pagination(
        pages, key=state.GALLERY_PAGE, max_visible_pages=5, bind="query-params", persist_state="session"
    )


def _grid(chosen: Dataset, table: Table, places: npt.NDArray[np.int64], query: Query) -> None:
    outlined = bool(st.session_state.get(state.GALLERY_OUTLINE, True))
    part = table.rows.iloc[places]
    made = thumbnails.make_thumbnails(chosen, part, outlined)
    with st.container(horizontal=True, gap="small", key="tiles"):
        for picture, row in zip(made, part.to_dict("records"), strict=True):
            _tile(picture, row, _said(chosen, row, query))


def _tile(picture: bytes, row: dict[Any, Any], said: str) -> None:
    slice_id = str(row["slice_id"])
    with st.container(width=TILE, gap=None):
        st.image(picture, width="stretch", alt=f"Slice {slice_id}, {row['class_name']}")
        st.html(style.tile(int(row["label"]), said))
        st.button(
            f"Slice {slice_id}", key=f"open_{slice_id}", type="tertiary", on_click=selection.open_slice,
            args=(slice_id,), help="Show it large, with its series",
        )  # fmt: skip


def _said(chosen: Dataset, row: dict[Any, Any], query: Query) -> str:
    """What stands on a tile: whatever the slices are sorted by, else whose slice it is."""
    column = SORTS.get(query.sort, "slice_id")
    value = row["patient_id"] if column in ("slice_id", "label") else row[column]
    if pd.isna(value):
        return "unknown"
    if column == "area":
        return f"{float(value):,.0f} {slice_facts.unit_of(chosen)}"
    if column == "place":
        return f"{int(value)} of {int(row['series_length'])}"
    if column in ("outline_iou", "quality"):
        return f"{float(value):.3f}"
    if column == "errors":
        return f"{int(value)} err"
    if column in PROTOCOLS:
        return f"fold {int(value)}"
    return str(value)[:18]


def _nothing(table: Table, query: Query) -> None:
    """No slice fits: say which single filter stands in the way."""
    found = widened(table, query)
    if not found:
        st.html(style.note("No single filter is to blame; reset them all.", "info", "No slice fits these filters."))
        return
    st.html(style.note("Each of these filters could go:", "info", "No slice fits all of them."))
    with st.container(horizontal=True, gap="small", key="widen"):
        for name, count in found.items():
            many = f"{count:,} slice" + ("" if count == 1 else "s")
            key, title = gallery_state.NAMES.get(name, ("", "the choice from another section"))
            action = (selection.clear, ()) if name == "among" else (gallery_state.drop, (table, key))
            st.button(f"Without {title}: {many}", key=f"widen_{name}", on_click=action[0], args=action[1],
                      icon=":material/filter_list_off:")  # fmt: skip
