"""Results: the benchmark section by section, and every model judged on this machine."""

import streamlit as st

from tumortrace.ui import benchmark, benchmark_literature, frame, results, sections, sources, welcome

with frame.page("results") as view:
    bench = benchmark.read()
    found = sources.every()
    if found or bench:
        frame.not_clinical()
        sections.draw(bench, found)
    else:
        results.nothing()
        if view.dataset is None:
            welcome.offer("With slices, a model can be trained on them and judged here.")
        else:
            st.page_link(frame.PAGES["train"].path, label="Train a model", icon=":material/model_training:")
            benchmark.missing(bench, "No benchmark ships with this copy.", "This trains and computes all of it:")
        if len(benchmark.literature()):
            st.subheader("Literature")
            benchmark_literature.section(bench, found)
