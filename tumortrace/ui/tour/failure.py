"""Step 5 of the guided tour: the weak class, and one mistake with what the network looked at."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from tumortrace.charts import theme
from tumortrace.constants import CLASSES
from tumortrace.data.datasets import Dataset
from tumortrace.evaluation.predictions import PROBABILITIES
from tumortrace.explain import overlay
from tumortrace.imaging.preprocess import preprocess
from tumortrace.ui.components import figures_large, plots, ranking
from tumortrace.ui.shell import benchmark_document, cache, models, results_index, style
from tumortrace.ui.shell import images as pictures
from tumortrace.ui.shell.results_index import ResultSource
from tumortrace.ui.tour import results

OPACITY: Final = 0.5
CONFUSED: Final = {("glioma", "meningioma"), ("meningioma", "glioma")}
"""The mistake that is told first: these two are taken for each other more often than for anything else."""


def render(dataset: Dataset | None) -> None:
    """Recall of each class as a board, and a mistake."""
    held, _ = results.contenders()
    networks = [source for source in held if not ranking.is_baseline(source)]
    if not networks:
        text = "A model has to be judged first; a run that finishes (step 3 starts one) is."
        st.html(style.note(text, "info", "There are no mistakes to show yet."))
        return
    source = ranking.ranked(networks, "slice", results.METRIC)[0]
    left, right = plots.columns("stage-fail", [5, 6])
    with left:
        st.subheader("How many of each class it finds")
        found = [(name, source.report.slice.interval("recall", name)) for name in CLASSES]
        places = [
            figures_large.Place(
                name,
                f"n = {one.n // len(source.report.seeds):,}",
                one.value,
                one.low,
                one.high,
                colour=theme.CLASS_COLOURS[name],
            )
            for name, one in found
        ]
        st.html(figures_large.large_numbers(places, "Recall", f"Recall of each class, {source.name}", what="Class"))
        st.caption(f"{source.name}. {results_index.rests_on(source.report)}")
    with right:
        _mistake(source)


def _mistake(source: ResultSource) -> None:
    joined = results_index.joined(source)
    wrong = joined[~joined["correct"]]
    st.subheader("One of its mistakes")
    if wrong.empty:
        st.html(style.note("Every prediction is right.", "info", "It made none."))
        return
    images = source.dataset
    row = chosen(source, wrong, images)
    st.html(
        f'<p class="tt-stage-text">Slice {row["slice_id"]}: a <b>{row["true_class"]}</b>, taken for a '
        f"<b>{row['predicted_class']}</b>.</p>"
    )
    if images is not None:
        one, two = plots.columns("stage-pair", 2)
        with one:
            caption = "The slice, the tumour outlined"
            picture = cache.picture(images, str(row["slice_id"]), outline=True)
            st.image(picture, caption=caption, alt=f"{caption}: {row['true_class']}", width="stretch")
        with two:
            heat = _heat(source, images, row)
            if heat is None:
                st.html(style.note("It is a vote, or its weights are not at hand.", "info", "No saliency."))
            else:
                caption = f"Saliency towards {row['predicted_class']}"
                st.image(heat, caption=caption, alt=f"{caption}, slice {row['slice_id']}", width="stretch")
    st.html(style.probability_bars([float(row[name]) for name in PROBABILITIES], int(row["label"])))
    if images is None:
        st.caption("The slice itself is shown once the dataset is imported; figures and labels ship with the app.")
    elif images.synthetic:
        st.caption("A drawn slice.")


def chosen(source: ResultSource, wrong: pd.DataFrame, images: Dataset | None) -> dict[str, Any]:
    """The surest mistake, of those with a kept map first, and among them of the classes most often confused."""
    pairs = pd.Series(
        [(a, b) in CONFUSED for a, b in zip(wrong["true_class"], wrong["predicted_class"], strict=True)], wrong.index
    )
    kept = pd.Series([images is not None and _kept(source, str(name)) for name in wrong["slice_id"]], wrong.index)
    ordered = wrong.assign(_kept=kept, _pair=pairs)
    ordered = ordered.sort_values(["_kept", "_pair", "confidence"], ascending=False, kind="stable")
    return {str(name): value for name, value in ordered.iloc[0].to_dict().items()}


def _kept(source: ResultSource, slice_id: str) -> bool:
    """Whether the benchmark kept what the network that erred looked at; it did under official alone."""
    if source.run_id is not None or source.report.protocol != "official":
        return False
    return cache.shipped_saliency(source.report.model, slice_id, "predicted") is not None


def _heat(source: ResultSource, images: Dataset, row: dict[str, Any]) -> bytes | None:
    """The slice with the map towards the wrong class over it."""
    slice_id = str(row["slice_id"])
    settings = benchmark_document.preprocessing(source.report.model)
    if _kept(source, slice_id) and settings is not None:
        kept = cache.shipped_saliency(source.report.model, slice_id, "predicted")
        assert kept is not None
        image, _ = preprocess(images.pixels(slice_id), settings)
        large = Image.fromarray(kept).resize(image.shape[::-1], Image.Resampling.BICUBIC)
        return pictures.enlarged(overlay.blend(image, np.asarray(large, np.float32) / np.float32(255), OPACITY))
    loaded = models.find_model(source.weights)
    if loaded is None:
        return None
    return models.overlaid(models.explanation(loaded, images.pixels(slice_id), int(row["predicted"])), OPACITY)
