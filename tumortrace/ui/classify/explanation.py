"""Why: where each model looked, how far that can be trusted, TraceNet's outline, and slices that look alike."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import streamlit as st

from tumortrace.config import draws_outlines, model_title
from tumortrace.constants import CLASSES
from tumortrace.explain.methods import METHODS, TITLES
from tumortrace.inference import reliability, rendering
from tumortrace.inference.prediction import Prediction
from tumortrace.ui.classify.request import ClassifyRequest
from tumortrace.ui.components import plots
from tumortrace.ui.shell import benchmark_document, cache, images, models, state, style
from tumortrace.ui.shell.models import LoadedModel

ALIKE: Final = 5
ROW: Final = 3
"""Maps beside each other."""


def render(asked: ClassifyRequest, prediction: Prediction, chosen: list[LoadedModel]) -> None:
    """Saliency by model, side by side."""
    method, target, opacity = _settings()
    by_key = {loaded.key: loaded for loaded in chosen}
    kept = [key for key in st.session_state.get(state.CLASSIFY_HEATS, []) if key in by_key]
    if kept != st.session_state.get(state.CLASSIFY_HEATS):
        st.session_state[state.CLASSIFY_HEATS] = kept or [loaded.key for loaded in in_order(chosen)[:ROW]]
    drawn = st.multiselect(
        "Models", list(by_key), key=state.CLASSIFY_HEATS, format_func=lambda key: by_key[key].title,
        persist_state="session",
    )  # fmt: skip
    outline = prediction.outline is not None and st.session_state.get(state.CLASSIFY_OUTLINE, True)
    for start in range(0, len(drawn), ROW):
        for column, key in zip(plots.columns(f"heats{start}", ROW), drawn[start : start + ROW], strict=False):
            with column:
                _heat(asked, prediction, by_key[key], method, target, opacity, outline)


def in_order(chosen: list[LoadedModel]) -> list[LoadedModel]:
    """TraceNet first, where it is asked."""
    return sorted(chosen, key=lambda loaded: not draws_outlines(loaded.name))


def _settings() -> tuple[str, int | None, float]:
    one, two, three = st.columns(3)
    method = one.selectbox(
        "Method", list(METHODS), format_func=TITLES.__getitem__, key=state.CLASSIFY_METHOD, persist_state="session"
    )
    target = two.selectbox(
        "Towards", [None, *range(len(CLASSES))], key=state.CLASSIFY_TARGET, persist_state="session",
        format_func=lambda label: "the class each model names" if label is None else CLASSES[label],
    )  # fmt: skip
    opacity = three.slider(
        "Overlay opacity", 0.0, 1.0, 0.45, 0.05, key=state.CLASSIFY_OPACITY, persist_state="session",
        help="0 shows the slice alone.",
    )  # fmt: skip
    return method or "gradcam", target, opacity


def _heat(
    asked: ClassifyRequest,
    prediction: Prediction,
    loaded: LoadedModel,
    method: str,
    target: int | None,
    opacity: float,
    outline: bool,
) -> None:
    found: Any = models.explanation(loaded, asked.pixels, target, method)
    inside = rendering.region(asked, prediction) if outline else None
    shown = rendering.under_heat(asked, found.heat, loaded.view, opacity, inside)
    caption = f"{loaded.title}: {TITLES[method]} towards {CLASSES[found.target]}" + (
        "" if found.heat.any() else ": no map"
    )
    st.image(images.fitted(shown, 448), caption=caption, alt=f"{caption}, over {asked.title}", width="stretch")
    empty = rendering.unmoved(found.heat, CLASSES[found.target])
    if empty:
        st.caption(f":material/info: {empty}")
        return
    st.caption(reliability.trust(benchmark_document.read_document(), loaded.name, method))


def alike(asked: ClassifyRequest, prediction: Prediction) -> None:
    """The most similar slices of the dataset, with diagnoses and outlines."""
    index = models.retrieval_index()
    if index is None or prediction.features is None:
        st.caption("Similar slices are found through TraceNet; it was not asked, or no index ships.")
        return
    found = index.find(prediction.features, ALIKE, asked.person_id)
    here = cache.published_dataset()
    with st.container(horizontal=True, gap="small", key="alike"):
        for one in found:
            with st.container(width=168, gap=None):
                if here is not None and cache.row_of(here, one.slice_id) is not None:
                    picture = cache.thumbnail(here, one.slice_id, 336, outline=True)
                    st.image(picture, width=168, alt=f"Slice {one.slice_id} with its outline: {CLASSES[one.label]}")
                st.html(style.class_chip(one.label))
                st.caption(f"slice {one.slice_id} · likeness {one.similarity:.2f}")
    if here is None:
        st.caption("Download the dataset on the Dataset page to see these slices and the radiologists' outlines.")
    of = "; none is of the same person" if asked.person_id else ""
    votes = np.bincount([one.label for one in found], minlength=len(CLASSES))
    st.caption(
        f"{int(votes.max())} of {len(found)} are {CLASSES[int(votes.argmax())]}s; one slice a person at most{of}. "
        "Nearest in what TraceNet's head sees. TraceNet has learnt these slices with their diagnoses, so they "
        "illustrate the answer and are no second opinion."
    )


def model_lines(chosen: list[LoadedModel]) -> None:
    """What each model was trained on."""
    with st.expander("What these models were trained on"):
        for loaded in chosen:
            st.markdown(f"**{loaded.title or model_title(loaded.name)}**: {loaded.detail}")
