"""Near-duplicates: slices that are all but the same, and where the splits put them."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.config import model_title
from tumortrace.constants import PROTOCOL_NOTES, PROTOCOLS
from tumortrace.data import duplicates, pixel_facts
from tumortrace.data.datasets import Dataset
from tumortrace.data.duplicates import NearDuplicates
from tumortrace.ui.components import plots, tables
from tumortrace.ui.components.tables import Cell, Line
from tumortrace.ui.dataset import lookups
from tumortrace.ui.shell import state, style

PIXELS: Final = "Pixels"
FEATURES: Final = "Model features"
PAGE_SIZE: Final = 8
_SIDE: Final = 132
SHOW: Final = ("Every pair", "Across folds", "Different persons", "Same person", "Different label")


def render(dataset: Dataset, rows: pd.DataFrame) -> None:
    """Draw the section Near-duplicates; rows as :func:`tumortrace.ui.gallery.rows.rows_of` gives them."""
    the_map = lookups.the_map(dataset)
    kind = PIXELS
    if the_map is not None:
        kind = st.segmented_control(
            "Alike by", [PIXELS, FEATURES], default=PIXELS, required=True, key=state.TWINS_KIND,
            persist_state="session",
        )  # fmt: skip
    if kind == FEATURES and the_map is not None:
        near, pairs = lookups.pairs_by_features(the_map, rows)
        how = f"what the last layer of {model_title(the_map.facts['model'])} sees ({the_map.facts['n']:,} slices)"
        unit, measured = "distance", int(the_map.facts["near_pairs"])
    else:
        found = lookups.pairs_by_pixels(dataset, rows)
        if found is None:
            _offer(dataset)
            return
        near, pairs = found
        how, unit, measured = "their perceptual hash (pHash, 256 bits)", "bits", near.measured
    _explained(near, pairs, how, unit, measured)
    if pairs.empty:
        st.html(style.note("No two slices are closer than the limit.", "info", "No near-duplicates."))
        return
    _counted(pairs, kind or PIXELS)
    _listed(dataset, rows, pairs, unit)


def _offer(dataset: Dataset) -> None:
    count = len(dataset.manifest)
    text = (
        f"To compare them, each of the {count:,} slices is opened once and hashed: about {_duration(count)} on two "
        "cores. The result is kept."
    )
    st.html(style.note(text, "info", "Nobody has compared these slices yet."))
    lookups.open_all(dataset, f"Compare {count:,} slices", "twins_open")


def _duration(count: int) -> str:
    seconds = max(5.0, count * 0.008 + (count / 1e5) ** 2 * 60)
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def _explained(near: NearDuplicates, pairs: pd.DataFrame, how: str, unit: str, measured: int) -> None:
    limit = f"{near.limit:.0f} of {pixel_facts.HASH_BITS} bits" if unit == "bits" else f"{near.limit:.3f}"
    if near.measured:
        where = (
            f"of {measured:,} pairs of slices of different persons, one in {duplicates.FALSE:,} lies within it. Those "
            f"(at most {measured // duplicates.FALSE:,}) stand below as pairs of two persons, and a look tells whether "
            "they are alike by chance or one head under two ids; all others are of one person"
        )
    else:
        where = "too few persons to measure it here, so it is the limit of the published dataset"
    many = "pair** is a near-duplicate" if len(pairs) == 1 else "pairs** are near-duplicates"
    more = f" The closest {len(pairs):,} are kept; {near.more:,} more lie within the limit." if near.more else ""
    st.markdown(f"**{len(pairs):,} {many} by {how}: at most {limit} apart. The limit comes from data: {where}.{more}")


def _counted(pairs: pd.DataFrame, kind: str) -> None:
    st.subheader("Pairs that cross folds")
    st.caption(
        "A model that trained on one of the two has all but seen the other in the test. Neighbouring slices of one "
        "person are the usual case, which is why a split by slice flatters."
    )
    table = duplicates.across_folds(pairs)
    lines = []
    for line in table.to_dict("records"):
        note = PROTOCOL_NOTES[str(line["protocol"])].split(".")[0]
        if not line["pairs"]:
            lines.append(Line([Cell(str(line["protocol"]), note), Cell("no folds"), "", "", ""], faint=True))
            continue
        share = tables.share(line["across"] / line["pairs"])
        counts = [f"{int(line[name]):,}" for name in ("same_person", "other_person")]
        lines.append(
            Line(
                [
                    Cell(str(line["protocol"]), note),
                    Cell(f"{int(line['across']):,} of {int(line['pairs']):,}", strong=True), share, *counts,
                ]
            )
        )  # fmt: skip
    head = ["Protocol", "Pairs across folds", "Share of all pairs", "of one person", "of two persons"]
    tables.show_table("Near-duplicates that stand in different folds, by protocol", head, lines, wrap=True)
    tables.download(table, f"near_duplicates_by_protocol_{'features' if kind == FEATURES else 'pixels'}")


def _listed(dataset: Dataset, rows: pd.DataFrame, pairs: pd.DataFrame, unit: str) -> None:
    st.subheader("The pairs, closest first")
    usable = [name for name in PROTOCOLS if pairs[name].notna().any()]
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        options = [name for name in SHOW if name != "Across folds" or usable]
        show = st.segmented_control(
            "Show", options, default=options[0], required=True, key=state.TWINS_SHOW, persist_state="session"
        )
    with right:
        protocol = st.selectbox(
            "Protocol", usable, key=state.TWINS_PROTOCOL, persist_state="session", disabled=not usable,
            help="Whose folds stand under the pairs, and which split is meant by across folds.",
        )  # fmt: skip
    kept = filtered(pairs, show or SHOW[0], protocol)
    if kept.empty:
        st.html(style.note("Choose another kind above.", "info", "No pair is of this kind."))
        return
    ids = list(dict.fromkeys([*kept["first"].astype(str), *kept["second"].astype(str)]))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{len(kept):,} {'pair' if len(kept) == 1 else 'pairs'}**, {len(ids):,} slices", width="content")
        lookups.to_gallery(ids, f"{len(ids):,} slices with a near-duplicate", "twins_to_gallery")
        pages = (len(kept) - 1) // PAGE_SIZE + 1
        if st.session_state.get(state.TWINS_PAGE, 1) > pages:
            st.session_state[state.TWINS_PAGE] = 1
        page = st.pagination(pages, key=state.TWINS_PAGE, max_visible_pages=5, persist_state="session")
    known: dict[Any, Any] = rows.set_index("slice_id")[["label", "patient_id", *PROTOCOLS]].to_dict("index")
    part = kept.iloc[(page - 1) * PAGE_SIZE : page * PAGE_SIZE].to_dict("records")
    for start in range(0, len(part), 2):
        for column, pair in zip(plots.columns(f"twins_{start}"), part[start : start + 2], strict=False):
            with column:
                _pair(dataset, known, pair, unit, protocol)


def filtered(pairs: pd.DataFrame, show: str, protocol: str | None) -> pd.DataFrame:
    """The pairs of a kind (one of :data:`SHOW`)."""
    if show == "Across folds" and protocol:
        return pairs[pairs[protocol].fillna(False)]
    if show == "Different persons":
        return pairs[~pairs["same_person"].fillna(True)]
    if show == "Same person":
        return pairs[pairs["same_person"].fillna(False)]
    if show == "Different label":
        return pairs[~pairs["same_label"].fillna(True)]
    return pairs


def _pair(dataset: Dataset, known: dict[Any, Any], pair: dict[Any, Any], unit: str, protocol: str | None) -> None:
    person = pair["same_person"]
    whose = "persons unknown" if pd.isna(person) else "one person" if person else "two persons"
    apart = f"{pair['distance']:.0f} bits differ" if unit == "bits" else f"distance {pair['distance']:.3f}"
    with st.container(border=True):
        st.markdown(f"**{apart}** · {whose}{'' if pair['same_label'] else ' · **different labels**'}")
        with st.container(horizontal=True, gap="small"):
            for name in ("first", "second"):
                slice_id = str(pair[name])
                row = known[slice_id]
                fold = "" if protocol is None or pd.isna(row[protocol]) else f" · fold {int(row[protocol])}"
                patient = "patient unknown" if pd.isna(row["patient_id"]) else str(row["patient_id"])
                with st.container(width=_SIDE + 30, gap=None):
                    key = f"twin_{pair['first']}_{pair['second']}_{name}"
                    lookups.tile(dataset, slice_id, int(row["label"]), key, f"{patient}{fold}", _SIDE)
