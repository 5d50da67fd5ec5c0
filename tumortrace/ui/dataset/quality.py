"""The data quality report: what is odd about files, outlines and labels, and which slices are concerned."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from tumortrace import paths
from tumortrace.data import datasets, quality
from tumortrace.data.datasets import Dataset
from tumortrace.data.quality import QualityCheck
from tumortrace.evaluation import published
from tumortrace.evaluation.results_records import LabelSuspect
from tumortrace.ui.components import tables
from tumortrace.ui.components.tables import Line
from tumortrace.ui.dataset import lookups
from tumortrace.ui.shell import benchmark_document, cache, style

_LISTED: Final = 30
_ICONS: Final = {"fine": ":material/check_circle:", "found": ":material/flag:", "unknown": ":material/help:"}


def render(dataset: Dataset, rows: pd.DataFrame) -> None:
    """Draw the section Quality; rows as :func:`tumortrace.ui.gallery.rows.rows_of` gives them."""
    facts = lookups.facts(dataset)
    pairs = lookups.pairs_by_pixels(dataset, rows) if facts is not None else None
    bench = benchmark_document.read_document()
    stamp = cache.stamp(cache.artifacts_file("benchmark", "results.json"))
    checks = _checks(str(dataset.folder), dataset.fingerprint, facts, None if pairs is None else pairs[1],
                     stamp, published.suspects_of(bench, dataset))  # fmt: skip
    _summary(dataset, checks)
    if facts is None:
        text = (
            f"Whether files are whole and pictures flat, clipped or near-duplicates is known once each of the "
            f"{len(rows):,} slices has been opened; that is kept."
        )
        st.html(style.note(text, "warn", "Half of the report is missing."))
        lookups.open_all(dataset, f"Open {len(rows):,} slices", "quality_open")
    order = {"found": 0, "unknown": 1, "fine": 2}
    for check in sorted(checks, key=lambda one: order[one.status]):
        _shown(dataset, rows, check)
    if facts is not None:
        lookups.open_all(dataset, "Open the slices again", "quality_again", again=True)
    st.caption("The same from the command line:")
    st.code(paths.command(f"data quality {dataset.name} --csv quality.csv"), language="bash")


# The frames and the suspects follow from the fingerprint and the stamps.
@st.cache_data(max_entries=4, show_spinner="Checking ...", hash_funcs={pd.DataFrame: id})
def _checks(
    folder: str, fingerprint: str, facts: pd.DataFrame | None, twins: pd.DataFrame | None, stamp: int,
    _suspects: dict[str, list[LabelSuspect]] | None,
) -> list[QualityCheck]:  # fmt: skip
    return quality.quality_checks(datasets.open_dataset(Path(folder).name), facts, twins, _suspects)


def _summary(dataset: Dataset, checks: list[QualityCheck]) -> None:
    counts = {status: sum(one.status == status for one in checks) for status in _ICONS}
    found = quality.table(checks)
    slices = found.loc[found["slice_id"] != "", "slice_id"].nunique()
    st.html(
        style.figures(
            [
                ("Checks passed", f"{counts['fine']}", f"of {len(checks)}"),
                ("Checks with findings", f"{counts['found']}", f"{len(found):,} findings"),
                ("Checks not made", f"{counts['unknown']}", "what they need is not there"),
                ("Slices concerned", f"{slices:,}", f"of {len(dataset.manifest):,}"),
            ]
        )
    )
    tables.download(found, f"quality_{dataset.name}")


def _shown(dataset: Dataset, rows: pd.DataFrame, check: QualityCheck) -> None:
    many = len(check.findings)
    said = {"fine": "nothing found", "found": f"{many:,} found", "unknown": "not made"}[check.status]
    with st.expander(f"{check.title}: {said}", icon=_ICONS[check.status], key=f"check_{check.key}"):
        st.markdown(check.what)
        if check.unknown:
            st.html(style.note(check.unknown, "info", "Not made in full." if check.findings else "Not made."))
        if not check.findings:
            return
        known = set(rows["slice_id"])
        ids = list(dict.fromkeys(slice_id for slice_id, _ in check.findings if slice_id in known))
        if ids:
            lookups.strip(dataset, rows, ids[:8], f"quality-{check.key}", most=8)
        table = pd.DataFrame(check.findings, columns=["slice", "what"])
        lines = [Line([line["slice"] or "not imported", line["what"]]) for line in table[:_LISTED].to_dict("records")]
        tables.show_table(f"{check.title}: the findings", ["Slice", "What was found"], lines, text=(0, 1), wrap=True)
        if many > _LISTED:
            st.caption(f"The first {_LISTED} of {many:,}; the file above has all.")
        if ids:
            lookups.to_gallery(ids, f"{check.title}: {len(ids):,} slices", f"quality_gallery_{check.key}")
