"""Errors: the confusion matrix as a door to every slice a model got wrong, patterns, two models, and notes."""

import streamlit as st

from tumortrace.ui import errors_page, frame, notes, results, sources, welcome

with frame.page("errors") as view:
    found = sources.every()
    if found:
        errors_page.draw(found)
    else:
        results.nothing()
        if view.dataset is None:
            welcome.offer("With slices, a model can be trained on them, and its mistakes looked at here.")
        else:
            st.page_link(frame.PAGES["train"].path, label="Train a model", icon=":material/model_training:")
        notes.left_over()
