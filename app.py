"""Home: what this is, the headline results, what is running now. Start with ``streamlit run app.py``."""

import streamlit as st

from tumortrace.ui import frame, overview

with frame.page("home") as view:
    st.markdown(
        "Neural networks tell meningiomas, gliomas and pituitary tumours apart on single slices. Here they are "
        "trained, tested on people they have never met, looked at where they fail, and asked about pictures of yours. "
        "Every figure comes with its protocol, its n and its 95 % interval."
    )
    frame.not_clinical()
    overview.tour()
    overview.headline()
    overview.doors()
    left, right = st.columns(2, gap="large")
    with left:
        overview.running()
    with right:
        overview.data(view.dataset)
    overview.slices(view.dataset)
    overview.notes()
