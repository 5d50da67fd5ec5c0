"""The Dataset page's parts: facts, counts, the paged gallery, one slice large with its series."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.charts import dataset as charts
from tumortrace.data.catalog import CLASSES, PIXEL_SPACING_MM, PROTOCOL_NOTES, PROTOCOLS
from tumortrace.data.store import Dataset
from tumortrace.ui import loaders, plots, state, style

PAGE_SIZE: Final = 24
TILE: Final = 146


def facts(chosen: Dataset) -> None:
    """How many slices, patients and persons there are."""
    rows = chosen.manifest
    drawn = "synthetic" if chosen.synthetic else "by radiologists"
    st.html(
        style.figures(
            [
                ("Slices", f"{len(rows):,}"),
                ("Patients", _count(rows["patient_id"]), "ids as published"),
                ("Persons", _count(rows["person_id"]), "follow-up exams joined"),
                ("Series", _count(rows["series_id"]), "one patient, one plane"),
                ("With outline", f"{int(rows['outline'].notna().sum()):,}", drawn),
            ]
        )
    )


def counts(chosen: Dataset) -> None:
    """Slices per class, fold and patient, and the size of the tumours."""
    rows = with_folds(chosen)
    by_class, by_fold, by_patient, by_area = st.tabs(["Per class", "Per fold", "Per patient", "Tumour area"])
    with by_class:
        plots.show(charts.class_counts(_tally(rows, ["class_name"], "count")), "class_counts")
    with by_fold:
        usable = [name for name in PROTOCOLS if rows[name].notna().all()]
        if not usable:
            st.caption("This dataset has no folds: it needs patient ids, or the author's folds.")
        else:
            protocol = st.segmented_control(
                "Protocol", usable, default=usable[0], required=True, key="counts_protocol", persist_state="session"
            )
            st.caption(PROTOCOL_NOTES[protocol])
            table = _tally(rows, [protocol, "class_name"], "count").rename(columns={protocol: "fold"})
            plots.show(charts.class_by_fold(table), "class_by_fold")
    with by_patient:
        table = _tally(rows.dropna(subset="patient_id"), ["patient_id", "class_name"], "slices")
        plots.show(charts.slices_per_patient(table), "slices_per_patient")
    with by_area:
        known = rows.dropna(subset="area_px")
        spacing = (PIXEL_SPACING_MM * 512 / known["width"].astype("float64")) ** 2
        area = known["area_px"].astype("float64") * (1.0 if chosen.synthetic else spacing)
        unit = "px" if chosen.synthetic else "mm²"
        frame = pd.DataFrame({"class_name": known["class_name"], "area": area})
        plots.show(charts.tumour_area(frame, unit=unit), "tumour_area")


def _tally(rows: pd.DataFrame, by: list[str], name: str) -> pd.DataFrame:
    """How many rows there are of each kind; kinds without any are left out."""
    return pd.DataFrame(rows.groupby(by, observed=True).size().rename(name).reset_index())


def with_folds(chosen: Dataset) -> pd.DataFrame:
    """The manifest with the class name and the three fold columns beside it."""
    rows = chosen.manifest.assign(class_name=[CLASSES[int(label)] for label in chosen.manifest["label"]])
    table = loaders.folds(chosen)
    return rows.assign(**{name: table[name].to_numpy() for name in PROTOCOLS})


def filters(rows: pd.DataFrame) -> pd.DataFrame:
    """The filter row, and what it leaves of ``rows``."""
    first, second, third, fourth, fifth = st.columns([2.4, 1.6, 1.2, 1, 1], vertical_alignment="bottom")
    names = first.pills(
        "Class", list(CLASSES), selection_mode="multi", key=state.GALLERY_CLASSES, persist_state="session", wrap=True
    )
    patients = sorted(rows["patient_id"].dropna().unique().tolist())
    patient = second.selectbox(
        "Patient", patients, index=None, placeholder="all", key=state.GALLERY_PATIENT, persist_state="session"
    )
    usable = [name for name in PROTOCOLS if rows[name].notna().any()]
    protocol = third.selectbox(
        "Protocol", usable, key=state.GALLERY_PROTOCOL, persist_state="session", disabled=not usable
    )
    folds = sorted({int(fold) for fold in rows[protocol].dropna()}) if protocol else []
    fold = fourth.selectbox(
        "Fold", folds, index=None, placeholder="all", key=state.GALLERY_FOLD, persist_state="session"
    )
    fifth.toggle("Outline", value=True, key=state.GALLERY_OUTLINE, persist_state="session")
    keep = pd.Series(True, index=rows.index)
    if names:
        keep &= rows["class_name"].isin(list(names))
    if patient is not None:
        keep &= (rows["patient_id"] == patient).fillna(False)
    if fold is not None and protocol:
        keep &= (rows[protocol] == fold).fillna(False)
    return rows[keep]


def grid(chosen: Dataset, rows: pd.DataFrame, total: int) -> None:
    """A page of thumbnails; a click on a name opens the slice."""
    if rows.empty:
        st.html(style.note("Choose fewer filters above.", "calm", "No slice fits all of them."))
        return
    pages = (len(rows) - 1) // PAGE_SIZE + 1
    left, right = st.columns([1, 1], vertical_alignment="center")
    left.caption(f"{len(rows):,} of {total:,} slices")
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        if st.session_state.get(state.GALLERY_PAGE, 1) > pages:
            st.session_state[state.GALLERY_PAGE] = 1
        page = st.pagination(pages, key=state.GALLERY_PAGE, max_visible_pages=5, persist_state="session")
    outlined = bool(st.session_state.get(state.GALLERY_OUTLINE, True))
    part = rows.iloc[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    with st.container(horizontal=True, gap="small", key="tiles"):
        for row in part.to_dict("records"):
            _tile(chosen, row, outlined)


def _tile(chosen: Dataset, row: dict[Any, Any], outlined: bool) -> None:
    slice_id = str(row["slice_id"])
    with st.container(width=TILE, gap=None):
        picture = loaders.thumbnail(chosen, slice_id, TILE * 3 // 2, outlined)
        st.image(picture, width=TILE, alt=f"Slice {slice_id}, {row['class_name']}")
        st.html(f'<div class="tt-tile">{style.class_chip(int(row["label"]))}</div>')
        st.button(
            f"Slice {slice_id}", key=f"open_{slice_id}", type="tertiary", on_click=open_slice, args=(slice_id,),
            help="Show it large, with its series",
        )  # fmt: skip


def open_slice(slice_id: str | None) -> None:
    """Show a slice large (a callback), or go back to the gallery with None."""
    if slice_id is None:
        st.query_params.pop(state.SLICE, None)
    else:
        st.query_params[state.SLICE] = slice_id
        st.session_state.pop(state.SERIES_POSITION, None)


def detail(chosen: Dataset, rows: pd.DataFrame, slice_id: str) -> None:
    """One slice large, its facts, and its series as a scrubber."""
    row = rows[rows["slice_id"] == slice_id].iloc[0]
    st.button("Back to the gallery", icon=":material/arrow_back:", on_click=open_slice, args=(None,))
    series = series_of(rows, row)
    ids = series["slice_id"].tolist()
    left, right = plots.columns("slice", [3, 2])
    with left:
        outlined = st.toggle("Outline", value=True, key=state.GALLERY_OUTLINE, persist_state="session")
        if len(ids) > 1:
            if st.session_state.get(state.SERIES_POSITION) not in ids:
                st.session_state[state.SERIES_POSITION] = slice_id
            shown = st.select_slider(
                f"Series: {len(ids)} slices of this patient in this plane",
                ids,
                key=state.SERIES_POSITION,
                format_func=lambda value: f"{ids.index(value) + 1} · slice {value}",
            )
        else:
            shown = slice_id
        row = rows[rows["slice_id"] == shown].iloc[0]
        caption = f"Slice {shown}, {row['class_name']}, {row['width']} × {row['height']} px" + (
            ", tumour outline in yellow" if outlined and pd.notna(row["outline"]) else ""
        )
        st.image(loaders.picture(chosen, str(shown), outlined), caption=caption, alt=caption, width="stretch")
    with right:
        _facts_of(chosen, row)
        _same_patient(chosen, rows, row)


def series_of(rows: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """The slices of the same series in order; the slice alone where its series is unknown."""
    if pd.isna(row["series_id"]):
        return pd.DataFrame(rows[rows["slice_id"] == row["slice_id"]])
    same = rows[(rows["series_id"] == row["series_id"]).fillna(False)]
    return pd.DataFrame(same.sort_values("position"))


def _facts_of(chosen: Dataset, row: pd.Series) -> None:
    st.subheader(f"Slice {row['slice_id']}")
    st.html(style.class_chip(int(row["label"])))
    area = row["area_px"]
    spacing = None if chosen.synthetic else PIXEL_SPACING_MM * 512 / float(row["width"])
    lines = {
        "Patient": row["patient_id"],
        "Person": row["person_id"],
        "Series": row["series_id"],
        "Tumour area": pd.NA if pd.isna(area) else _area(float(area), spacing),
        **{f"Fold ({name})": row[name] for name in PROTOCOLS},
        "Source": row["source"],
    }
    table = pd.DataFrame({"": list(lines), "value": ["unknown" if pd.isna(v) else str(v) for v in lines.values()]})
    st.table(table, hide_index=True, hide_header=True, border="horizontal")


def _same_patient(chosen: Dataset, rows: pd.DataFrame, row: pd.Series) -> None:
    if pd.isna(row["patient_id"]):
        return
    mine = rows[(rows["patient_id"] == row["patient_id"]).fillna(False)]
    st.caption(f"All {len(mine)} slices of patient {row['patient_id']}")
    with st.container(horizontal=True, gap="small", height=300 if len(mine) > 8 else "content", key="mine"):
        for slice_id in mine["slice_id"].astype(str):
            with st.container(width=84, gap=None):
                st.image(loaders.thumbnail(chosen, slice_id, 168), width=84, alt=f"Slice {slice_id}")
                st.button(slice_id, key=f"mine_{slice_id}", type="tertiary", on_click=open_slice, args=(slice_id,))


def _area(pixels: float, spacing: float | None) -> str:
    return f"{pixels:,.0f} px" if spacing is None else f"{pixels * spacing**2:,.0f} mm² ({pixels:,.0f} px)"


def _count(column: pd.Series) -> str:
    return f"{column.nunique():,}" if column.notna().any() else "unknown"
