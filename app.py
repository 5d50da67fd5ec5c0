"""Home: what this is, the headline results, what is running now. Start with ``streamlit run app.py``."""

import streamlit as st

from tumortrace.ui import home
from tumortrace.ui.shell import layout

with layout.page("home") as view:
    st.markdown(
        "Neural networks tell meningiomas, gliomas and pituitary tumours apart on single slices. Here they are "
        "trained, tested on people they have never met, looked at where they fail, and asked about pictures of yours. "
        "Every figure comes with its protocol, its n and its 95 % interval."
    )
    layout.not_clinical()
    home.tour()
    home.headline()
    home.doors()
    left, right = st.columns(2, gap="large")
    with left:
        home.running()
    with right:
        home.data(view.dataset)
    home.slices(view.dataset)
    home.notes()
