"""Where the model that erred looked: kept from the benchmark for its mistakes, computed on request for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from tumortrace.constants import CLASSES
from tumortrace.explain import overlay
from tumortrace.imaging.preprocess import invert_crop
from tumortrace.inference import rendering
from tumortrace.ui.errors.rows import Errors
from tumortrace.ui.shell import benchmark_document, cache, images, models, state, style
from tumortrace.ui.shell.models import LoadedModel

WRONG: Final = "the class it named"
TRUE: Final = "the true class"
KEPT: Final = "official"
"""The protocol whose mistakes the benchmark keeps saliency of."""


@dataclass(frozen=True)
class Wish:
    """What is drawn over the slice."""

    model: str | None
    """Whose kept saliency; None where it is computed with the weights at hand."""
    towards: str
    """:data:`WRONG` or :data:`TRUE`."""
    opacity: float


def controls(errors: Errors, row: pd.Series) -> Wish | None:
    """Whose saliency, towards which class and how strongly; None where there is none to draw."""
    if not _here(errors, row):
        return None
    lookers, loaded = models_with_maps(errors, row), loaded_model_of(errors)
    if not lookers and loaded is None:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="looked"):
        if not lookers and not st.toggle(
            "Compute where it looked", key=state.ERRORS_LIVE, persist_state="session",
            help="Runs the model on this slice; the first time takes some seconds.",
        ):  # fmt: skip
            return None
        model = lookers[0] if lookers else None
        if st.session_state.get(state.ERRORS_LOOKER) not in lookers:
            st.session_state[state.ERRORS_LOOKER] = model
        if len(lookers) > 1:
            model = st.selectbox(
                "Model", lookers, key=state.ERRORS_LOOKER, format_func=lambda name: errors.titles[name], width=210,
                persist_state="session", help="Those that erred on this slice.",
            )  # fmt: skip
        wanted, opacity = _settings(bool(row["correct"]) and model is None)
    return Wish(model, wanted, opacity)


def render(errors: Errors, row: pd.Series, wish: Wish | None) -> None:
    """The saliency over the slice, or why there is none."""
    if not _here(errors, row):
        st.html(style.note("It is drawn over the slice, which is not at hand.", "info", "No saliency."))
    elif wish is None:
        _none(errors, row)
    elif wish.model is None:
        _live(errors, row, wish)
    else:
        _kept(errors, row, wish.model, wish)


def _here(errors: Errors, row: pd.Series) -> bool:
    return errors.dataset is not None and str(row["slice_id"]) in cache.places(errors.dataset)


def _none(errors: Errors, row: pd.Series) -> None:
    loaded = loaded_model_of(errors)
    if loaded is not None:
        whose = "the network that erred" if _same_network(loaded, row) else "the weights at hand"
        text = f"The switch above computes it with {whose}."
        st.html(style.note(text, "info", "No saliency was kept of this prediction."))
        return
    many = errors.source.report.model == benchmark_document.ENSEMBLE
    text = "It is a vote, and no member that erred kept its own." if many else "Its weights are not at hand."
    st.html(style.note(text, "info", "No saliency."))


def _same_network(loaded: LoadedModel, row: pd.Series) -> bool:
    """Whether the weights at hand are those of the very network of this prediction."""
    return (loaded.protocol, loaded.fold) == (row["protocol"], int(row["fold"]))


def _kept(errors: Errors, row: pd.Series, model: str, wish: Wish) -> None:
    dataset, slice_id = errors.dataset, str(row["slice_id"])
    assert dataset is not None
    kind = "predicted" if wish.towards == WRONG else "true"
    said = errors.of(model)
    named = said[said["slice_id"] == slice_id].iloc[0]
    target = CLASSES[int(named["predicted" if kind == "predicted" else "label"])]
    heat = cache.shipped_saliency(model, slice_id, kind)
    assert heat is not None
    caption = rendering.unmoved(heat, target) or f"Grad-CAM of {errors.titles[model]} towards {target}"
    folder, stamp = str(dataset.folder), cache.stamp(cache.artifacts_file("benchmark", "saliency.npz"))
    picture = _kept_picture(folder, dataset.fingerprint, slice_id, model, kind, wish.opacity, stamp)
    st.image(picture, caption=caption, alt=f"{caption}, over slice {slice_id}", width="stretch")
    st.caption("Kept from the benchmark: the network that erred had not seen this patient.")


def models_with_maps(errors: Errors, row: pd.Series) -> list[str]:
    """The models that erred on this slice and whose saliency was kept; the one on show first."""
    if errors.source.run_id is not None or row["protocol"] != KEPT or int(row["seed"]):
        return []
    found = [
        name for name in errors.titles
        if cache.shipped_saliency(name, str(row["slice_id"]), "predicted") is not None
        and benchmark_document.preprocessing(name) is not None
    ]  # fmt: skip
    return sorted(found, key=lambda name: name != errors.name)


def loaded_model_of(errors: Errors) -> LoadedModel | None:
    """The model behind the predictions, where its weights are at hand."""
    return models.find_model(errors.source.weights)


def _settings(right: bool) -> tuple[str, float]:
    if right or st.session_state.get(state.ERRORS_TARGET) not in (WRONG, TRUE):
        st.session_state[state.ERRORS_TARGET] = WRONG
    wanted = st.segmented_control(
        "Towards", [WRONG] if right else [WRONG, TRUE], required=True, key=state.ERRORS_TARGET,
        persist_state="session",
    )  # fmt: skip
    if state.ERRORS_OPACITY not in st.session_state:
        st.session_state[state.ERRORS_OPACITY] = 0.5
    opacity = st.slider(
        "Opacity", 0.0, 1.0, step=0.05, key=state.ERRORS_OPACITY, persist_state="session", width=150,
        help="0 shows the slice alone.",
    )  # fmt: skip
    return wanted or WRONG, opacity


def _live(errors: Errors, row: pd.Series, wish: Wish) -> None:
    dataset, slice_id, loaded = errors.dataset, str(row["slice_id"]), loaded_model_of(errors)
    assert dataset is not None
    assert loaded is not None
    target = int(row["predicted" if wish.towards == WRONG else "label"])
    pixels = dataset.pixels(slice_id)
    found = models.explanation(loaded, pixels, target)
    heat = invert_crop(found.heat, pixels, loaded.view)
    empty = rendering.unmoved(found.heat, CLASSES[target])
    caption = empty or f"Grad-CAM of {loaded.title} towards {CLASSES[target]}"
    picture = _over(pixels, heat, wish.opacity, cache.outline_of(dataset, slice_id))
    st.image(picture, caption=caption, alt=f"{caption}, over slice {slice_id}", width="stretch")
    if not _same_network(loaded, row):
        seen = (
            f"with {loaded.protocol} fold {loaded.fold} held out; they may have seen this slice, and"
            if loaded.fold
            else "on all slices, this one too; they"
        )
        st.caption(f"The weights at hand were trained {seen} are not the very ones that erred.")


@st.cache_data(max_entries=96, show_spinner=False)
def _kept_picture(
    folder: str, fingerprint: str, slice_id: str, model: str, kind: str, opacity: float, stamp: int
) -> bytes:
    dataset = cache.dataset(folder.rpartition("/")[2])
    found, view = cache.shipped_saliency(model, slice_id, kind), benchmark_document.preprocessing(model)
    assert found is not None
    assert view is not None
    pixels = dataset.pixels(slice_id)
    heat = np.clip(invert_crop(found.astype(np.float32) / np.float32(255), pixels, view), 0, 1)
    return _over(pixels, heat, opacity, cache.outline_of(dataset, slice_id))


def _over(pixels: npt.NDArray[np.generic], heat: npt.NDArray[np.float32], opacity: float, outline: str | None) -> bytes:
    picture = overlay.blend(overlay.to_display(pixels), heat, opacity)
    if outline is not None:
        picture = overlay.draw_outline(picture, outline, images.OUTLINE_COLOUR, width=2)
    return images.encode(picture, "JPEG")
