"""Train: configure, start, watch, stop, resume."""

import streamlit as st

from tumortrace import settings
from tumortrace.training import jobs
from tumortrace.ui import comparing, form, frame, live, loaders, starting, state, style, waiting, welcome

with frame.page("train") as view:
    rows = loaders.run_rows()
    live.broken(loaders.unreadable_runs())
    if rows:
        with st.container(border=True):
            watched = live.choose(rows)
            if watched is not None:
                live.watch(watched)
    if view.dataset is None:
        welcome.offer("With slices, this page trains a model on them and shows it learning.")
    else:
        st.subheader("A new run")
        st.caption("Take a preset, or set everything yourself.")
        form.choose_preset(view.dataset.name)
        config = form.draw(loaders.dataset_names(), view.dataset.name)
        if config is not None:
            if loaders.dataset(config.dataset or view.dataset.name).synthetic:
                frame.synthetic_banner("This run would learn from synthetic slices")
            st.caption("The command that does the same")
            st.code(settings.command_line(config), language="bash")
        if starting.button("Start training", "start_training", disabled=config is None):
            assert config is not None
            st.session_state[state.STARTED] = jobs.start(config).id
            starting.answered("start_training")
            st.rerun()
    if rows:
        waiting.panel()
        comparing.panel(rows)
        st.subheader("All runs")
        live.listing(rows)
    elif view.dataset is not None:
        st.html(
            style.note("The first one you start shows here, with its curves while it learns.", title="No runs yet.")
        )
