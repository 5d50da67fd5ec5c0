"""Dataset: slices, patients, classes, folds and outlines, section by section."""

from tumortrace.data.catalog import FIGSHARE, SLICES
from tumortrace.ui import dataset_facts, dataset_rows, dataset_sections, frame, loaders, welcome

with frame.page("dataset") as view:
    if view.dataset is None:
        welcome.offer("With slices, this page shows them with their patients, folds and tumour outlines.")
    else:
        if FIGSHARE not in loaders.dataset_names():
            welcome.offer_real()
        elif view.dataset.name == FIGSHARE and len(view.dataset.manifest) < SLICES:
            welcome.offer_rest(len(view.dataset.manifest))
        rows = dataset_rows.rows_of(view.dataset)
        dataset_facts.draw(view.dataset, rows)
        dataset_sections.draw(view.dataset, rows)
