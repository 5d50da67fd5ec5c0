"""A series of one patient as one case: progress, the patient-level answer, and the curve along the series."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from tumortrace.charts import classify
from tumortrace.constants import CLASSES
from tumortrace.imaging.formats import Opened
from tumortrace.inference.calibration import shipped_calibration
from tumortrace.inference.patient import Case, make_case
from tumortrace.inference.prediction import Prediction
from tumortrace.inference.request import SliceInput, slice_inputs
from tumortrace.ui.classify import predictions, request
from tumortrace.ui.classify.request import ClassifyRequest
from tumortrace.ui.components import plots
from tumortrace.ui.shell import style
from tumortrace.ui.shell.models import LoadedModel


def slices(opened: Opened, plane: int) -> tuple[list[ClassifyRequest], list[str]]:
    """Every slice of one plane, and a sentence for each that is broken."""
    found, broken = [], []
    for item in slice_inputs(opened, plane):
        if isinstance(item, SliceInput):
            found.append(request.of(item))
        else:
            broken.append(f"{item[0]}: {item[1].what}")
    return found, broken


def predict_case(
    chosen: list[LoadedModel], every: Sequence[ClassifyRequest], key: str
) -> tuple[Case, list[Prediction]]:
    """Judge every slice, with a bar and the curve so far while it runs."""
    bar, so_far = st.progress(0.0, text=f"Judging {len(every)} slices ..."), st.empty()
    drawn = 0

    def told(done: int, part: list[Prediction]) -> None:
        nonlocal drawn
        bar.progress(done / len(every), text=f"Judged {done} of {len(every)} slices")
        if done - drawn >= 16:
            drawn = done
            with so_far.container():
                plots.show_figure(classify.series_curve(curve(make_case(part))), f"{key}_{done}")

    found = predictions.predict_many(chosen, every, told)
    bar.empty()
    so_far.empty()
    return make_case(found, shipped_calibration().own_share), found


def curve(case: Case) -> pd.DataFrame:
    """The case's slices as a table."""
    return pd.DataFrame(
        [
            {"place": place, "slice": name, "open": let_in, **dict(zip(CLASSES, shares, strict=True))}
            for place, (name, shares, let_in) in enumerate(case.curve, start=1)
        ],
        columns=["place", "slice", "open", *CLASSES],
    )


def render(case: Case, broken: Sequence[str], key: str) -> None:
    """The patient-level answer and the curve."""
    st.markdown("#### The whole series as one case")
    if case.probabilities is None:
        text = f"The gate let none of {case.judged} slices in, so there is no answer for this series."
        st.html(style.note(text, "warn", "No answer."))
    else:
        label = case.label
        assert label is not None
        left, right = plots.columns(f"case-{key}", [2, 3])
        with left:
            share = float(case.probabilities[label])
            st.html(f'<div class="tt-answer">{style.class_chip(label)}<b>{share:.0%}</b></div>')
            st.html(style.probability_bars([float(one) for one in case.probabilities]))
        with right:
            st.markdown(
                f"Mean of the ensemble over the **{case.used} of {case.of}** slices that the gate let in; "
                f"{case.agreeing} of these name {CLASSES[label]} themselves."
            )
            named = sum(one is not None and int(one.argmax()) == label for one in case.context)
            st.markdown(
                f"With case context, each slice answered from its own and the others' log-probabilities: {named} of "
                f"{case.used} name {CLASSES[label]}."
            )
            st.caption(
                "The benchmark's patient-level figures rest on slices that all show a tumour. In a whole series most "
                "do not; the gate decides which count, and it lets many healthy slices in."
            )
    plots.show_figure(
        classify.series_curve(curve(case)), f"curve_{key}", "Open, pale marks: slices the gate turned away."
    )
    for line in broken:
        st.caption(line)
