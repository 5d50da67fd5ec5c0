"""Results: every judged model, side by side and one by one."""

import streamlit as st

from tumortrace.ui import frame, results, sources, state, welcome

with frame.page("results") as view:
    found = sources.every()
    if not found:
        results.nothing()
        if view.dataset is None:
            welcome.offer("With slices, a model can be trained on them and judged here.")
        else:
            st.page_link(frame.PAGES["train"].path, label="Train a model", icon=":material/model_training:")
    else:
        frame.not_clinical()
        if any(source.synthetic for source in found):
            everything = all(source.synthetic for source in found)
            frame.synthetic_banner(f"{'All' if everything else 'Some'} results here rest on synthetic slices")
        st.subheader("Leaderboard")
        level = results.choose_level()
        results.leaderboard(found, level)
        st.subheader("One model")
        source = sources.choose(found, state.RESULTS_MODEL, st.query_params.get("model"))
        if source.synthetic and not all(other.synthetic for other in found):
            frame.synthetic_banner("This model was tested on synthetic slices")
        results.one(source, level)
