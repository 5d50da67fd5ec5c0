"""Dataset: slices, patients, classes, folds and outlines."""

import streamlit as st

from tumortrace.data.catalog import FIGSHARE
from tumortrace.ui import frame, gallery, loaders, state, style, welcome

with frame.page("dataset") as view:
    if view.dataset is None:
        welcome.offer("With slices, this page shows them with their patients, folds and tumour outlines.")
    else:
        rows = gallery.with_folds(view.dataset)
        wanted = st.query_params.get(state.SLICE)
        if wanted is not None and wanted in set(rows["slice_id"]):
            gallery.detail(view.dataset, rows, wanted)
        else:
            if wanted is not None:
                text = f"The dataset {view.dataset.name} has no slice {wanted}; the gallery shows those it has."
                st.html(style.note(text, "warn", "No such slice."))
            if FIGSHARE not in loaders.dataset_names():
                welcome.offer_real()
            gallery.facts(view.dataset)
            gallery.counts(view.dataset)
            st.subheader("Gallery")
            gallery.grid(view.dataset, gallery.filters(rows), len(rows))
