"""Errors: a clickable confusion matrix that leads to every misclassified slice, patterns, two models, and notes."""

import streamlit as st

from tumortrace.ui.components import model_figures
from tumortrace.ui.errors import notes, page
from tumortrace.ui.shell import layout, onboarding, results_index

with layout.page("errors") as view:
    found = results_index.result_sources()
    if found:
        page.render(found)
    else:
        model_figures.render_empty()
        if view.dataset is None:
            onboarding.offer("With slices, a model can be trained on them, and its mistakes looked at here.")
        else:
            st.page_link(layout.PAGES["train"].path, label="Train a model", icon=":material/model_training:")
        notes.left_over()
