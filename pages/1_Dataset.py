"""Dataset: slices, patients, classes, folds and outlines, section by section."""

from tumortrace.constants import SLICES
from tumortrace.data import identity
from tumortrace.ui.dataset import facts, sections
from tumortrace.ui.gallery import rows as dataset_rows
from tumortrace.ui.shell import cache, layout, onboarding

with layout.page("dataset") as view:
    if view.dataset is None:
        onboarding.offer("With slices, this page shows them with their patients, folds and tumour outlines.")
    else:
        here = cache.published_part()
        if not here:
            onboarding.offer_real()
        elif here < SLICES and identity.is_published(view.dataset):
            onboarding.offer_rest(here)
        rows = dataset_rows.rows_of(view.dataset)
        facts.render(view.dataset, rows)
        sections.render(view.dataset, rows)
