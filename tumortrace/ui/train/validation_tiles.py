"""A run as it learns: its curves, thumbnails of validation slices, the confusion matrix, and the pinned slices.

Called within the Train page's fragment every second or so: what did not change comes from the caches of
:mod:`tumortrace.ui.train.epochs`, and every widget and figure keeps its key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st
from PIL import Image

from tumortrace.charts import learning as charts
from tumortrace.charts import results, training
from tumortrace.config import PreprocessSettings
from tumortrace.constants import CLASSES
from tumortrace.data.datasets import Dataset
from tumortrace.errors import TumorTraceError
from tumortrace.explain import overlay
from tumortrace.imaging.preprocess import preprocess
from tumortrace.runs import snapshots
from tumortrace.runs.run import LIVE, Run
from tumortrace.runs.snapshots import Snapshot
from tumortrace.ui.components import plots
from tumortrace.ui.shell import cache, images, layout, state, style
from tumortrace.ui.train import epochs, pins
from tumortrace.ui.train.epochs import Epoch
from tumortrace.ui.train.pins import pinned

TILE: Final = 160
"""Three stand side by side in a window of 800 pixels."""
POINTS: Final = 400
"""Points of a curve of seconds."""
NEWEST: Final = "newest"
_OPACITY: Final = 0.6


def render(run: Run) -> None:
    """Everything below, one after the other, with headings."""
    dataset = epochs.dataset_of(run)
    charts_of(run)
    st.subheader("What the model says of single slices")
    render_tiles(run, dataset)
    left, right = plots.columns("learning", [2, 3])
    with left:
        st.markdown("**Confusion matrix**")
        render_confusion(run, dataset)
    with right:
        st.markdown("**Pinned slices**")
        pinned(run, dataset)


def charts_of(run: Run) -> None:
    """Loss and accuracy large, the rest small; the loss moves from the first second on."""
    measured = run.metrics
    table = training.tidy_metrics(measured, run=run.id)
    seconds = _thinned(run.telemetry)
    left, right = plots.columns("live")
    with left:
        st.markdown("**Loss**")
        plots.show_figure(charts.loss(table, seconds), f"loss_{run.id}")
    with right:
        st.markdown("**Accuracy and macro-F1**")
        plots.show_figure(charts.scores(table), f"accuracy_{run.id}")
    for column, measure in zip(st.columns(4, gap="medium"), charts.MEASURES, strict=True):
        # A run without telemetry still has a figure an epoch.
        source = seconds if measure in seconds and seconds[measure].notna().any() else measured
        with column:
            st.markdown(_heading(source, measure))
            plots.show_figure(charts.small(source, measure), f"{measure}_{run.id}")


def _heading(source: pd.DataFrame, measure: str) -> str:
    words, form = charts.MEASURES[measure]
    values = source[measure].dropna().tolist() if measure in source else []
    return f"**{words}**" + (f" {values[-1]:{form}}" if values else "")


def _thinned(seconds: pd.DataFrame) -> pd.DataFrame:
    if len(seconds) <= POINTS or "epoch" not in seconds:
        return seconds if "epoch" in seconds else pd.DataFrame({"epoch": pd.Series(dtype="float64")})
    keep = np.unique(np.linspace(0, len(seconds) - 1, POINTS).astype(int))
    return seconds.iloc[keep]


def render_tiles(run: Run, dataset: Dataset | None) -> None:
    """Validation slices as tiles: the slice, where the model looked, and its three probabilities.

    Args:
        run: Any run.
        dataset: What it learns from; None shows numbers alone.
    """
    if _nothing_yet(run):
        return
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        _scrubber(run)
    epoch = shown_epoch(run)
    if epoch is None:
        return
    truth = epochs.labels(dataset)
    chosen = epochs.tile_slices(epoch, truth)
    possible = bool(epoch.watched) and dataset is not None
    with right:
        wanted = st.toggle("Saliency", value=True, key=state.LEARNING_SALIENCY, disabled=not possible)
    if dataset is None:
        text = "Import the dataset again to see the slices and which answers are right."
        st.html(style.note(text, "info", "The dataset of this run is not imported."))
    elif dataset.synthetic:
        layout.synthetic_banner()
    maps = epochs.maps(run, epoch.number) if possible and wanted else None
    with st.container(horizontal=True, gap="small", key="tiles"):
        for slice_id in chosen:
            _tile(run, dataset, epoch, maps, slice_id, truth.get(slice_id))
    st.caption(_said_of_strip(run, epoch, maps is not None))


def _nothing_yet(run: Run) -> bool:
    """Say why there is nothing to show, if so."""
    if epochs.newest(run) is not None:
        return False
    status = run.status
    if not run.config.validation or status.counts.get("validation") == 0:
        text = "Set a validation share above 0 to watch slices while a run learns; the test fold is never shown here."
        st.html(style.note(text, "info", "This run has no validation part."))
    elif status.state in LIVE or status.state == "queued":
        st.caption("Slices with their probabilities appear after the first epoch.")
    else:
        st.caption("This run kept no view of single slices.")
    return True


def _scrubber(run: Run) -> None:
    epoch = shown_epoch(run)
    st.select_slider(
        "Epoch shown" if epoch is None else f"Epoch shown: {epoch.number}",
        [*map(str, snapshots.snapshot_epochs(run)), NEWEST],
        NEWEST,
        key=f"{state.LEARNING_EPOCH}{run.id}",
        persist_state="session",
        help="Newest follows the run by itself. Drag back to see what the model thought earlier.",
    )


def shown_epoch(run: Run) -> Epoch | None:
    """The epoch the slider stands at; the newest one unless somebody dragged it back."""
    asked = str(st.session_state.get(f"{state.LEARNING_EPOCH}{run.id}", NEWEST))
    found = epochs.read_epochs(run, int(asked)) if asked.isdecimal() else None
    return found or epochs.newest(run)


def _tile(
    run: Run, dataset: Dataset | None, epoch: Epoch, maps: Snapshot | None, slice_id: str, label: int | None
) -> None:
    shares = epoch.shares(slice_id)
    if shares is None:
        return
    said = int(np.argmax(shares))
    with st.container(width=TILE, gap="xxsmall"):
        image = None if dataset is None or label is None else _image(run, dataset, epoch, maps, slice_id)
        if image is not None:
            looked = f" with Grad-CAM towards {CLASSES[said]}" if maps is not None else ""
            st.image(image, width=TILE, alt=f"Slice {slice_id}{looked}")
        pins.button(run, slice_id)
        st.html(pins.verdict(label, said) + style.probability_bars(shares))


def _image(run: Run, dataset: Dataset, epoch: Epoch, maps: Snapshot | None, slice_id: str) -> bytes | None:
    settings = run.config.preprocess.model_copy(update={"size": TILE * 3 // 2})
    heat = None if maps is None else maps.map_of(slice_id)
    where = "" if maps is None else f"{run.folder}/{epoch.number}/{epochs.stamp(run, epoch.number)}"
    return _picture(str(dataset.folder), dataset.fingerprint, slice_id, settings.model_dump_json(), where, heat)


@st.cache_data(max_entries=1024, show_spinner=False)
def _picture(
    folder: str, fingerprint: str, slice_id: str, settings: str, where: str, _heat: npt.NDArray[np.uint8] | None
) -> bytes | None:
    """The slice as the model's preprocessing frames it, so that a map fits even where the head was cropped."""
    wanted = PreprocessSettings.model_validate_json(settings)
    try:
        image, _ = preprocess(cache.dataset(Path(folder).name).pixels(slice_id), wanted)
    except (OSError, TumorTraceError):  # the file is gone, or holds no picture
        return None
    if _heat is None:
        return images.encode(image, "JPEG")
    large = Image.fromarray(_heat).resize((wanted.size, wanted.size), Image.Resampling.BICUBIC)
    shown: npt.NDArray[np.float32] = np.asarray(large, dtype=np.float32) / np.float32(255)
    return images.encode(overlay.blend(image, shown, _OPACITY), "JPEG")


def _said_of_strip(run: Run, epoch: Epoch, mapped: bool) -> str:
    parts = [f"Validation slices after epoch {epoch.number}."]
    if mapped:
        parts.append("Colour: Grad-CAM towards the predicted class, dark for little, yellow for much.")
    if epoch.watched:
        parts.append("Chosen at random per class before training.")
    else:
        off = (
            "Watching was switched off"
            if run.config.validation_tiles == 0
            else "There are no saliency maps of this epoch"
        )
        parts.append(f"{off}: the first validation slices of each class, without saliency.")
    return " ".join(parts)


def render_confusion(run: Run, dataset: Dataset | None) -> None:
    """The confusion matrix of the validation part at the epoch shown.

    Args:
        run: Any run.
        dataset: What it learns from; without it the true classes are unknown.
    """
    epoch = shown_epoch(run)
    if epoch is None:
        coming = run.status.state in (*LIVE, "queued") and run.config.validation > 0
        st.caption("It appears after the first epoch." if coming else "This run kept none of its validation part.")
        return
    truth = epochs.labels(dataset)
    known = sum(slice_id in truth for slice_id in epoch.validation)
    if not known:
        why = "the dataset is not imported" if dataset is None else "no validation slice has a known class"
        st.caption(f"No confusion matrix: {why}.")
        return
    caption = f"After epoch {epoch.number}; validation part, not the test fold; n = {known:,} slices."
    plots.show_figure(results.confusion_matrix(epochs.confusion(epoch, truth)), f"confusion_{run.id}", caption)
