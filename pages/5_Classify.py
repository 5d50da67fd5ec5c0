"""Classify: give slices to the models, see whether they are in distribution, what the models say, and why."""

import streamlit as st

from tumortrace.ui.classify import explanation, inputs, results
from tumortrace.ui.shell import layout, models, onboarding, state, style

with layout.page("classify") as view:
    layout.not_clinical()
    every = models.loadable_models()
    if not any(judge.shipped for judge in every):
        text = "Finished runs can be asked instead." if every else "Train one first; a finished run can be asked here."
        st.html(style.note(text, "info", "No trained model is shipped with this copy."))
    if not every:
        if view.dataset is None:
            onboarding.offer("With slices, a model can be trained on them, and then asked about any picture.")
        else:
            st.page_link(layout.PAGES["train"].path, label="Train a model", icon=":material/model_training:")
    else:
        kinds = ["Upload", "Examples"]
        kind = st.segmented_control(
            "Pictures", kinds, default=kinds[1], required=True, key=state.CLASSIFY_SOURCE, persist_state="session",
            label_visibility="collapsed",
        )  # fmt: skip
        with st.expander("Models asked", icon=":material/groups:"):
            chosen = inputs.choose_models(every)
        if not chosen:
            st.html(style.note("Choose at least one above.", "info", "No model is chosen."))
        elif kind == "Examples":
            unseeing = inputs.unseeing(view.dataset, chosen) if view.dataset is not None else []
            asked = inputs.examples(view.dataset, unseeing)
            results.single(asked, chosen)
        else:
            found = inputs.uploads()
            if found:
                results.several(found, chosen)
            else:
                st.caption(
                    "Drop one or more files above. Each is judged on its own; a series of one patient can be judged "
                    "as one case. A broken file is named, and the others go on."
                )
        explanation.model_lines(chosen)
