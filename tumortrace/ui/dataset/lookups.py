"""What several sections of the Dataset page look up or make: facts of the pixels, pairs, the map. Cached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.constants import CLASSES
from tumortrace.data import datasets, duplicates, pixel_facts
from tumortrace.data.datasets import Dataset
from tumortrace.data.duplicates import NearDuplicates
from tumortrace.inference import embedding
from tumortrace.inference.embedding import Embedding
from tumortrace.ui.gallery import selection
from tumortrace.ui.shell import cache, images, style

FEW: Final = 600
"""Up to so many slices are opened at once, without asking."""
TILE: Final = 120


def facts(dataset: Dataset) -> pd.DataFrame | None:
    """The facts of the pixels; None where the slices have not been opened yet. Do not change the frame."""
    stamp = cache.stamp(pixel_facts.path_of(dataset))
    if not stamp and len(dataset.manifest) <= FEW:
        with st.spinner("Opening the slices ..."):
            pixel_facts.load_pixel_facts(dataset, workers=1)
        stamp = cache.stamp(pixel_facts.path_of(dataset))
    return _facts(str(dataset.folder), dataset.fingerprint, stamp) if stamp else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _facts(folder: str, fingerprint: str, stamp: int) -> pd.DataFrame | None:
    return pixel_facts.cached_pixel_facts(datasets.open_dataset(Path(folder).name))


def open_all(dataset: Dataset, label: str, key: str, again: bool = False) -> None:
    """The button that opens every slice, with its progress."""
    if not st.button(label, key=key, icon=":material/search:", type="tertiary" if again else "primary"):
        return
    bar = st.progress(0.0, "Opening the slices ...")

    def told(done: int, total: int) -> None:
        bar.progress(done / total, f"{done:,} of {total:,} slices")

    pixel_facts.load_pixel_facts(dataset, told, again=again)
    bar.empty()
    st.rerun()


def pairs_by_pixels(dataset: Dataset, rows: pd.DataFrame) -> tuple[NearDuplicates, pd.DataFrame] | None:
    """Near-duplicates by their pixels, and what is known of them; None where the slices have not been opened yet."""
    found = facts(dataset)
    if found is None:
        return None
    stamp = cache.stamp(pixel_facts.path_of(dataset))
    return _by_pixels(str(dataset.folder), dataset.fingerprint, stamp, rows)


@st.cache_resource(max_entries=4, show_spinner="Comparing the slices ...")
def _by_pixels(folder: str, fingerprint: str, stamp: int, _rows: pd.DataFrame) -> tuple[NearDuplicates, pd.DataFrame]:
    dataset = datasets.open_dataset(Path(folder).name)
    found = pixel_facts.load_pixel_facts(dataset)
    near = duplicates.load_near_duplicates(
        duplicates.near_duplicates_path(dataset),
        lambda: duplicates.by_pixels(found, _rows["person_id"]),
        newer_than=stamp,
    )
    return near, duplicates.with_descriptions(near, _rows)


def pairs_by_features(found: Embedding, rows: pd.DataFrame) -> tuple[NearDuplicates, pd.DataFrame]:
    """Near-duplicates by what the model of the map sees, and what is known of them."""
    return _by_features(found.stamp, found.facts["n"], found, rows)


@st.cache_resource(max_entries=4, show_spinner="Comparing the slices ...")
def _by_features(stamp: str, count: int, _found: Embedding, _rows: pd.DataFrame) -> tuple[NearDuplicates, pd.DataFrame]:
    mine = _rows.set_index("slice_id", drop=False).reindex(_found.points["slice_id"])
    near = duplicates.find_near_duplicates(_found.features, mine["person_id"], float(_found.facts["near"]))
    return near, duplicates.with_descriptions(near, mine)


def the_map(dataset: Dataset) -> Embedding | None:
    """The map of the dataset; None where none was made."""
    bundle = embedding.embedding_model()
    places = [embedding.shipped(), *([embedding.embedding_path(dataset, bundle)] if bundle else [])]
    stamps = tuple(cache.stamp(place / "map.json") for place in places)
    return _map(str(dataset.folder), dataset.fingerprint, stamps) if any(stamps) else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _map(folder: str, fingerprint: str, stamps: tuple[int, ...]) -> Embedding | None:
    return embedding.find_embedding(datasets.open_dataset(Path(folder).name))


def strip(
    dataset: Dataset, rows: pd.DataFrame, slice_ids: Sequence[str], key: str, most: int = 12,
    said: Callable[[str], str] | None = None,
) -> None:  # fmt: skip
    """Thumbnails of some slices, each with its class and a button that opens it.

    Args:
        dataset: Where they are.
        rows: For their classes.
        slice_ids: Those beyond ``most`` are left to the gallery: taken evenly, so that the thumbnails show all sorts.
        key: Unique on the page.
        most: How many at most.
        said: A line under each picture.
    """
    count = min(most, len(slice_ids))
    shown = [slice_ids[round((place + 0.5) * len(slice_ids) / count - 0.5)] for place in range(count)]
    labels = rows.loc[rows["slice_id"].isin(shown)].set_index("slice_id")["label"]
    with st.container(horizontal=True, gap="small", key=f"tiles-{key}"):
        for slice_id in shown:
            with st.container(width=TILE, gap=None):
                tile(dataset, slice_id, int(labels[slice_id]), f"{key}_{slice_id}", said(slice_id) if said else "")


def tile(dataset: Dataset, slice_id: str, label: int, key: str, said: str = "", side: int = TILE) -> None:
    """One slice: picture, class, a line, and the button that opens it. A slice that cannot be read says so."""
    picture: Any = cache.thumbnail(dataset, slice_id, side * 3 // 2, outline=True)
    st.image(picture, width=side, alt=f"Slice {slice_id}, {CLASSES[label]}")
    if picture == images.missing(side * 3 // 2):
        st.caption("cannot be read")
    st.html(f'<div class="tt-tile">{style.class_chip(label)}</div>')
    if said:
        st.caption(said)
    st.button(
        f"Slice {slice_id}", key=f"see_{key}", type="tertiary", on_click=selection.open_slice, args=(slice_id,),
        help="Show it large, with its series",
    )  # fmt: skip


def to_gallery(slice_ids: Sequence[str], why: str, key: str) -> None:
    """The button that shows these slices in the gallery."""
    label = f"Show {'it' if len(slice_ids) == 1 else f'all {len(slice_ids):,}'} in the gallery"
    st.button(
        label, key=key, icon=":material/photo_library:", disabled=not slice_ids, on_click=selection.pick,
        args=(slice_ids, why),
    )  # fmt: skip
