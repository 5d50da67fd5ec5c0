"""What if the slice looked a little different: sliders that change it, and a strip of small changes."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from tumortrace.charts import classify
from tumortrace.constants import CLASSES
from tumortrace.imaging.perturb import NOTHING, SMALL_PERTURBATIONS, Perturbation, perturb
from tumortrace.inference.prediction import Prediction
from tumortrace.ui.classify import predictions
from tumortrace.ui.classify.request import ClassifyRequest
from tumortrace.ui.components import plots
from tumortrace.ui.shell import images, state, style
from tumortrace.ui.shell.models import LoadedModel

_SLIDERS: Final[dict[str, tuple[str, float, float, float, str]]] = {
    "rotate": ("Turn", -45.0, 45.0, 1.0, "%d°"),
    "zoom": ("Crop and zoom", 0.7, 1.5, 0.05, "%.2f ×"),
    "window": ("Window", 30.0, 200.0, 5.0, "%d %%"),
    "level": ("Level", 10.0, 90.0, 5.0, "%d %%"),
    "noise": ("Noise", 0.0, 15.0, 0.5, "%.1f %%"),
}
_TOGGLES: Final = {"mirror": "Mirror left to right", "flip": "Flip top to bottom"}


def render(asked: ClassifyRequest, prediction: Prediction, chosen: list[LoadedModel]) -> None:
    """Sliders, the changed slice, and what is said of it."""
    left, middle, right = plots.columns("whatif", [1, 1, 1])
    with left:
        change = _change()
    altered = changed(asked, change)
    with middle:
        caption = "Nothing changed" if change == NOTHING else "Changed"
        shown = np.rint(perturb(asked.pixels, change) * 255).astype(np.uint8)
        st.image(images.fitted(shown, 448), caption=caption, alt=f"{asked.title}, {caption.lower()}", width="stretch")
    with right:
        found = prediction if change == NOTHING else predictions.predict_one(chosen, altered)
        if found.error:
            st.html(style.note(found.error, "error", "No answer."))
        else:
            _said(prediction, found)


def _change() -> Perturbation:
    values: dict[str, Any] = {}
    for name, (label, low, high, step, shape) in _SLIDERS.items():
        values[name] = st.slider(
            label, low, high, float(getattr(NOTHING, name)), step, format=shape,
            key=f"{state.CLASSIFY_CHANGE}{name}", persist_state="session",
        )  # fmt: skip
    for name, label in _TOGGLES.items():
        values[name] = st.toggle(label, key=f"{state.CLASSIFY_CHANGE}{name}", persist_state="session")
    st.button("Undo all", icon=":material/undo:", on_click=_undo)
    return Perturbation(**values)


def _undo() -> None:
    for field in fields(Perturbation):
        st.session_state[f"{state.CLASSIFY_CHANGE}{field.name}"] = getattr(NOTHING, field.name)


def changed(asked: ClassifyRequest, change: Perturbation) -> ClassifyRequest:
    """The slice, changed; what its file says of it stays."""
    return replace(asked, pixels=perturb(asked.pixels, change), window=None)


def _said(before: Prediction, after: Prediction) -> None:
    shares, old = after.probabilities["ensemble"], before.probabilities["ensemble"]
    st.html(style.probability_bars([float(one) for one in shares]))
    moved = int(np.abs(shares - old).argmax())
    st.caption(f"Largest move: {CLASSES[moved]} {float(old[moved]):.0%} to {float(shares[moved]):.0%}.")
    if after.gate is not None and not after.gate.open:
        st.html(style.note(after.gate.reason, "warn", "The gate would be closed."))


def stable(asked: ClassifyRequest, chosen: list[LoadedModel]) -> None:
    """How the probabilities move under small changes."""
    every = [changed(asked, change) for change in SMALL_PERTURBATIONS.values()]
    with st.spinner(f"Asking about {len(every) - 1} small changes ...", show_time=True):
        found = predictions.predict_many(chosen, every)
    if any(prediction.error for prediction in found):
        st.html(style.note("A small change makes this slice unreadable.", "warn"))
        return
    table = pd.DataFrame(
        [
            {"change": name, **dict(zip(CLASSES, prediction.probabilities["ensemble"], strict=True))}
            for name, prediction in zip(SMALL_PERTURBATIONS, found, strict=True)
        ]
    )
    first = found[0].label
    same = sum(prediction.label == first for prediction in found[1:])
    said = "every" if same == len(found) - 1 else f"{same} of {len(found) - 1}"
    st.html(
        f'<p class="tt-said">The answer stays the same under {said} small change{"s" if said != "every" else ""}.</p>'
    )
    plots.show_figure(classify.stability(table), "stability", "The ensemble's calibrated probabilities.")
