"""Results: the benchmark section by section, and every model judged on this machine."""

import streamlit as st

from tumortrace.ui.components import model_figures
from tumortrace.ui.results import literature, sections
from tumortrace.ui.shell import benchmark_document, layout, onboarding, results_index

with layout.page("results") as view:
    bench = benchmark_document.read_document()
    found = results_index.result_sources()
    if found or bench:
        layout.not_clinical()
        sections.render(bench, found)
    else:
        model_figures.render_empty()
        if view.dataset is None:
            onboarding.offer("With slices, a model can be trained on them and judged here.")
        else:
            st.page_link(layout.PAGES["train"].path, label="Train a model", icon=":material/model_training:")
            benchmark_document.missing(
                bench, "No benchmark ships with this copy.", "This trains and computes all of it:"
            )
        if len(benchmark_document.literature()):
            st.subheader("Literature")
            literature.render(bench, found)
