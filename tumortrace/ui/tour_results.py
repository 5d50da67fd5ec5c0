"""Step 4 of the guided tour: the leaderboard, large, and what it says."""

from __future__ import annotations

from typing import Final

import streamlit as st

from tumortrace.data.catalog import PROTOCOL_NOTES
from tumortrace.data.store import Dataset
from tumortrace.evaluation import saying
from tumortrace.evaluation.wording import METRIC_NAMES
from tumortrace.ui import benchmark, benchmark_board, boards, frame, sources, style
from tumortrace.ui.sources import Source

METRIC: Final = "macro_f1"
LINES: Final = 4
"""As many as can be read from the back of a room."""


def draw(dataset: Dataset | None) -> None:
    """The most honest protocol that has figures; where nothing ships, the runs of this machine."""
    held, shipped = contenders()
    if not held:
        text = "Nothing has been judged here yet. A run that finishes (step 3 starts one) is judged by itself."
        st.html(style.note(text, "calm", "No results yet."))
        return
    if any(source.synthetic for source in held):
        frame.synthetic_banner("These models were tested on synthetic slices")
    shown = benchmark_board.ranked(held, "slice", METRIC)[:LINES]
    words = METRIC_NAMES[METRIC]
    places = benchmark_board.places(shown, "slice", METRIC, apart=not shipped)
    st.html(boards.board(places, words, f"{words} of each model", large=True))
    if shipped:
        protocol = shown[0].report.protocol
        basis = benchmark_board.basis(shown, "slice")
        st.caption(
            f"The best {len(places)} of {len(held)}. {words}: the mean over the three classes. {basis} "
            f"{PROTOCOL_NOTES.get(protocol, '')}"
        )
        bench = benchmark.read()
        sentences = saying.what_it_says(
            [source.report for source in held], bench.records("comparisons"), bench.records("leakage"), metric=METRIC,
            floors=(*benchmark.FLOORS, *benchmark.EXAMS),
        )  # fmt: skip
        if sentences:
            st.html(boards.said(sentences))
    else:
        st.caption(f"{words} of runs of this machine, each on its own test fold, with 95 % intervals by bootstrap.")


def contenders() -> tuple[list[Source], bool]:
    """The models to compare, and whether they ship: all of one protocol, or else finished runs."""
    every = sources.every()
    for protocol in benchmark.PROTOCOLS:
        held = [source for source in every if source.run_id is None and source.report.protocol == protocol]
        held = [source for source in held if source.report.model != benchmark.MAJORITY]
        if any(not benchmark_board.is_floor(source) for source in held):
            return held, True
    return [source for source in every if source.run_id is not None][:LINES], False
