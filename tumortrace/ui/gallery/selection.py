"""How one section of the Dataset page hands slices to the gallery, and how a slice is opened large.

A plot calls :func:`pick` from a callback (``on_select=``, ``on_click=``)::

    def taken() -> None:
        points = st.session_state["map"].selection.points
        picking.pick([point["customdata"][0] for point in points], f"{len(points):,} slices from the map")

    st.plotly_chart(figure, key="map", on_select=taken)

Streamlit then draws the page anew, with the gallery chosen. Outside a callback, ``st.rerun()`` has to follow; inside a
fragment ``st.rerun(scope="app")``, for a fragment's callback draws the fragment alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from tumortrace.ui.shell import state

GALLERY: Final = "Gallery"
"""The section that shows slices."""


def pick(slice_ids: Sequence[str], why: str) -> None:
    """Show these slices alone in the gallery, together with its other filters; the gallery opens.

    Args:
        slice_ids: Ids of the dataset on show; those it does not have are passed over. None at all changes nothing.
        why: What stands on the chip that takes the choice back, for instance ``132 slices from the map``.
    """
    if not slice_ids:
        return
    ids = tuple(dict.fromkeys(str(slice_id) for slice_id in slice_ids))
    st.session_state[state.PICKED] = (str(st.session_state.get(state.DATASET)), ids, why)
    show_gallery()


def picked() -> tuple[tuple[str, ...], str] | None:
    """The ids picked and why; None where none are, or where they belong to another dataset."""
    kept = st.session_state.get(state.PICKED)
    if kept is None or kept[0] != str(st.session_state.get(state.DATASET)):
        return None
    return kept[1], kept[2]


def clear() -> None:
    """Take the choice back (a callback)."""
    st.session_state.pop(state.PICKED, None)
    first_page()


def first_page() -> None:
    """Whatever is asked for is shown from its beginning (a callback)."""
    st.session_state[state.GALLERY_PAGE] = 1


def show_gallery() -> None:
    """Go to the first page of the gallery (in a callback, or before a rerun)."""
    st.query_params.pop(state.SLICE, None)
    st.session_state[state.NEXT_VIEW] = GALLERY
    first_page()


def open_slice(slice_id: str | None) -> None:
    """Show a slice large in the gallery (a callback), or go back to the gallery with None."""
    if slice_id is None:
        st.query_params.pop(state.SLICE, None)
        return
    st.query_params[state.SLICE] = slice_id
    st.session_state[state.NEXT_VIEW] = GALLERY
    st.session_state.pop(state.SERIES_POSITION, None)
