"""Failures: which slices are got wrong, whose they are, and which labels are worth a second look."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from tumortrace.benchmark.error_analysis import GROUPS
from tumortrace.charts import groups as charts
from tumortrace.config import model_title
from tumortrace.constants import CLASSES
from tumortrace.data.datasets import Dataset
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import LabelSuspect, records_frame
from tumortrace.inference.model_ref import ModelRef
from tumortrace.ui.components import plots, tables
from tumortrace.ui.components.tables import Cell, Line
from tumortrace.ui.shell import address, benchmark_document, cache, layout, state, style
from tumortrace.ui.shell.results_index import ResultSource

FIRST: Final = 12
"""Suspects shown; the file has all."""
_EXPLAINED: Final = {
    "plane": "Estimated from the published numbering; the dataset does not say.",
    "size": "Outlined area over the area of the slice.",
    "side": "From the middle of the outline to the middle of the slice.",
    "height": "Of the middle of the outline.",
    "contrast": "Mean intensity inside the outline less that of a ring around it.",
    "slices": "How many slices the dataset holds of the patient.",
}


def render(bench: ResultsDocument, found: list[ResultSource]) -> None:
    """Draw the section Failures: error rates by group, the persons behind most errors, doubted labels."""
    rates = records_frame(bench.failures.error_rates)
    if rates.empty:
        benchmark_document.missing(bench, "No failures have been counted yet.")
        return
    left, right = plots.columns("failures", [2, 3])
    models = benchmark_document.in_order(rates["model"])
    with left:
        model = address.select("Model", models, state.FAILURES_MODEL, models[0], model_title)
    with right:
        protocol = benchmark_document.choose_protocol(rates.loc[rates["model"] == model, "protocol"])
    benchmark_document.explain(protocol)
    held = rates[(rates["model"] == model) & (rates["protocol"] == protocol)]
    if held.empty:
        benchmark_document.missing(bench, f"{model_title(model)} has not been tested under {protocol} yet.")
    else:
        _rates(held, model, protocol)
        _persons(bench, model, protocol)
    _suspects(bench, protocol)


def _rates(held: pd.DataFrame, model: str, protocol: str) -> None:
    st.subheader("Error rates")
    by_class = held[held["by"] == "class"]
    slices = int(by_class["n"].sum())
    overall = float((by_class["value"] * by_class["n"]).sum() / slices) if slices else None
    st.caption(
        f"{model_title(model)}, protocol {protocol}, n = {slices:,} slices; 95 % intervals by bootstrap over persons. "
        "Dashed: the error rate of all slices. Groups differ in more than what they are named after (small tumours are "
        "more often of one class, for instance): these are descriptions, not causes."
    )
    most = min(1.0, 1.05 * float(pd.to_numeric(held["high"]).max()))
    kinds = [by for by in GROUPS if (held["by"] == by).any()]
    for start in range(0, len(kinds), 2):
        for column, by in zip(plots.columns(f"rates_{start}"), kinds[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{GROUPS[by]}**")
                plots.show_figure(
                    charts.error_rates(held[held["by"] == by], overall, most), f"rates_{model}_{protocol}_{by}",
                    _EXPLAINED.get(by),
                )  # fmt: skip
    absent = [GROUPS[by] for by in GROUPS if by not in kinds]
    if absent:
        st.caption(f"Not known for these slices: {', '.join(absent).lower()}.")
    tables.download(held, f"error_rates_{model}_{protocol}")
    frames = layout.PAGES["errors"]
    st.page_link(
        frames.path, label="See every misclassified slice", icon=frames.icon,
        query_params={"model": str(ModelRef("benchmark", model, protocol))},
    )  # fmt: skip


def _persons(bench: ResultsDocument, model: str, protocol: str) -> None:
    st.subheader("The persons behind most errors")
    table = records_frame(bench.failures.persons)
    held = table[(table["model"] == model) & (table["protocol"] == protocol)] if len(table) else table
    if held.empty:
        st.caption("It made no errors.")
        return
    lines = held.to_dict("records")
    rows = [
        Line(
            [
                str(line["person_id"]), Cell(str(line["class"])), f"{int(line['errors']):,} of {int(line['n']):,}",
                tables.share(line["errors"] / line["n"]), tables.share(line["share"]),
            ]
        )
        for line in lines
    ]  # fmt: skip
    tables.show_table(
        "Persons with most errors", ["Person", "Class", "Predictions wrong", "Share of theirs", "Share of all errors"],
        rows, text=(0, 1),
    )  # fmt: skip
    together = sum(float(line["share"]) for line in lines)
    st.caption(
        f"These {len(lines)} persons make {together:.0%} of the errors of {model_title(model)} under {protocol}: "
        "errors come in heads, which is why every interval here draws persons. Plain counts, no interval."
    )
    tables.download(held, f"hardest_persons_{model}_{protocol}")


def _suspects(bench: ResultsDocument, protocol: str) -> None:
    st.subheader("Labels worth a second look")
    doubted = bench.failures.suspects.get(protocol)
    if doubted is None:
        st.caption(f"Labels have not been looked at under {protocol}.")
        return
    found, loaded = doubted.suspects, model_title(doubted.judge)
    if not found:
        text = f"Confident learning doubts no label by the out-of-fold probabilities of {loaded} under {protocol}."
        st.html(style.note(text, "info", "No suspects."))
        return
    st.markdown(
        f"Confident learning (cleanlab) doubts the label of **{len(found):,} slices**, by the out-of-fold "
        f"probabilities of {loaded} under {protocol}. That is a hint for a reader to look, not a finding: a hard "
        "slice looks just like a mislabelled one. **None was removed**; every figure counts them as they are labelled."
    )
    here = cache.about(bench)
    if here is not None:
        _pictures(here, found[:6])
    rows = [
        Line(
            [
                Cell(line.slice_id, link=f"Dataset?{state.SLICE}={line.slice_id}" if here is not None else ""),
                Cell(line.patient_id or "unknown"), Cell(line.label), Cell(line.suggested), tables.number(line.quality),
            ]
        )
        for line in found[:FIRST]
    ]  # fmt: skip
    head = ["Slice", "Patient", "Label", "Rather", "Quality of the label\n0 to 1, low is doubtful"]
    tables.show_table("Labels in doubt", head, rows, text=(0, 1, 2, 3))
    more = f"The {FIRST} most doubtful of {len(found):,}; the file has all. " if len(found) > FIRST else ""
    st.caption(f"{more}Quality: the probability the model gives to the label as it stands.")
    tables.download(records_frame(found), f"label_suspects_{protocol}")


def _pictures(dataset: Dataset, found: list[LabelSuspect]) -> None:
    """The most doubtful as pictures, each a link into its series."""
    info = layout.PAGES["dataset"]
    with st.container(horizontal=True, gap="small", key="tiles-suspects"):
        for line in found:
            slice_id = line.slice_id
            if cache.row_of(dataset, slice_id) is None:
                continue
            with st.container(width=146, gap=None):
                alt = f"Slice {slice_id}, labelled {line.label}"
                st.image(cache.thumbnail(dataset, slice_id, 219, outline=True), width=146, alt=alt)
                labels = [CLASSES.index(name) for name in (line.label, line.suggested)]
                st.html(style.doubted(*labels))
                st.page_link(info.path, label=f"Slice {slice_id}", query_params={state.SLICE: slice_id})
