"""Confusions: the matrices of several models beside each other, with one scale of colour."""

from __future__ import annotations

from typing import Final

import streamlit as st

from tumortrace.charts import results as charts
from tumortrace.evaluation import tables
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.ui.components import figures_large, model_figures, plots, ranking
from tumortrace.ui.shell import benchmark_document, layout, style
from tumortrace.ui.shell.results_index import ResultSource

ROW: Final = 3


def render(bench: ResultsDocument, found: list[ResultSource]) -> None:
    """Draw the section Confusions: the confusion matrix of every model on one colour scale."""
    shipped = [source for source in found if source.run_id is None]
    left, right = plots.columns("confusions", [3, 2])
    if shipped:
        with left:
            protocol = benchmark_document.choose_protocol(source.report.protocol for source in shipped)
        with right:
            level = model_figures.choose_level()
        benchmark_document.explain(protocol)
        held = [source for source in shipped if source.report.protocol == protocol]
        held = [source for source in held if source.report.model != benchmark_document.MAJORITY]
    else:
        with left:
            level = model_figures.choose_level()
        held = found[:6]
    judged = [source for source in held if source.report.unit(level) is not None]
    if not judged:
        benchmark_document.missing(bench, "There is no matrix of this kind yet.")
        return
    order = benchmark_document.in_order(source.report.model for source in judged)
    judged.sort(key=lambda source: order.index(source.report.model))
    normalise = model_figures.choose_text()
    st.html(figures_large.scale("Shade: share of the true class"))
    for start in range(0, len(judged), ROW):
        for column, source in zip(plots.columns(f"trio{start}", ROW), judged[start : start + ROW], strict=False):
            with column:
                _matrix(source, level, normalise)
    basis = ranking.basis(judged, level)
    st.caption(
        f"Rows: what the slice is; columns: what the model says. {basis.partition('; 95 %')[0]}. Counts and shares "
        "carry no interval here; the leaderboard gives that of each recall, the diagonal of these matrices."
    )
    info = layout.PAGES["errors"]
    st.page_link(info.path, label="See the slices behind these numbers", icon=info.icon)


def _matrix(source: ResultSource, level: str, normalise: bool) -> None:
    report = source.report
    st.html(style.heading(source.name, ranking.facts(report, level, protocol=source.run_id is not None)))
    drawn = charts.confusion_matrix(tables.confusion_frame(report, level), normalise, of=source.name, narrow=True)
    plots.show_figure(drawn, f"matrix_{source.key}_{level}")
