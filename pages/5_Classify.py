"""Classify: give slices to the models, see whether they may judge, what they say, and why."""

import streamlit as st

from tumortrace.ui import asking, classifying, frame, judges, state, style, welcome, why

with frame.page("classify") as view:
    frame.not_clinical()
    every = judges.every()
    if not any(judge.shipped for judge in every):
        text = "Finished runs can be asked instead." if every else "Train one first; a finished run can be asked here."
        st.html(style.note(text, "calm", "No trained model is shipped with this copy."))
    if not every:
        if view.dataset is None:
            welcome.offer("With slices, a model can be trained on them, and then asked about any picture.")
        else:
            st.page_link(frame.PAGES["train"].path, label="Train a model", icon=":material/model_training:")
    else:
        kinds = ["Upload", "Examples"]
        kind = st.segmented_control(
            "Pictures", kinds, default=kinds[1], required=True, key=state.CLASSIFY_SOURCE, persist_state="session",
            label_visibility="collapsed",
        )  # fmt: skip
        with st.expander("Models asked", icon=":material/groups:"):
            chosen = asking.choose_judges(every)
        if not chosen:
            st.html(style.note("Choose at least one above.", "calm", "No model is chosen."))
        elif kind == "Examples":
            unseeing = asking.unseeing(view.dataset, chosen) if view.dataset is not None else []
            asked = asking.examples(view.dataset, unseeing)
            classifying.single(asked, chosen)
        else:
            found = asking.uploads()
            if found:
                classifying.several(found, chosen)
            else:
                st.caption(
                    "Drop one or more files above. Each is judged on its own; a series of one patient can be judged "
                    "as one case. A broken file is named, and the others go on."
                )
        why.model_lines(chosen)
