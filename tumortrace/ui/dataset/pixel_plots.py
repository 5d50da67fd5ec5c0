"""Distributions that need outlines or pixels: where tumours sit, and how bright they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.charts import tumour_positions as charts
from tumortrace.data import datasets, tumour_positions
from tumortrace.data import intensities as bright
from tumortrace.data.datasets import Dataset
from tumortrace.data.intensities import Brightness
from tumortrace.data.tumour_positions import Places
from tumortrace.ui.components import plot_clicks, plots
from tumortrace.ui.gallery import rows as dataset_rows
from tumortrace.ui.gallery import selection

_WHERE: Final = {"inside": "inside the outline", "outside": "in the head around it"}


def render(dataset: Dataset, rows: pd.DataFrame) -> None:
    """Draw the maps of tumour positions, then the histograms of intensities, which take longer."""
    if rows["outline"].isna().all() and rows["area_px"].isna().all():
        st.caption("Without outlines, nobody can say where tumours sit or how bright they are.")
        return
    _places(dataset)
    _brightness(dataset, rows)


@st.cache_resource(max_entries=2, show_spinner="Laying the outlines over one another ...")
def _found(folder: str, fingerprint: str) -> Places:
    chosen = datasets.open_dataset(Path(folder).name)
    return tumour_positions.places(chosen, dataset_rows.rows_of(chosen))


def _places(dataset: Dataset) -> None:
    st.subheader("Where tumours sit")
    found = _found(str(dataset.folder), dataset.fingerprint)
    sample = f", a sample of {len(found.slice_ids):,} of {found.of:,}" if len(found.slice_ids) < found.of else ""
    st.caption(
        f"The share of the slices whose tumour covers a place, by class and plane{sample}. The darkest colour of "
        "each map is the share over it; heads are not aligned with each other. A click shows the slices "
        "whose tumour touches that place; drag to take several places."
    )

    def taken(points: plot_clicks.Points, boxes: list[dict[str, Any]]) -> None:
        marks = [tuple(point["customdata"][:4]) for point in points if "customdata" in point]
        ids = found.touching([(str(name), str(plane), int(down), int(across)) for name, plane, down, across in marks])
        kinds = sorted({f"{name}, {plane}" for name, plane, _, _ in marks})
        spot = "one place" if len(marks) == 1 else f"{len(marks):,} places"
        if not ids:
            st.toast(f"No tumour touches {spot} ({'; '.join(kinds)}).")
        selection.pick(ids, f"{len(ids):,} slices with a tumour in {spot} ({'; '.join(kinds)})")

    plot_clicks.show_clickable(
        charts.tumour_places(found.maps, found.counts, tumour_positions.CELLS),
        "tumour_places",
        taken,
        ("points", "box"),
    )


@st.cache_resource(max_entries=2, show_spinner=False)
def _kept(folder: str, fingerprint: str) -> dict[str, Brightness]:
    """A place to keep it in this process; filled below, where a progress bar can be drawn."""
    return {}


def _brightness(dataset: Dataset, rows: pd.DataFrame) -> None:
    st.subheader("How bright tumours are")
    kept = _kept(str(dataset.folder), dataset.fingerprint)
    if "it" not in kept:
        bar = st.progress(0.0, text="Reading every slice, once: the result is kept ...")

        def told(share: float) -> None:
            bar.progress(share, text=f"Reading every slice, once: {share:.0%}; the result is kept.")

        kept["it"] = bright.brightness(dataset, rows, told)
        bar.empty()
    found = kept["it"]
    sample = f" A sample of {len(found.rows):,} of {found.of:,} slices." if len(found.rows) < found.of else ""
    st.caption(
        "Brightness from a slice's black to its white (its darkest and brightest half per cent); without what is "
        f"darker than a tenth, which is air; every slice counts the same.{sample} A click shows the slices "
        "of the class that are that bright on average."
    )
    for column, where in zip(plots.columns("brightness"), _WHERE, strict=True):
        with column:
            st.markdown(f"**{_WHERE[where].capitalize()}**")
            _one(found, where)


def _one(found: Brightness, where: str) -> None:
    means = found.means(where)

    def taken(points: plot_clicks.Points, boxes: list[dict[str, Any]]) -> None:
        name, low, high = points[0]["customdata"][:3]
        keep = (means >= float(low)) & (means < float(high)) & (found.rows["class_name"] == name).to_numpy(dtype=bool)
        ids = found.rows.loc[keep, "slice_id"].astype(str).tolist()
        span = f"{float(low):.1%} to {float(high):.1%}"
        if ids:
            selection.pick(ids, f"{len(ids):,} slices of {name}, {span} bright {_WHERE[where]}")
        else:
            st.toast(f"No slice of {name} is {span} bright {_WHERE[where]} on average.")

    plot_clicks.show_clickable(charts.brightness(found.by_class(where), where), f"brightness_{where}", taken)
