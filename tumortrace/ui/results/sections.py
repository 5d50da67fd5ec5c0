"""The sections of the Results page: one is chosen, and only that one is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.ui.results import (
    ablations,
    confusion_matrices,
    failures,
    leaderboard,
    leakage,
    literature,
    localisation,
    model,
    pairwise,
)
from tumortrace.ui.shell import address, benchmark_document, layout, state
from tumortrace.ui.shell.results_index import ResultSource


@dataclass(frozen=True)
class Section:
    """A section of the Results page."""

    title: str
    lead: str
    draw: Callable[[ResultsDocument, list[ResultSource]], None]


SECTIONS: Final = {
    "leaderboard": Section(
        "Leaderboard", "Every model on slices it never saw, side by side.", leaderboard.render
    ),
    "confusions": Section(
        "Confusions", "What each model takes for what, on one scale of colour.", confusion_matrices.render
    ),
    "model": Section("One model", "Everything measured of a single model.", model.render),
    "pairs": Section(
        "Model against model", "Which differences between models are more than luck.", pairwise.render
    ),
    "leakage": Section("Leakage", "What the split is worth, with the recipe held fixed.", leakage.render),
    "ablations": Section("Ablations", "What each choice in a recipe is worth.", ablations.render),
    "failures": Section("Failures", "Which slices are got wrong, and whose they are.", failures.render),
    "localisation": Section(
        "Localisation", "Whether the models look at the tumour.", localisation.render
    ),
    "literature": Section("Literature", "What others have published; ours beside it.", literature.render),
}  # fmt: skip
MODEL: Final = state.MODEL
"""A link that names a model leads to the section of that name."""


def render(bench: ResultsDocument, found: list[ResultSource]) -> None:
    """The choice of a section, and the section.

    Args:
        bench: The benchmark's document, empty where none ships.
        found: Shipped models and finished runs.
    """
    _arrive()
    # The protocol is common to the sections: it stays in the address through those that do not ask for it.
    common = {state.PROTOCOL} if st.query_params.get(state.PROTOCOL) in benchmark_document.PROTOCOLS else set()
    with address.tidied([name for name in state.RESULTS_ADDRESS if name not in common]):
        chosen = address.choose(
            "Section", list(SECTIONS), state.SHOW, "leaderboard", lambda key: SECTIONS[key].title, hidden=True
        )
        if any(source.synthetic for source in found) and chosen in ("leaderboard", "confusions", MODEL):
            everything = all(source.synthetic for source in found)
            layout.synthetic_banner(f"{'All' if everything else 'Some'} results here rest on synthetic slices")
        elif bench.synthetic:
            layout.synthetic_banner("These results rest on synthetic slices")
        section = SECTIONS[chosen]
        st.subheader(section.title, anchor=chosen)
        st.caption(section.lead)
        section.draw(bench, found)
    benchmark_document.files()


def _arrive() -> None:
    """A link to a model leads to its section, under its protocol; the reference names both."""
    if MODEL not in st.query_params:
        return
    asked = address.benchmark_model(MODEL)
    if asked is not None:
        st.query_params[MODEL] = asked.id
        if asked.protocol in benchmark_document.PROTOCOLS:
            st.query_params[state.PROTOCOL] = asked.protocol
    if state.SHOW not in st.query_params:
        st.query_params[state.SHOW] = MODEL
