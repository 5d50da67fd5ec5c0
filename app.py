"""Home: what this is, the headline results, what is running now. Start with ``streamlit run app.py``."""

import streamlit as st

from tumortrace.ui import frame, overview

with frame.page("home") as view:
    st.markdown(
        "An app and a package around one question. Under it stands a benchmark that can be believed: no patient on "
        "both sides of a split, every figure with its interval."
    )
    frame.not_clinical()
    overview.headline()
    overview.doors()
    left, right = st.columns(2, gap="large")
    with left:
        overview.running()
    with right:
        overview.data(view.dataset)
    overview.notes()
