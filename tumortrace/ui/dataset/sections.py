"""The sections of the Dataset page: one is chosen, and only that one is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from tumortrace.data.datasets import Dataset
from tumortrace.ui.dataset import embedding_map, near_duplicates, plots, quality, splits
from tumortrace.ui.gallery import page, selection, table
from tumortrace.ui.gallery import state as gallery_state
from tumortrace.ui.shell import state


@dataclass(frozen=True)
class Section:
    """A section of the Dataset page; its name stands in the address as well."""

    lead: str
    draw: Callable[[Dataset, pd.DataFrame], None]


SECTIONS: Final = {
    selection.GALLERY: Section("Every slice; filter, sort, and open one large.", page.render),
    "Distributions": Section("What the dataset holds. A click on a plot shows those slices.", plots.render),
    "Map": Section("Slices that look alike to a model lie together.", embedding_map.render),
    "Near-duplicates": Section("Slices that are all but the same, and where splits put them.", near_duplicates.render),
    "Splits": Section("Who stands in which fold under each protocol.", splits.render),
    "Quality": Section("What is odd about files, outlines and labels.", quality.render),
}  # fmt: skip


def render(dataset: Dataset, rows: pd.DataFrame) -> None:
    """The choice of a section, and the section.

    Args:
        dataset: The one on show.
        rows: From :func:`tumortrace.ui.gallery.rows.rows_of`; do not change it.
    """
    wanted = st.session_state.pop(state.NEXT_VIEW, None)
    if wanted is not None:
        st.session_state[state.VIEW] = wanted
    gallery_state.fit(table.table_of(dataset), dataset.name)
    chosen = st.segmented_control(
        "Section", list(SECTIONS), default=selection.GALLERY, required=True, key=state.VIEW, bind="query-params",
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    section = SECTIONS[chosen or selection.GALLERY]
    st.caption(section.lead)
    section.draw(dataset, rows)
