"""Dataset: slices, patients, classes, folds and outlines, section by section."""

from tumortrace.data import identity
from tumortrace.data.catalog import SLICES
from tumortrace.ui import dataset_facts, dataset_rows, dataset_sections, frame, loaders, welcome

with frame.page("dataset") as view:
    if view.dataset is None:
        welcome.offer("With slices, this page shows them with their patients, folds and tumour outlines.")
    else:
        here = loaders.published_part()
        if not here:
            welcome.offer_real()
        elif here < SLICES and identity.is_published(view.dataset):
            welcome.offer_rest(here)
        rows = dataset_rows.rows_of(view.dataset)
        dataset_facts.draw(view.dataset, rows)
        dataset_sections.draw(view.dataset, rows)
