"""Step 6 of the guided tour: one slice through the gate, the models and saliency, as the Classify page does it."""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st

from tumortrace.config import draws_outlines
from tumortrace.constants import CLASSES
from tumortrace.data import phantom
from tumortrace.data.datasets import Dataset
from tumortrace.ui.classify import inputs, predictions, verdict
from tumortrace.ui.classify.request import ClassifyRequest
from tumortrace.ui.components import plots
from tumortrace.ui.shell import cache, models, state, style
from tumortrace.ui.shell.models import LoadedModel

OPACITY: Final = 0.45


def render(dataset: Dataset | None) -> None:
    """A slice that the models have not seen, their answer, and where they looked."""
    asked_models = predictor(dataset)
    if not asked_models:
        text = "No trained model ships with this copy; step 3 trains one, and it is asked here."
        st.html(style.note(text, "info", "There is nobody to ask yet."))
        return
    asked = slice_for(dataset, asked_models, int(st.session_state.get(state.TOUR_SLICE, 0)))
    with st.spinner("The models look at it ..."):
        prediction = predictions.predict_one(asked_models, asked)
    left, middle, right = plots.columns("stage-answer", [4, 5, 4])
    with left:
        verdict.picture(asked, prediction, outline=False)
        st.button("Another slice", icon=":material/shuffle:", key="tour_another", on_click=_another)
    with middle:
        verdict.gate(prediction.gate)
        shown = verdict.answered(asked, prediction, asked_models)
    with right:
        if shown:
            loaded = next((one for one in asked_models if draws_outlines(one.name)), asked_models[0])
            found = models.explanation(loaded, asked.pixels, None)
            caption = f"Saliency of {loaded.title} towards {CLASSES[found.target]}"
            st.image(models.overlaid(found, OPACITY), caption=caption, alt=f"{caption}, {asked.title}", width="stretch")
        else:
            text = "A model names one of three tumours whatever the picture. So the gate looks first, and may refuse."
            st.html(style.note(text, "info", "Why it is turned away."))


def predictor(dataset: Dataset | None) -> list[LoadedModel]:
    """Shipped models together; where none ships, or only drawn slices are here and a run knows them, the newest run."""
    every = models.loadable_models()
    shipped = [loaded for loaded in every if loaded.shipped]
    runs = [loaded for loaded in every if not loaded.shipped]
    return shipped or runs[:1]


def slice_for(dataset: Dataset | None, asked_models: list[LoadedModel], draw_number: int) -> ClassifyRequest:
    """A slice of the fold that the models have not seen, another for each number; drawn where there is no dataset."""
    label = (draw_number + 1) % len(CLASSES)
    if dataset is None:
        pixels, _ = phantom.render_phantom(label, "axial", 0.0, (draw_number, 0, 0), 256)
        return ClassifyRequest("A drawn slice", pixels, truth=label, synthetic=True)
    rows = dataset.manifest
    unseeing = inputs.unseeing(dataset, asked_models)
    if unseeing:
        held = (cache.folds(dataset)[unseeing[0].protocol] == unseeing[0].fold).fillna(False).to_numpy(dtype=bool)
        rows = rows[held] if held.any() else rows
    mine = rows[rows["label"] == label]
    mine = mine if len(mine) else rows
    row = mine.iloc[int(np.random.default_rng(draw_number).integers(len(mine)))]
    slice_id = str(row["slice_id"])
    person = None if row.isna()["person_id"] else str(row["person_id"])
    return ClassifyRequest(
        f"Slice {slice_id}", dataset.pixels(slice_id), truth=int(row["label"]), person_id=person,
        synthetic=dataset.synthetic,
    )  # fmt: skip


def _another() -> None:
    st.session_state[state.TOUR_SLICE] = int(st.session_state.get(state.TOUR_SLICE, 0)) + 1
