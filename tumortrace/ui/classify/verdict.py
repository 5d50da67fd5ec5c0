"""The answer to one slice: first whether it may be judged, then how sure, then who says so."""

from __future__ import annotations

from html import escape
from typing import Final

import numpy as np
import streamlit as st

from tumortrace.config import model_title
from tumortrace.constants import CLASSES
from tumortrace.inference import reliability, rendering
from tumortrace.inference.prediction import GateDecision, Prediction
from tumortrace.ui.classify.request import ClassifyRequest
from tumortrace.ui.components import tables
from tumortrace.ui.shell import benchmark_document, images, models, state, style
from tumortrace.ui.shell.models import LoadedModel

HEADS: Final = {
    "in_range": "May be judged.",
    "unlike": "Unlike the training slices.",
    "not_mr": "Not a slice this app knows.",
}


def picture(asked: ClassifyRequest, prediction: Prediction, outline: bool) -> None:
    """The slice as it was given, with TraceNet's outline on it."""
    drawn = outline and prediction.outline is not None
    height, width = asked.pixels.shape
    caption = f"As given, {width} × {height} px" + (", with TraceNet's outline" if drawn else "")
    shown = rendering.outlined(asked, prediction) if drawn else rendering.shown(asked)
    st.image(images.fitted(shown, 560), caption=caption, alt=f"{asked.title}. {caption}", width="stretch")


def gate(verdict: GateDecision | None) -> None:
    """Whether it may be judged, and why."""
    if verdict is None:
        st.html(style.note("No gate ships with this copy: nothing says whether this picture may be judged.", "warn"))
        return
    kind = {"in_range": "good", "unlike": "warn", "not_mr": "error"}[verdict.verdict]
    st.html(style.note(verdict.reason, kind, HEADS[verdict.verdict]))


def answered(asked: ClassifyRequest, prediction: Prediction, chosen: list[LoadedModel]) -> bool:
    """The answer, where the gate is open or the user looks anyway; whether it is shown."""
    if asked.synthetic:
        st.html(style.note("This slice is drawn, not scanned; what models say of it means nothing.", "synthetic"))
    if prediction.gate is not None and not prediction.gate.open:
        anyway = st.toggle(
            "Look at the answer anyway", key=state.CLASSIFY_ANYWAY,
            help="The models answer any picture with a tumour name. What they say here cannot be relied on.",
        )  # fmt: skip
        if not anyway:
            st.caption("Probabilities are not shown: the models would name a tumour whatever the picture.")
            return False
        st.html(style.note("These figures were never tested on pictures like this one.", "warn", "Not reliable."))
        _bars(asked, prediction)
    else:
        _headline(prediction)
        _bars(asked, prediction)
    _sets(prediction)
    _models(prediction, chosen)
    return True


def _headline(prediction: Prediction) -> None:
    label = prediction.label
    assert label is not None
    share = float(prediction.probabilities["ensemble"][label])
    single = prediction.single
    agree = (
        f"{prediction.agreeing} of {len(single)} models name it first"
        if len(single) > 1
        else model_title(next(iter(single)))
    )
    st.html(f'<div class="tt-answer">{style.class_chip(label)}<b>{share:.0%}</b><span>{escape(agree)}</span></div>')


def _bars(asked: ClassifyRequest, prediction: Prediction) -> None:
    st.html(style.probability_bars([float(one) for one in prediction.probabilities["ensemble"]], asked.truth))


def _sets(prediction: Prediction) -> None:
    if not prediction.sets:
        st.caption("No prediction set: it is promised for all shipped models together, once their folds are tested.")
        return
    bench = benchmark_document.read_document()
    for level, labels in sorted(prediction.sets.items()):
        names = " or ".join(CLASSES[label] for label in labels)
        said = f"<b>{names}</b>" + (" (nothing can be ruled out)" if len(labels) == len(CLASSES) else "")
        held = reliability.coverage(bench, level)
        st.html(f'<p class="tt-set">With {level} % promised coverage: {said}<small>{escape(held)}</small></p>')


def _models(prediction: Prediction, chosen: list[LoadedModel]) -> None:
    if len(prediction.single) < 2:
        return
    titles = {loaded.name: loaded.title for loaded in chosen}
    rows = []
    for name, shares in prediction.single.items():
        top = int(np.argmax(shares))
        cells = [tables.Cell(f"{float(share):.0%}", strong=label == top) for label, share in enumerate(shares)]
        rows.append(tables.Line([titles.get(name, model_title(name)), *cells], faint=top != prediction.label))
    with st.expander(f"What each of the {len(rows)} models says", expanded=False):
        tables.show_table("Calibrated probabilities of each model", ["model", *CLASSES], rows)
        said = "Calibrated on validation persons out of fold; a pale row names another class than the ensemble."
        recipe = models.predictor(chosen).calibration
        unheard = set(prediction.single) - set(recipe.weights) if recipe.fits(list(prediction.single)) else set()
        silent = sorted(titles.get(name, model_title(name)) for name in unheard)
        if silent:
            said += f" Without a vote in the ensemble, for want of figures on every fold: {', '.join(silent)}."
        st.caption(said)
