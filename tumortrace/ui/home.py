"""The home page's parts: the tour, headline results, links to pages, what is running, the data, limitations."""

from __future__ import annotations

from typing import Final

import streamlit as st

from tumortrace.constants import PROTOCOL_NOTES, SLICES
from tumortrace.data.datasets import Dataset
from tumortrace.data.ingest import background
from tumortrace.evaluation import findings
from tumortrace.evaluation.formatting import METRIC_NAMES
from tumortrace.runs.run import LIVE
from tumortrace.ui.components import figures_large, ranking
from tumortrace.ui.shell import benchmark_document, cache, layout, onboarding, results_index, state, style
from tumortrace.ui.shell.results_index import ResultSource
from tumortrace.ui.train import monitor

DOORS: Final = (
    ("dataset", "Explore the slices", "Patients, folds and outlines; one patient's series slice by slice."),
    ("train", "Train a model", "Configure a run, watch its curves as it learns, stop and resume it."),
    ("results", "Read the results", "Every model, protocol and comparison, with intervals."),
    ("errors", "Look at mistakes", "Every slice a model got wrong, and where it looked."),
    ("classify", "Classify a picture", "May it be judged, which tumour, how sure, and where the models looked."),
)
CARDS: Final = 3
SENTENCES: Final = 3
"""Of what the figures say; the Results page has all."""
METRIC: Final = "macro_f1"
NOTES: Final = (
    "**Three tumours, nothing else.** The models know no healthy brain and no other disease: any picture gets one of "
    "three names.",
    "**The split decides the number.** Slices of one patient look alike; a random split by slice puts them on both "
    "sides and flatters every model. Here the protocol stands beside each figure.",
    "**Follow-up exams.** Some patient ids of the published folds are the same head seen again; the `person` protocol "
    "keeps them together, and is the honest number.",
    "**One hospital's data.** All slices come from one source; nothing here says how a model fares elsewhere.",
)


def tour() -> None:
    """The way into the guided tour, for a room or for a newcomer."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start the guided tour", type="primary", icon=":material/slideshow:", key="tour_start"):
            st.switch_page(layout.TOUR, query_params={state.PRESENT: "1"})
        st.caption(
            "Six steps in large type: the problem, the split, a model learning, how good, where it fails, an answer."
        )


def headline() -> None:
    """The shipped models' figures, or finished runs', or what to do to get some."""
    st.subheader("Headline results")
    found = leading(results_index.result_sources())
    shipped = bool(found)
    if not found:
        text = "Runs that finish on this machine are judged on the Results page."
        st.html(style.note(text, "info", "No trained models are shipped with this copy yet."))
        found = results_index.result_sources()
    shown = found[:CARDS]
    if not shown:
        return
    words = METRIC_NAMES[METRIC]
    st.html(
        figures_large.large_numbers(
            ranking.places(shown, "slice", METRIC, apart=not shipped), words, f"{words} of the leading models"
        )
    )
    protocol = shown[0].report.protocol
    if shipped:
        st.caption(
            f"{words} on slices the model never saw. {ranking.basis(shown, 'slice')} {PROTOCOL_NOTES.get(protocol, '')}"
        )
        bench = benchmark_document.read_document()
        reports = [source.report for source in found]
        told = findings.findings(reports, bench.comparisons, bench.leakage, metric=METRIC)
        st.html(figures_large.sentence_list(told[:SENTENCES]))
    else:
        st.caption(f"{words} of your runs on slices the model never saw; small: 95 % intervals by bootstrap.")
    info = layout.PAGES["results"]
    st.page_link(info.path, label="Every model, protocol and comparison", icon=info.icon)


def leading(every: list[ResultSource]) -> list[ResultSource]:
    """The shipped models to headline: of the most honest protocol there is, the best first.

    Baselines that train no network are left out, and what sees the rest of the exam.
    """
    unranked = (*benchmark_document.BASELINES, *benchmark_document.case_context())
    shipped = [source for source in every if source.run_id is None and source.report.model not in unranked]
    for protocol in benchmark_document.PROTOCOLS:
        held = [source for source in shipped if source.report.protocol == protocol]
        if held:
            return ranking.ranked(held, "slice", METRIC)
    return []


def doors() -> None:
    """Draw links to the pages, each with what it is for."""
    st.subheader("What you can do")
    for column, (key, verb, text) in zip(st.columns(len(DOORS), gap="small"), DOORS, strict=True):
        info = layout.PAGES[key]
        with column, st.container(border=True, height="stretch"):
            st.page_link(info.path, label=f"**{verb}**", icon=info.icon)
            st.caption(text)


def running() -> None:
    """Runs that live now, and the download."""
    st.subheader("Running now")
    rows = [row for row in cache.run_rows() if row.state in LIVE]
    found = background.download_status()
    if found is not None and found.running:
        st.markdown(f":material/download: The real dataset is being downloaded: {found.share:.0%}.")
    if rows:
        st.fragment(_live_rows, run_every=2.0)()
    elif found is None or not found.running:
        st.caption("Nothing is running. A run started on the Train page, or by the command line, shows here.")


def _live_rows() -> None:
    for row in cache.run_rows():
        if row.state in LIVE:
            share = min(1.0, row.epoch / row.epochs) if row.epochs else 0.0
            st.progress(share, text=f"{monitor.title(row)}: epoch {row.epoch} of {row.epochs}")


def data(dataset: Dataset | None) -> None:
    """Draw how many slices and patients the dataset on show has, and which others are imported."""
    st.subheader("Data")
    if dataset is None:
        st.caption("Nothing is imported yet; see below.")
        return
    rows = dataset.manifest
    kind = "synthetic slices" if dataset.synthetic else "slices"
    patients = f" of {rows['patient_id'].nunique():,} patients" if rows["patient_id"].notna().any() else ""
    st.markdown(f"**{dataset.name}**: {len(rows):,} {kind}{patients}.")
    others = [name for name in cache.dataset_names() if name != dataset.name]
    if others:
        st.caption(f"Also imported: {', '.join(others)}.")


def slices(dataset: Dataset | None) -> None:
    """Where the real slices are not here yet: how to get them, and something to begin with."""
    if dataset is None:
        onboarding.offer("The figures above ship with the app; the slices do not. With slices, every page comes alive.")
    elif not (here := cache.published_part()):
        onboarding.offer_real()
    elif here < SLICES:
        onboarding.offer_rest(here)


def notes() -> None:
    """Draw the limitations: what the figures do and do not say."""
    st.subheader("Limitations")
    for text in NOTES:
        st.markdown(f"- {text}")
