"""Step 4 of the guided tour: the leaderboard, large, and what it says."""

from __future__ import annotations

from typing import Final

import streamlit as st

from tumortrace.constants import PROTOCOL_NOTES
from tumortrace.data.datasets import Dataset
from tumortrace.evaluation import findings
from tumortrace.evaluation.formatting import METRIC_NAMES
from tumortrace.ui.components import figures_large, ranking
from tumortrace.ui.shell import benchmark_document, layout, results_index, style
from tumortrace.ui.shell.results_index import ResultSource

METRIC: Final = "macro_f1"
LINES: Final = 4
"""As many as can be read from the back of a room."""


def render(dataset: Dataset | None) -> None:
    """The most honest protocol that has figures; where nothing ships, the runs of this machine."""
    held, shipped = contenders()
    if not held:
        text = "Nothing has been judged here yet. A run that finishes (step 3 starts one) is judged by itself."
        st.html(style.note(text, "info", "No results yet."))
        return
    if any(source.synthetic for source in held):
        layout.synthetic_banner("These models were tested on synthetic slices")
    shown = ranking.ranked(held, "slice", METRIC)[:LINES]
    words = METRIC_NAMES[METRIC]
    places = ranking.places(shown, "slice", METRIC, apart=not shipped)
    st.html(figures_large.large_numbers(places, words, f"{words} of each model", large=True))
    if shipped:
        protocol = shown[0].report.protocol
        basis = ranking.basis(shown, "slice")
        st.caption(
            f"The best {len(places)} of {len(held)}. {words}: the mean over the three classes. {basis} "
            f"{PROTOCOL_NOTES.get(protocol, '')}"
        )
        bench = benchmark_document.read_document()
        sentences = findings.findings(
            [source.report for source in held], bench.comparisons, bench.leakage, metric=METRIC,
            baselines=(*benchmark_document.BASELINES, *benchmark_document.case_context()),
        )  # fmt: skip
        if sentences:
            st.html(figures_large.sentence_list(sentences))
    else:
        st.caption(f"{words} of runs of this machine, each on its own test fold, with 95 % intervals by bootstrap.")


def contenders() -> tuple[list[ResultSource], bool]:
    """The models to compare, and whether they ship: all of one protocol, or else finished runs."""
    every = results_index.result_sources()
    for protocol in benchmark_document.PROTOCOLS:
        held = [source for source in every if source.run_id is None and source.report.protocol == protocol]
        held = [source for source in held if source.report.model != benchmark_document.MAJORITY]
        if any(not ranking.is_baseline(source) for source in held):
            return held, True
    return [source for source in every if source.run_id is not None][:LINES], False
