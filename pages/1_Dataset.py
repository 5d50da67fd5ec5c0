"""Dataset: slices, patients, classes, folds and outlines, section by section."""

from tumortrace.data.catalog import SLICES
from tumortrace.ui import dataset_facts, dataset_rows, dataset_sections, frame, loaders, welcome

with frame.page("dataset") as view:
    if view.dataset is None:
        welcome.offer("With slices, this page shows them with their patients, folds and tumour outlines.")
    else:
        if loaders.published_part() < SLICES:
            welcome.offer_real()
        rows = dataset_rows.rows_of(view.dataset)
        dataset_facts.draw(view.dataset, rows)
        dataset_sections.draw(view.dataset, rows)
