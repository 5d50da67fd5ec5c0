"""The shifted test on the Results page: a column of the leaderboard, and every kind of shift by itself."""

from __future__ import annotations

import streamlit as st

from tumortrace.config import model_title
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import ShiftedAccuracy, records_frame
from tumortrace.ui.components import tables
from tumortrace.ui.components.tables import Cell, Line


def overall(bench: ResultsDocument, protocol: str) -> dict[str, ShiftedAccuracy]:
    """The mean over all shifts, by model."""
    lines = (line for line in bench.shifted if (line.protocol, line.kind) == (protocol, "all"))
    return {line.model: line for line in lines}


def cell(line: ShiftedAccuracy) -> Cell:
    """A model's accuracy over all shifts, and what it lost by them."""
    one = tables.share(line.accuracy, line.accuracy_low, line.accuracy_high)
    return Cell(one.text, one.note if line.lost is None else f"{one.note}\n{100 * line.lost:.1f} points lost")


def render(bench: ResultsDocument, protocol: str) -> None:
    """Accuracy on each kind of shift at each strength, a column a model; nothing where no model has taken the test."""
    lines = [line for line in bench.shifted if line.protocol == protocol]
    if not lines:
        return
    models = list(dict.fromkeys(line.model for line in lines))
    found = {(line.model, line.kind, line.level): line for line in lines}
    kinds = list(dict.fromkeys((line.kind, line.level) for line in lines if line.kind != "all"))
    strengths = {1: "hardly seen", 2: "plain", 3: "hard"}
    rows = []
    for kind, strength in kinds:
        held = [found[model, kind, strength] for model in models]
        cells = [tables.share(one.accuracy, one.accuracy_low, one.accuracy_high) for one in held]
        rows.append(Line([Cell(kind, strengths[strength]), *cells]))
    with st.expander("Shifted test: what other scanners, programs and hands do", icon=":material/deblur:"):
        tables.show_table(f"Shifted test, protocol {protocol}", ["Shift", *(model_title(one) for one in models)], rows)
        st.caption(
            f"Accuracy on {lines[0].n:,} test slices, each changed in {len(kinds)} ways that are the same for every "
            "model; out of fold, 95 % intervals by bootstrap over persons. No model was trained on these pictures or "
            "chosen by them; what they were trained on is augmented in like ways."
        )
        tables.download(records_frame(lines), f"shifted_{protocol}")
