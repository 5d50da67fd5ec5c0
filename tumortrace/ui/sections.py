"""The sections of the Results page: one is chosen, and only that one is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from tumortrace.ui import (
    benchmark,
    benchmark_ablations,
    benchmark_board,
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
MODEL: Final = "model"
"""The query parameter that names a model; a link with it leads to that model's section."""


def draw(bench: Bench, found: list[Source]) -> None:
    """The choice of a section, and the section.

    Args:
        bench: The benchmark's document, empty where none ships.
        found: Shipped models and finished runs.
    """
    _arrive()
    chosen = benchmark.kept(
        "Section", list(SECTIONS), state.SHOW, "leaderboard", {key: one.title for key, one in SECTIONS.items()},
        hidden=True,
    )  # fmt: skip
    if any(source.synthetic for source in found) and chosen in ("leaderboard", MODEL):
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
    """A link to a model leads to it, once: after that the reader's choice holds."""
    asked = st.query_params.get(MODEL)
    shown = st.query_params.get(state.SHOW)
    last = f"{state.RESULTS_MODEL}{state.ASKED}"
    if asked is None or (shown is not None and asked == st.session_state.get(last)):
        return
    st.session_state[last] = asked
    name, protocol = asked, None
    if asked.startswith(f"{sources.SHIPPED}/") and asked.count("/") == 2:
        _, name, protocol = asked.split("/")
    st.session_state[state.RESULTS_MODEL] = name
    if shown is None:
        st.query_params[state.SHOW] = MODEL
    if protocol in benchmark.PROTOCOLS:
        st.query_params[state.PROTOCOL] = protocol
