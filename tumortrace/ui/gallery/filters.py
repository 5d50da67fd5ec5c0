"""The gallery's filters: a row of the important ones, the others behind a button."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from tumortrace.constants import CLASSES, FOLDS
from tumortrace.data.query import SORTS, Query, Table
from tumortrace.ui.components import plots
from tumortrace.ui.gallery import selection
from tumortrace.ui.gallery import state as gallery_state
from tumortrace.ui.gallery import table as gallery_table
from tumortrace.ui.shell import state

LONGEST: Final = 80
"""Characters of the text to find."""


def bar(table: Table, unit: str, compact: bool = False) -> Query:
    """Draw the filters and say what they ask for.

    Args:
        table: Of the dataset on show.
        unit: Of its areas.
        compact: Whether all of them stand behind the button: a slice is shown large, and they are kept meanwhile.
    """
    if not compact:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="filters"):
            _first(table)
            _reset(table)
    # Not a popover: what stands in a closed one is not mounted, misses that it was reset, and brings its value back.
    title = "Filters and order" if compact else "More filters"
    with st.expander(title, icon=":material/filter_list:", key="filters_behind"):
        if compact:
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="filters"):
                _first(table)
                order()
                _reset(table)
        _rest(table, unit)
    query = gallery_state.asked(table)
    hidden = _behind(query, unit)
    if hidden:
        st.caption(f"Among the other filters: {'; '.join(hidden)}.")
    return query


def _reset(table: Table) -> None:
    count = gallery_state.asking(table) + (selection.picked() is not None)
    if count:
        st.button(
            f"Reset {count} filter" + ("" if count == 1 else "s"), icon=":material/restart_alt:", type="tertiary",
            on_click=gallery_state.reset, args=(table,), help="Show all slices again", key="filters_reset",
        )  # fmt: skip


def order() -> None:
    """What slices are sorted by."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.markdown("Sort by", width="content")
        st.selectbox(
            "Sort by", list(SORTS), key=state.GALLERY_SORT, bind="query-params", persist_state="session", width=170,
            label_visibility="collapsed", on_change=selection.first_page,
        )  # fmt: skip
        st.segmented_control(
            "Order", [gallery_state.ASCENDING, gallery_state.DESCENDING], default=gallery_state.ASCENDING,
            required=True, key=state.GALLERY_ORDER, bind="query-params", persist_state="session",
            label_visibility="collapsed", on_change=selection.first_page,
        )  # fmt: skip


def _behind(query: Query, unit: str) -> list[str]:
    """What the filters behind the button ask for, in words."""
    said = []
    if query.patient is not None:
        said.append(f"patient {query.patient}")
    if query.person is not None:
        said.append(f"person {query.person}")
    if query.fold is not None:
        said.append(f"fold {query.fold} under {query.protocol}")
    if query.area is not None:
        said.append(f"tumour area {query.area[0]:,.0f} to {query.area[1]:,.0f} {unit}")
    if query.place is not None:
        said.append(f"place {query.place[0]} to {query.place[1]} in the series")
    return said + [
        flag if start == gallery_table.MISSED else f"label {flag}"
        for start, flag in ((gallery_table.DOUBTED, query.doubted), (gallery_table.MISSED, query.missed))
        if flag is not None
    ]


def _first(table: Table) -> None:
    st.text_input(
        "Find", key=state.GALLERY_TEXT, max_chars=LONGEST, placeholder="id, patient, source, class",
        bind="query-params", persist_state="session", icon=":material/search:", width=210,
        on_change=selection.first_page,
    )  # fmt: skip
    st.pills(
        "Class", list(CLASSES), selection_mode="multi", key=state.GALLERY_CLASSES, bind="query-params",
        persist_state="session", on_change=selection.first_page,
    )  # fmt: skip
    planes = table.values("plane")
    if planes:
        st.pills(
            "Plane (estimated)", planes, selection_mode="multi", key=state.GALLERY_PLANES, bind="query-params",
            persist_state="session", on_change=selection.first_page,
        )  # fmt: skip


def _rest(table: Table, unit: str) -> None:
    first, second, third = plots.columns("filters", 3)
    with first:
        _choice("Patient", state.GALLERY_PATIENT, table.values("patient_id"))
        _choice("Person (exams of one head)", state.GALLERY_PERSON, table.values("person_id"))
    with second:
        usable = gallery_state.protocols(table)
        if usable:
            st.selectbox(
                "Protocol of the fold", usable, key=state.GALLERY_PROTOCOL, bind="query-params",
                persist_state="session", on_change=selection.first_page,
            )  # fmt: skip
            _choice("Fold", state.GALLERY_FOLD, list(FOLDS))
    with third:
        doubted = gallery_state.flags(table, gallery_table.DOUBTED)
        _choice("Label in doubt under protocol", state.GALLERY_DOUBTED, doubted, "By confident learning; see Results.")
        missed = gallery_state.flags(table, gallery_table.MISSED)
        _choice("Misclassified by", state.GALLERY_MISSED, missed, "On slices the model never saw in training.")
    left, right = plots.columns("filters_ranges")
    with left:
        _range(f"Tumour area ({unit})", state.GALLERY_AREA, gallery_state.span(table, "area"))
    with right:
        _range("Place in its series, from 1", state.GALLERY_PLACE, gallery_state.span(table, "place"))


def _choice(label: str, key: str, options: list[Any], explained: str | None = None) -> None:
    st.selectbox(
        label, options, index=None, placeholder="any" if options else "unknown here", key=key, bind="query-params",
        persist_state="session", help=explained, disabled=not options, on_change=selection.first_page,
    )  # fmt: skip


def _range(label: str, key: str, ends: tuple[int, int] | None) -> None:
    if ends is not None:
        st.slider(
            label,
            *ends,
            value=ends,
            key=key,
            bind="query-params",
            persist_state="session",
            on_change=selection.first_page,
        )
