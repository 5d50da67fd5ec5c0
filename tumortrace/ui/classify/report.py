"""What a user takes away: a report, the batch as a table, and a receipt of what was dropped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from tumortrace import reporting
from tumortrace.inference.bundle import list_bundles
from tumortrace.inference.model_ref import ModelRef
from tumortrace.inference.patient import Case
from tumortrace.inference.prediction import Prediction
from tumortrace.inference.request import SliceInput
from tumortrace.reporting import ModelLine, Report
from tumortrace.reporting.make import Context, make_report, model_line
from tumortrace.ui.classify import explanation
from tumortrace.ui.classify.request import ClassifyRequest
from tumortrace.ui.shell import benchmark_document, models
from tumortrace.ui.shell.models import LoadedModel

STEM = "tumortrace"


def render_slice(asked: ClassifyRequest, prediction: Prediction, chosen: list[LoadedModel]) -> None:
    """The report of a single slice."""
    st.caption(
        "The report holds the picture, TraceNet's outline, saliency, gate, probabilities, prediction sets, the models "
        "with their figures, and versions. It is made when the button is pressed and is not kept."
    )

    context = _context([asked], chosen)

    def made() -> Report:
        return make_report([(asked, prediction)], context)

    with st.container(horizontal=True):
        _button("PDF report", lambda: reporting.pdf(made()), "pdf", "application/pdf")
        _button("HTML report", lambda: reporting.html(made()), "html", "text/html")
        _button("JSON", lambda: reporting.json_lines([prediction]), "json", "application/json")
    receipt([asked])


def render_batch(
    pairs: Sequence[tuple[ClassifyRequest, Prediction]],
    refused: Sequence[Prediction],
    case: Case | None,
    chosen: list[LoadedModel],
) -> None:
    """All slices of the batch, or of a series."""
    every = [prediction for _, prediction in pairs] + list(refused)

    context = _context([one for one, _ in pairs], chosen)

    def made() -> Report:
        return make_report(pairs, context, case, refused)

    with st.container(horizontal=True):
        _button("CSV of all", lambda: reporting.csv(every), "csv", "text/csv", "all_")
        _button("JSON of all", lambda: reporting.json_lines(every), "jsonl", "application/jsonl", "all_")
        _button("PDF of all", lambda: reporting.pdf(made()), "pdf", "application/pdf", "all_")


def receipt(every: Sequence[ClassifyRequest]) -> None:
    """Which identifying tags the files held, and that nothing was kept."""
    dropped = list(dict.fromkeys(name for asked in every for name in asked.dropped))
    with st.expander("Privacy receipt", icon=":material/shield_lock:"):
        if dropped:
            st.markdown("Found in the file and dropped before anything was shown: " + ", ".join(dropped) + ".")
        else:
            st.markdown("The file held no identifying tags that this app knows.")
        st.markdown(
            "Nothing was written to disk or logged. Pixels and answers are in this server's memory and go with this "
            "session. What is drawn into the picture itself (a burnt-in name, say) cannot be told and is not removed."
        )


def _button(label: str, made: object, suffix: str, mime: str, prefix: str = "") -> None:
    stamp = datetime.now(UTC).strftime("%Y%m%d")
    st.download_button(
        label, made, f"{STEM}_{prefix}{stamp}.{suffix}", mime, key=f"take_{prefix}{suffix}", on_click="ignore",  # type: ignore[arg-type]
        icon=":material/download:",
    )  # fmt: skip


def _context(asked: Sequence[ClassifyRequest], chosen: list[LoadedModel]) -> Context:
    bundles = {ModelRef("shipped", bundle.name): bundle for bundle in list_bundles()}
    lines = []
    for one in chosen:
        own = ModelLine(one.title, one.detail, "a run of yours")
        lines.append(model_line(bundles[one.ref]) if one.ref in bundles else own)
    loaded = explanation.in_order(chosen)[0]

    model = models.classifier(loaded.key, loaded.changed)

    # Called when the button is pressed, outside the script: no cache of the session may be read there.
    def heat(question: SliceInput) -> tuple[str, Any, Any]:
        return loaded.name, model.explain(question.pixels), loaded.view

    index = None if any(each.person_id for each in asked) else models.retrieval_index()
    return Context(
        tuple(lines),
        {loaded.name: loaded.title for loaded in chosen},
        benchmark_document.read_document(),
        index,
        heat,
    )
