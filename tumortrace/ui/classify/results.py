"""The Classify page's output: one slice with its answer, a batch as a table, a series as a case."""

from __future__ import annotations

from typing import Final

import streamlit as st

from tumortrace.constants import CLASSES
from tumortrace.errors import InputError
from tumortrace.imaging.formats import Opened, Refused
from tumortrace.inference import reliability
from tumortrace.inference.patient import Case
from tumortrace.inference.prediction import Prediction
from tumortrace.inference.request import deepest_stack, slice_input
from tumortrace.ui.classify import (
    case as whole,
)
from tumortrace.ui.classify import (
    explanation,
    inputs,
    perturbations,
    predictions,
    report,
    request,
    verdict,
)
from tumortrace.ui.classify.request import ClassifyRequest
from tumortrace.ui.components import plots, tables  # fmt: skip
from tumortrace.ui.shell import benchmark_document, layout, state, style
from tumortrace.ui.shell.models import LoadedModel

PARTS: Final = {
    "looked": "Where it looked",
    "alike": "Similar slices",
    "whatif": "What if",
    "stable": "Small changes",
    "take": "Take it away",
}
TABLE_ROWS: Final = 200


def single(one: ClassifyRequest, chosen: list[LoadedModel]) -> None:
    """One slice: picture, gate, answer, and what stands behind it."""
    with st.spinner("Asking the models ...", show_time=True):
        prediction = predictions.predict_one(chosen, one)
    with st.container(border=True):
        st.subheader(one.title, anchor=False)
        if prediction.error:
            st.html(style.note(prediction.error, "error", "Not judged."))
            return
        if one.truth is not None:
            st.html(f"Diagnosis in the dataset: {style.class_chip(one.truth)}")
        verdict.gate(prediction.gate)
        left, right = plots.columns("answer", [2, 3])
        with left:
            outline = prediction.outline is not None and st.toggle(
                "TraceNet's outline", value=True, key=state.CLASSIFY_OUTLINE, persist_state="session"
            )
            verdict.picture(one, prediction, outline)
            if one.facts:
                st.caption(" · ".join(f"{name} {fact}" for name, fact in one.facts.items()))
        with right:
            shown = verdict.answered(one, prediction, chosen)
            for line in reliability.outline(benchmark_document.read_document(), one, prediction) if shown else []:
                st.caption(line)
    if shown:
        _behind(one, prediction, chosen)
    else:
        report.render_slice(one, prediction, chosen)


@st.fragment
def _behind(one: ClassifyRequest, prediction: Prediction, chosen: list[LoadedModel]) -> None:
    with layout.errors(), st.container(border=True):
        part = st.segmented_control(
            "Behind the answer", list(PARTS), default="looked", required=True, format_func=PARTS.__getitem__,
            key=state.CLASSIFY_PART, persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        if part == "alike":
            explanation.alike(one, prediction)
        elif part == "whatif":
            perturbations.render(one, prediction, chosen)
        elif part == "stable":
            perturbations.stable(one, chosen)
        elif part == "take":
            report.render_slice(one, prediction, chosen)
        else:
            explanation.render(one, prediction, chosen)


def several(found: list[Opened | Refused], chosen: list[LoadedModel]) -> None:
    """All that was uploaded: what cannot be read, a table of the rest, and one of them large."""
    refused = [bad for bad in found if isinstance(bad, Refused)]
    opened = [good for good in found if isinstance(good, Opened)]
    for bad in refused:
        inputs.refuse(bad.name, bad.error)
    singles = _singles(opened)
    if len(singles) > 1:
        _batch(singles, [Prediction(bad.name, error=str(bad.error)) for bad in refused], chosen)
    if not opened:
        return
    names = [f"{place}. {one.name}" for place, one in enumerate(opened, start=1)]
    if len(opened) > 1:
        if st.session_state.get(state.CLASSIFY_SHOWN) not in names:
            st.session_state[state.CLASSIFY_SHOWN] = names[0]
        name = st.selectbox("Show in full", names, key=state.CLASSIFY_SHOWN)
        one = opened[names.index(name or names[0])]
    else:
        one = opened[0]
    _large(one, chosen)


def _singles(opened: list[Opened]) -> list[ClassifyRequest]:
    found = []
    for one in opened:
        if deepest_stack(one) == 1:
            try:
                found.append(request.of(slice_input(one)))
            except InputError as error:
                inputs.refuse(one.name, error)
    return found


def _batch(singles: list[ClassifyRequest], refused: list[Prediction], chosen: list[LoadedModel]) -> None:
    bar, place = st.progress(0.0, text="Asking the models ..."), st.empty()

    def told(done: int, so_far: list[Prediction]) -> None:
        bar.progress(done / len(singles), text=f"Judged {done} of {len(singles)} slices")
        if done % 16 == 0:
            with place.container():
                _table(so_far)

    judged = predictions.predict_many(chosen, singles, told)
    bar.empty()
    with place.container():
        _table(judged)
    report.render_batch(list(zip(singles, judged, strict=True)), refused, None, chosen)


def _table(judged: list[Prediction]) -> None:
    rows = []
    for prediction in judged[:TABLE_ROWS]:
        if prediction.error or (prediction.gate is None and not prediction.probabilities):
            rows.append(tables.Line([prediction.file, prediction.error or "", "", "", ""], faint=True))
            continue
        open_ = prediction.gate is None or prediction.gate.open
        label = prediction.label
        assert label is not None
        said = CLASSES[label] if open_ else "not headlined"
        share = f"{float(prediction.probabilities['ensemble'][label]):.0%}" if open_ else ""
        names = " or ".join(CLASSES[one] for one in prediction.sets.get(90, ())) if open_ else ""
        gate = verdict.HEADS[prediction.gate.verdict].rstrip(".") if prediction.gate else "no gate"
        rows.append(tables.Line([prediction.file, gate, said, share, names], faint=not open_))
    head = ["file", "gate", "answer", "probability", "with 90 % coverage"]
    tables.show_table("Answers of all files", head, rows, text=(0, 1, 2, 4), wrap=True)
    if len(judged) > TABLE_ROWS:
        st.caption(f"The first {TABLE_ROWS} of {len(judged)}; the files below hold all of them.")


def _large(one: Opened, chosen: list[LoadedModel]) -> None:
    """A file with one slice, or one of its slices and the button that classifies all."""
    if deepest_stack(one) == 1:
        slice_ = _tried(one, 0, 0)
        if slice_ is not None:
            single(slice_, chosen)
        return
    plane, index = _place(one)
    total = one.stacks[plane].count
    case: Case | None = None
    if st.toggle(
        f"Judge all {total} slices as one case", key=f"{state.CLASSIFY_CASE}{one.name}",
        help="Every slice of this plane, and what they say together. Takes about a third of a second a slice.",
    ):  # fmt: skip
        every, broken = whole.slices(one, plane)
        case, judged = whole.predict_case(chosen, every, one.name)
        with st.container(border=True):
            whole.render(case, broken, f"{one.name}_{plane}")
            report.render_batch(list(zip(every, judged, strict=True)), [], case, chosen)
    slice_ = _tried(one, plane, index)
    if slice_ is not None:
        single(slice_, chosen)


def _place(one: Opened) -> tuple[int, int]:
    plane = 0
    if len(one.stacks) > 1:
        plane = st.segmented_control(
            "Plane", list(range(len(one.stacks))), default=0, required=True,
            format_func=lambda place: one.stacks[place].name, key=f"{state.CLASSIFY_PLANE}{one.name}",
        ) or 0  # fmt: skip
    total = one.stacks[plane].count
    if total == 1:
        return plane, 0
    index = st.slider("Slice", 1, total, (total + 1) // 2, key=f"{state.CLASSIFY_INDEX}{one.name}_{plane}")
    return plane, index - 1


def _tried(one: Opened, plane: int, index: int) -> ClassifyRequest | None:
    try:
        return request.of(slice_input(one, plane, index))
    except InputError as error:
        inputs.refuse(one.name, error)
        return None
