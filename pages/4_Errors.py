"""Errors: every misclassified slice, and what the model looked at."""

import streamlit as st

from tumortrace.ui import frame, mistakes, results, sources, state, style, welcome

with frame.page("errors") as view:
    found = sources.every()
    if not found:
        results.nothing()
        if view.dataset is None:
            welcome.offer("With slices, a model can be trained on them, and its mistakes looked at here.")
        else:
            st.page_link(frame.PAGES["train"].path, label="Train a model", icon=":material/model_training:")
    else:
        frame.not_clinical()
        source = sources.choose(found, state.ERRORS_MODEL, st.query_params.get("model"))
        if source.synthetic:
            frame.synthetic_banner("This model was tested on synthetic slices")
        joined = sources.joined(source)
        dataset = sources.images_of(source)
        wrong = joined[~joined["correct"]]
        shown = mistakes.filters(wrong)
        mistakes.summary(source, joined, shown)
        if dataset is None:
            text = (
                f"They belong to the dataset {source.dataset_name}, which is not imported here; the table has the rest."
            )
            st.html(style.note(text, "warn", "The slices themselves are not at hand."))
            welcome.offer_real()
        rows = shown.to_dict("records")
        chosen = next((r for r in rows if mistakes.row_key(r) == st.session_state.get(state.ERRORS_SLICE)), None)
        if chosen is not None:
            mistakes.detail(source, dataset, chosen)
        if wrong.empty:
            st.html(style.note("It has no mistakes to show.", "calm", "Every prediction is right."))
        elif shown.empty:
            st.html(style.note("Widen the filter above.", "calm", "No mistake fits it."))
        elif dataset is None:
            mistakes.table(shown)
        else:
            st.caption("The surest mistakes first; open one to see where the model looked.")
            mistakes.grid(dataset, shown)
            with st.expander("All of them as a table"):
                mistakes.table(shown)
