"""The sections of the Dataset page: one is chosen, and only that one is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from tumortrace.data.store import Dataset
from tumortrace.ui import (
    dataset_map,
    dataset_plots,
    dataset_quality,
    dataset_splits,
    dataset_twins,
    gallery,
    gallery_state,
    gallery_table,
    picking,
    state,
)


@dataclass(frozen=True)
class Section:
    """One of them; what it is called stands in the address as well."""

    lead: str
    draw: Callable[[Dataset, pd.DataFrame], None]


SECTIONS: Final = {
    picking.GALLERY: Section("Every slice; filter, sort, and open one large.", gallery.section),
    "Distributions": Section("What the dataset holds. A click on a plot shows those slices.", dataset_plots.section),
    "Map": Section("Slices that look alike to a model lie together.", dataset_map.section),
    "Near-duplicates": Section("Slices that are all but the same, and where splits put them.", dataset_twins.section),
    "Splits": Section("Who stands in which fold under each protocol.", dataset_splits.section),
    "Quality": Section("What is odd about files, outlines and labels.", dataset_quality.section),
}  # fmt: skip


def draw(dataset: Dataset, rows: pd.DataFrame) -> None:
    """The choice of a section, and the section.

    Args:
        dataset: The one on show.
        rows: From :func:`tumortrace.ui.dataset_rows.rows_of`; do not change it.
    """
    wanted = st.session_state.pop(state.NEXT_VIEW, None)
    if wanted is not None:
        st.session_state[state.VIEW] = wanted
    gallery_state.fit(gallery_table.table_of(dataset), dataset.name)
    chosen = st.segmented_control(
        "Section", list(SECTIONS), default=picking.GALLERY, required=True, key=state.VIEW, bind="query-params",
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    section = SECTIONS[chosen or picking.GALLERY]
    st.caption(section.lead)
    section.draw(dataset, rows)
