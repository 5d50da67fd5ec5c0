"""Confusions: the matrices of several models beside each other, with one scale of colour."""

from __future__ import annotations

from typing import Final

import streamlit as st

from tumortrace.charts import results as charts
from tumortrace.evaluation import tables
from tumortrace.ui import benchmark, benchmark_board, boards, frame, plots, results, style
from tumortrace.ui.benchmark import Bench
from tumortrace.ui.sources import Source

ROW: Final = 3


def section(bench: Bench, found: list[Source]) -> None:
    """The whole section."""
    shipped = [source for source in found if source.run_id is None]
    left, right = plots.columns("confusions", [3, 2])
    if shipped:
        with left:
            protocol = benchmark.choose_protocol(source.report.protocol for source in shipped)
        with right:
            level = results.choose_level()
        benchmark.explain(protocol)
        held = [source for source in shipped if source.report.protocol == protocol]
        held = [source for source in held if source.report.model != benchmark.MAJORITY]
    else:
        with left:
            level = results.choose_level()
        held = found[:6]
    judged = [source for source in held if source.report.unit(level) is not None]
    if not judged:
        benchmark.missing(bench, "There is no matrix of this kind yet.")
        return
    order = benchmark.in_order(source.report.model for source in judged)
    judged.sort(key=lambda source: order.index(source.report.model))
    normalise = results.choose_text()
    st.html(boards.scale("Shade: share of the true class"))
    for start in range(0, len(judged), ROW):
        for column, source in zip(plots.columns(f"trio{start}", ROW), judged[start : start + ROW], strict=False):
            with column:
                _matrix(source, level, normalise)
    basis = benchmark_board.basis(judged, level)
    st.caption(
        f"Rows: what the slice is; columns: what the model says. {basis.partition('; 95 %')[0]}. Counts and shares "
        "carry no interval here; the leaderboard gives that of each recall, the diagonal of these matrices."
    )
    info = frame.PAGES["errors"]
    st.page_link(info.path, label="See the slices behind these numbers", icon=info.icon)


def _matrix(source: Source, level: str, normalise: bool) -> None:
    report = source.report
    st.html(style.heading(source.name, benchmark_board.facts(report, level, protocol=source.run_id is not None)))
    drawn = charts.confusion_matrix(tables.confusion_frame(report, level), normalise, of=source.name, narrow=True)
    plots.show(drawn, f"matrix_{source.key}_{level}")
