"""Train: configure, start, watch, stop, resume."""

import streamlit as st

from tumortrace.config import fields
from tumortrace.scheduling import jobs
from tumortrace.ui.components import start_button
from tumortrace.ui.shell import cache, layout, onboarding, state, style
from tumortrace.ui.train import compare, form, monitor, queue

with layout.page("train") as view:
    rows = cache.run_rows()
    monitor.broken(cache.unreadable_runs())
    if rows:
        with st.container(border=True):
            watched = monitor.choose_run(rows)
            if watched is not None:
                monitor.render(watched)
    if view.dataset is None:
        onboarding.offer("With slices, this page trains a model on them and shows it learning.")
    else:
        st.subheader("A new run")
        st.caption("Take a preset, or set everything yourself.")
        form.choose_preset(view.dataset.name)
        config = form.render(cache.dataset_names(), view.dataset.name)
        if config is not None:
            if cache.dataset(config.dataset or view.dataset.name).synthetic:
                layout.synthetic_banner("This run would learn from synthetic slices")
            st.caption("The command that does the same")
            st.code(fields.command_line(config), language="bash")
        if start_button.button("Start training", "start_training", disabled=config is None):
            assert config is not None
            st.session_state[state.STARTED] = jobs.start(config).id
            start_button.answered("start_training")
            st.rerun()
    if rows:
        queue.render()
        compare.render(rows)
        st.subheader("All runs")
        monitor.listing(rows)
    elif view.dataset is not None:
        st.html(
            style.note("The first one you start shows here, with its curves while it learns.", title="No runs yet.")
        )
