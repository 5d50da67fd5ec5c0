"""The home page's parts: headline results, what is running, the state of the data, three doors, honest notes."""

from __future__ import annotations

from typing import Final

import streamlit as st

from tumortrace.data.catalog import PHANTOM, PROTOCOL_NOTES
from tumortrace.data.store import Dataset
from tumortrace.evaluation.tables import folds_text
from tumortrace.evaluation.wording import percent
from tumortrace.training.runs import LIVE
from tumortrace.ui import benchmark, fetch, frame, live, loaders, sources, style
from tumortrace.ui.sources import Source

DOORS: Final = (
    ("dataset", "Explore", "Slices, patients, folds and outlines; one patient's series slice by slice."),
    ("train", "Train", "Configure a run, watch its curves as it learns, stop and resume it."),
    ("classify", "Classify", "Give the models a picture; see their probabilities and where they looked."),
)
CARDS: Final = 3
NO_BREAK: Final = "\N{NON-BREAKING HYPHEN}"
NOTES: Final = (
    "**Three tumours, nothing else.** The models know no healthy brain and no other disease: any picture gets one of "
    "three names.",
    "**The split decides the number.** Slices of one patient look alike; a random split by slice puts them on both "
    "sides and flatters every model. Here the protocol stands beside each figure.",
    "**Follow-up exams.** Some patient ids of the published folds are the same head seen again; the `person` protocol "
    "keeps them together, and is the honest number.",
    "**One hospital's data.** All slices come from one source; nothing here says how a model fares elsewhere.",
)


def headline() -> None:
    """The shipped models' figures, or finished runs', or what to do to get some."""
    st.subheader("Headline results")
    found = leading(sources.every())
    if not found:
        text = "Runs that finish on this machine are judged on the Results page."
        st.html(style.note(text, "calm", "No trained models are shipped with this copy yet."))
        found = sources.every()[:3]
    if not found:
        return
    for column, source in zip(st.columns(CARDS), found[:CARDS], strict=False):
        with column:
            _card(source)
    protocol = found[0].report.protocol
    st.caption(
        "Macro F1 on slices the model never saw, with its 95 % interval by bootstrap over the unit named. "
        f"Protocol {protocol}: {PROTOCOL_NOTES.get(protocol, '')}"
    )
    info = frame.PAGES["results"]
    st.page_link(info.path, label="Every model, protocol and comparison", icon=info.icon)


def leading(every: list[Source]) -> list[Source]:
    """The shipped models to headline: of the most honest protocol there is, the ensemble first, then the best network.

    Baselines that train no network are left out.
    """
    shipped = [source for source in every if source.run_id is None and source.report.model not in benchmark.FLOORS]
    for protocol in benchmark.PROTOCOLS:
        held = [source for source in shipped if source.report.protocol == protocol]
        if held:
            return sorted(held, key=lambda source: source.report.model != benchmark.ENSEMBLE)
    return []


def _card(source: Source) -> None:
    report = source.report
    part = report.slice
    found = part.interval("macro_f1")
    accuracy = part.interval("accuracy")
    ends = "" if found.low is None or found.high is None else f"{percent(found.low)} to {percent(found.high)}"
    many = "folds" if len(report.folds) > 1 else "fold"
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.metric(
            f"Macro F1 · {source.name}",
            percent(found.value),
            ends or None,
            delta_color="off",
            delta_arrow="off",
            help=PROTOCOL_NOTES.get(report.protocol),
        )
        st.caption(
            f"Accuracy {percent(accuracy.value)} · protocol {report.protocol}, {many} "
            f"{folds_text(report.folds).replace('-', NO_BREAK)} · n = {sources.counted(report, 'slice'):,} slices, "
            f"{found.clusters:,} {found.unit}s"
        )
        if report.synthetic:
            st.badge("synthetic slices", icon=":material/science:", color="orange")


def doors() -> None:
    """Three ways in."""
    for column, (key, verb, text) in zip(st.columns(3), DOORS, strict=True):
        info = frame.PAGES[key]
        with column, st.container(border=True, height="stretch"):
            st.page_link(info.path, label=f"**{verb}**", icon=info.icon)
            st.caption(text)


def running() -> None:
    """Runs that live now, and the download."""
    st.subheader("Running now")
    rows = [row for row in loaders.run_rows() if row.state in LIVE]
    found = fetch.look()
    if found is not None and found.running:
        st.markdown(f":material/download: The real dataset is being downloaded: {found.share:.0%}.")
    if rows:
        st.fragment(_live_rows, run_every=2.0)()
    elif found is None or not found.running:
        st.caption("Nothing is running. A run started on the Train page, or by the command line, shows here.")


def _live_rows() -> None:
    for row in loaders.run_rows():
        if row.state in LIVE:
            share = min(1.0, row.epoch / row.epochs) if row.epochs else 0.0
            st.progress(share, text=f"{live.title(row)}: epoch {row.epoch} of {row.epochs}")


def data(dataset: Dataset | None) -> None:
    """What is imported."""
    st.subheader("Data")
    if dataset is None:
        st.caption("No dataset is imported yet. The Dataset page makes phantom slices or downloads the real ones.")
        st.page_link(frame.PAGES["dataset"].path, label="Get slices", icon=":material/download:")
        return
    rows = dataset.manifest
    kind = "synthetic slices" if dataset.synthetic else "slices"
    patients = f" of {rows['patient_id'].nunique():,} patients" if rows["patient_id"].notna().any() else ""
    st.markdown(f"**{dataset.name}**: {len(rows):,} {kind}{patients}.")
    others = [name for name in loaders.dataset_names() if name != dataset.name]
    if others:
        st.caption(f"Also imported: {', '.join(others)}.")
    elif dataset.name == PHANTOM:
        st.caption("The real dataset is not imported yet; the Dataset page downloads it.")
        st.page_link(frame.PAGES["dataset"].path, label="Get the real dataset", icon=":material/download:")


def notes() -> None:
    """What to keep in mind."""
    st.subheader("Honest notes")
    for text in NOTES:
        st.markdown(f"- {text}")
