"""Steps 1 and 2 of the guided tour: the three tumours, and why people rather than slices are held out."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st
from PIL import Image

from tumortrace.config import model_title
from tumortrace.constants import CLASSES, PATIENTS, SLICES
from tumortrace.data import phantom
from tumortrace.data.datasets import Dataset
from tumortrace.evaluation.formatting import METRIC_NAMES, percent
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import records_frame
from tumortrace.explain import overlay
from tumortrace.ui.components import plots, tables
from tumortrace.ui.shell import benchmark_document, cache, images, style

SIDE: Final = 460
NEIGHBOURS: Final = 4
SEARCHED: Final = 8
"""Series looked through for them."""
TESTED: Final = 2
"""Which of the neighbours a split by slice would test, from 0."""
_ABOUT: Final = (
    "grows from the skin around the brain",
    "grows within the brain itself",
    "grows from the gland below the brain",
)


def problem(dataset: Dataset | None) -> None:
    """A slice of each tumour: of the dataset, or drawn."""
    for label, column in enumerate(plots.columns("stage-three", len(CLASSES))):
        with column:
            picture, whose = _example(dataset, label)
            st.image(picture, width="stretch", alt=f"{whose}: {CLASSES[label]}")
            st.html(f'<div class="tt-stage-name">{style.class_chip(label)}<small>{_ABOUT[label]}</small></div>')
    _where_from(dataset)


def split(dataset: Dataset | None) -> None:
    """Neighbouring slices of one head, what a split by slice does with them, and what that is worth."""
    for place, (column, picture) in enumerate(
        zip(plots.columns("stage-trio", NEIGHBOURS), _neighbours(dataset), strict=True)
    ):
        with column:
            st.image(picture, width="stretch", alt=f"Slice {place + 1} of {NEIGHBOURS} neighbours of one head")
            tested = place == TESTED
            side, kind = ("test", "tested") if tested else ("training", "trained")
            st.html(f'<div class="tt-side tt-{kind}">{side}</div>')
    st.html(
        '<p class="tt-stage-text">A random split by slice does this to one head. Here all slices of a person are '
        "on <b>one side</b>, follow-up exams too.</p>"
    )
    bench = benchmark_document.read_document()
    told = bench.dataset
    counts = {"slices": SLICES, "patients": PATIENTS}
    if told is not None:
        counts = {"slices": told.slices, "patients": told.patients, "persons": told.persons}
    cells = [(name.capitalize(), f"{count:,}") for name, count in counts.items()]
    st.html(style.figures([*cells, ("Folds", "5"), *_gains(bench)]))
    if bench.leakage:
        st.caption(
            "Gain: macro F1 on the same slices, once with slices of the tested heads in training (split by slice), "
            "once without (person); 95 % interval by bootstrap over persons."
        )
    else:
        st.caption("What leaking is worth stands here once the benchmark has tested a model under two protocols.")
    _where_from(dataset)


def _gains(bench: ResultsDocument) -> list[tuple[str, ...]]:
    """What a split by slice flatters, of the first model that has been tested both ways."""
    table = records_frame(bench.leakage)
    if table.empty:
        return []
    held = table[
        (table["metric"] == "macro_f1")
        & table["class"].isna()
        & ~table["model"].isin([*benchmark_document.BASELINES, *benchmark_document.case_context()])
    ]
    for protocol in ("slice", "official"):
        lines = held[held["protocol"] == protocol].to_dict("records")
        if lines:
            order = benchmark_document.in_order(str(line["model"]) for line in lines)
            line = min(lines, key=lambda one: order.index(str(one["model"])))
            gain = tables.points(line["gain"], line["low"], line["high"])
            name = f"{METRIC_NAMES['macro_f1']}, {model_title(str(line['model']))}"
            return [
                (f"{name}: split by {protocol}", percent(float(line["leaky"]))),
                ("the same, by person", percent(float(line["honest"]))),
                ("Gain by leaking, points", gain.text, gain.note),
            ]
    return []


def _where_from(dataset: Dataset | None) -> None:
    drawn = dataset is None or dataset.synthetic
    text = (
        "These slices are drawn by the app, not scanned: the real dataset is not imported here."
        if drawn
        else "Real slices: Jun Cheng, brain tumor dataset, figshare, CC BY 4.0."
    )
    st.html(f'<p class="tt-stage-small">{escape(text)}</p>')


def _example(dataset: Dataset | None, label: int) -> tuple[bytes, str]:
    """A picture of that class, and whose it is: the slice with the largest outline shows best."""
    if dataset is not None:
        held = dataset.manifest[dataset.manifest["label"] == label]
        if len(held):
            area = pd.to_numeric(held["area_px"], errors="coerce").fillna(0).to_numpy(dtype=float)
            # The upper quarter in size, and there the middle: plain to see, and not the extreme.
            slice_id = str(held["slice_id"].iloc[int(np.argsort(area, kind="stable")[int(len(area) * 0.88)])])
            return cache.thumbnail(dataset, slice_id, SIDE), f"Slice {slice_id}"
    return _drawn(label, 0.0, label), "A drawn slice"


def _neighbours(dataset: Dataset | None) -> list[bytes]:
    """Four slices of one head that lie beside each other."""
    ids = [] if dataset is None else _alike(str(dataset.folder), dataset.fingerprint)
    if dataset is not None and ids:
        return [cache.thumbnail(dataset, slice_id, SIDE) for slice_id in ids]
    return [_drawn(1, depth, 4) for depth in (-0.15, -0.05, 0.05, 0.15)]


@st.cache_data(max_entries=4, show_spinner=False)
def _alike(folder: str, fingerprint: str) -> list[str]:
    """Of the longest series, the four slices in a row that differ least; none where no series is long enough."""
    dataset = cache.dataset(Path(folder).name)
    rows = dataset.manifest.dropna(subset=["series_id"]).sort_values("position", kind="stable")
    series = {name: part["slice_id"].astype(str).tolist() for name, part in rows.groupby("series_id")}
    longest = sorted(series.values(), key=len, reverse=True)[:SEARCHED]
    best: tuple[float, list[str]] = (np.inf, [])
    for ids in (ids for ids in longest if len(ids) >= NEIGHBOURS):
        small = [_small(dataset, slice_id) for slice_id in ids]
        gaps = [float(np.abs(one - other).mean()) for one, other in pairwise(small)]
        for start in range(len(ids) - NEIGHBOURS + 1):
            gap = max(gaps[start : start + NEIGHBOURS - 1])
            if gap < best[0]:
                best = gap, ids[start : start + NEIGHBOURS]
    return best[1]


def _small(dataset: Dataset, slice_id: str) -> npt.NDArray[np.float32]:
    shown = Image.fromarray(overlay.to_display(dataset.pixels(slice_id))).convert("L").resize((64, 64))
    return np.asarray(shown, np.float32)


@st.cache_data(max_entries=16, show_spinner=False)
def _drawn(label: int, depth: float, person: int) -> bytes:
    pixels: npt.NDArray[np.uint8]
    plane = "coronal" if label == 2 else "axial"
    pixels, _ = phantom.render_phantom(label, plane, depth, (person, 0, round(100 * depth) % 1000), 256)
    edge = len(pixels) // 7  # air around the head
    return images.thumbnail(pixels[edge:-edge, edge:-edge], None, SIDE)
