"""The sections of the Results page: one is chosen, and only that one is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from tumortrace.ui import (
    address,
    benchmark,
    benchmark_ablations,
    benchmark_board,
    benchmark_confusions,
    benchmark_failures,
    benchmark_leakage,
    benchmark_literature,
    benchmark_localisation,
    benchmark_model,
    benchmark_pairs,
    frame,
    sources,
    state,
)
from tumortrace.ui.benchmark import Bench
from tumortrace.ui.sources import Source


@dataclass(frozen=True)
class Section:
    """One of them."""

    title: str
    lead: str
    draw: Callable[[Bench, list[Source]], None]


SECTIONS: Final = {
    "leaderboard": Section(
        "Leaderboard", "Every model on slices it never saw, side by side.", benchmark_board.section
    ),
    "confusions": Section(
        "Confusions", "What each model takes for what, on one scale of colour.", benchmark_confusions.section
    ),
    "model": Section("One model", "Everything measured of a single model.", benchmark_model.section),
    "pairs": Section(
        "Model against model", "Which differences between models are more than luck.", benchmark_pairs.section
    ),
    "leakage": Section("Leakage", "What the split is worth, with the recipe held fixed.", benchmark_leakage.section),
    "ablations": Section("Ablations", "What each choice in a recipe is worth.", benchmark_ablations.section),
    "failures": Section("Failures", "Which slices are got wrong, and whose they are.", benchmark_failures.section),
    "localisation": Section(
        "Localisation", "Whether the models look at the tumour.", benchmark_localisation.section
    ),
    "literature": Section("Literature", "What others have published; ours beside it.", benchmark_literature.section),
}  # fmt: skip
MODEL: Final = state.MODEL
"""A link that names a model leads to the section of that name."""


def draw(bench: Bench, found: list[Source]) -> None:
    """The choice of a section, and the section.

    Args:
        bench: The benchmark's document, empty where none ships.
        found: Shipped models and finished runs.
    """
    _arrive()
    # The protocol is common to the sections: it stays in the address through those that do not ask for it.
    common = {state.PROTOCOL} if st.query_params.get(state.PROTOCOL) in benchmark.PROTOCOLS else set()
    with address.tidied([name for name in state.RESULTS_ADDRESS if name not in common]):
        chosen = address.choose(
            "Section", list(SECTIONS), state.SHOW, "leaderboard", lambda key: SECTIONS[key].title, hidden=True
        )
        if any(source.synthetic for source in found) and chosen in ("leaderboard", "confusions", MODEL):
            everything = all(source.synthetic for source in found)
            frame.synthetic_banner(f"{'All' if everything else 'Some'} results here rest on synthetic slices")
        elif bench.synthetic:
            frame.synthetic_banner("These results rest on synthetic slices")
        section = SECTIONS[chosen]
        st.subheader(section.title, anchor=chosen)
        st.caption(section.lead)
        section.draw(bench, found)
    benchmark.files()


def _arrive() -> None:
    """A link to a model leads to its section, under its protocol; ``shipped/<model>/<protocol>`` names both."""
    asked = st.query_params.get(MODEL)
    if asked is None:
        return
    if asked.startswith(f"{sources.SHIPPED}/") and asked.count("/") == 2:
        _, name, protocol = asked.split("/")
        st.query_params[MODEL] = name
        if protocol in benchmark.PROTOCOLS:
            st.query_params[state.PROTOCOL] = protocol
    if state.SHOW not in st.query_params:
        st.query_params[state.SHOW] = MODEL
