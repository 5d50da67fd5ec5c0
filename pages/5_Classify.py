"""Classify: give slices to the models, see what they say and where they looked."""

import streamlit as st

from tumortrace.ui import asking, frame, judges, state, style, welcome

with frame.page("classify") as view:
    st.html(style.note(asking.WARNING, "warn", "Any picture gets a tumour name."))
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
        left, right = st.columns([3, 1])
        with left:
            chosen = asking.choose_judges(every)
        kinds = ["Upload", "Example slice"] if view.dataset is not None else ["Upload"]
        kind = kinds[0]
        if len(kinds) > 1:
            kind = right.segmented_control(
                "Picture", kinds, default=kinds[-1], required=True, key=state.CLASSIFY_SOURCE, persist_state="session"
            )
        if kind == "Example slice" and view.dataset is not None:
            if view.dataset.synthetic:
                frame.synthetic_banner()
            asked = asking.examples(view.dataset, asking.unseeing(view.dataset, chosen))
        else:
            asked = asking.uploads()
        if not chosen:
            st.html(style.note("Choose at least one above.", "calm", "No model is chosen."))
        elif asked:
            opacity, target = asking.overlay_settings()
            for picture in asked:
                asking.judgement(picture, chosen, opacity, target)
            asking.about(chosen)
        elif kind == "Upload":
            st.caption("Drop one or more pictures above; each is judged on its own.")
