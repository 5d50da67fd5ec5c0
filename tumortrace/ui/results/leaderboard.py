"""The leaderboard: every model of the benchmark under one protocol, with published figures, and the user's runs."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from tumortrace.charts import leaderboard as charts
from tumortrace.charts import scores
from tumortrace.evaluation import findings, tables
from tumortrace.evaluation.formatting import METRIC_NAMES
from tumortrace.evaluation.report import Report
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import ShiftedAccuracy
from tumortrace.ui.components import figures_large, model_figures, plots, ranking
from tumortrace.ui.components import tables as tabular
from tumortrace.ui.components.tables import Cell, Line
from tumortrace.ui.results import shifted_test as shifted
from tumortrace.ui.shell import address, benchmark_document, state, style
from tumortrace.ui.shell.results_index import ResultSource

COLUMNS: Final[tuple[tuple[str, str, str | None], ...]] = (
    ("Accuracy", "accuracy", None),
    ("Macro F1", "macro_f1", None),
    ("Recall\nmeningioma", "recall", "meningioma"),
    ("Recall\nglioma", "recall", "glioma"),
    ("Recall\npituitary", "recall", "pituitary"),
    ("Macro AUC\none against rest", "macro_auc", None),
    ("ECE\nlower is better", "ece", None),
    ("Brier\nlower is better", "brier", None),
)
"""Head, metric and class of each column."""
HEADLINES: Final = ("macro_f1", "accuracy")
"""What the board may show; the first by itself."""
NEWEST: Final = 20
"""Runs of the user that are listed."""
_DECIMAL: Final = ("brier", "macro_auc")


def render(bench: ResultsDocument, found: list[ResultSource]) -> None:
    """Draw the section Leaderboard: every model under one protocol, and the runs of this machine."""
    shipped = [source for source in found if source.run_id is None]
    runs = [source for source in found if source.run_id is not None]
    if shipped:
        # The benchmark's own runs stand in the table above, fold by fold pooled.
        runs = [source for source in runs if not str(source.run_id).startswith("benchmark-")]
    if shipped:
        left, right = plots.columns("board", [3, 2])
        with left:
            protocol = benchmark_document.choose_protocol(source.report.protocol for source in shipped)
        with right:
            level = model_figures.choose_level()
        benchmark_document.explain(protocol)
        held = [source for source in shipped if source.report.protocol == protocol]
        if held:
            _benchmark(bench, held, protocol, level)
        else:
            benchmark_document.missing(bench, f"No model has been tested under {protocol} yet.")
    else:
        benchmark_document.missing(
            bench, "No benchmark ships with this copy.", "Only your own runs can be shown; this makes it:"
        )
        level = model_figures.choose_level() if runs else "slice"
    if runs:
        _own(runs, level, bool(shipped))


def _benchmark(bench: ResultsDocument, held: list[ResultSource], protocol: str, level: str) -> None:
    judged = [source for source in held if source.report.unit(level) is not None]
    if not judged:
        text = "The patient of some slice is unknown in each of them; count slices instead."
        st.html(style.note(text, "info", "No model can be judged by patient."))
        return
    metric = address.choose(
        "Headline", HEADLINES, state.RESULTS_HEADLINE, HEADLINES[0], METRIC_NAMES.__getitem__, hidden=True
    )
    judged = ranking.ranked(judged, level, metric)
    words = METRIC_NAMES[metric]
    st.html(
        figures_large.large_numbers(
            ranking.places(judged, level, metric), words, f"{words} of every model, protocol {protocol}"
        )
    )
    left_out = " The majority vote, which always names the commonest class, stands in the table alone."
    st.caption(
        f"{words} with its 95 % interval, small and as a bar. {ranking.basis(judged, level)}"
        + (left_out if any(source.report.model == benchmark_document.MAJORITY for source in judged) else "")
    )
    sentences = findings.findings(
        [source.report for source in judged], bench.comparisons, bench.leakage, metric=metric,
        unit=level, baselines=(*benchmark_document.BASELINES, *benchmark_document.case_context()),
    )  # fmt: skip
    if sentences:
        st.html(figures_large.sentence_list(sentences))
    with st.expander("Every figure of every model", icon=":material/table:"):
        _table(judged, level, f"Leaderboard, protocol {protocol}", overall=shifted.overall(bench, protocol))
        st.caption(
            f"{ranking.basis(judged, level)} Small: the intervals. Sorted by {words}; models without a network last."
        )
        tabular.download(
            lambda: _raw([source.report for source in judged], level),
            f"leaderboard_{protocol}" + ("" if level == "slice" else "_patients"),
        )
    shifted.render(bench, protocol)
    _chart(judged, protocol, level)
    _rests(bench)


def _raw(reports: list[Report], level: str) -> pd.DataFrame:
    lines = [line for report in reports for line in tables.figures(report) if line["unit"] == level]
    return pd.DataFrame(lines)


def _table(
    held: list[ResultSource],
    level: str,
    alt: str,
    protocol: bool = False,
    overall: dict[str, ShiftedAccuracy] | None = None,
) -> None:
    """The table of every figure; with the shifted test as its last column where models have taken it."""
    rows = []
    for source in held:
        cells = []
        for _, metric, class_name in COLUMNS:
            one = ranking.interval_of(source, level, metric, class_name)
            make = tabular.number if metric in _DECIMAL else tabular.share
            cells.append(make(one.value, one.low, one.high))
        if overall:
            one_line = overall.get(source.report.model)
            cells.append(shifted.cell(one_line) if one_line else Cell("–"))
        name = source.name + (" (synthetic slices)" if source.synthetic else "")
        rows.append(
            Line([Cell(name, ranking.facts(source.report, level, protocol)), *cells], faint=ranking.is_baseline(source))
        )
    more = ["Shifted test\naccuracy, all shifts"] if overall else []
    tabular.show_table(alt, ["Model", *(head for head, _, _ in COLUMNS), *more], rows)


def _chart(held: list[ResultSource], protocol: str, level: str) -> None:
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    figures = {f"{metric}-{name}" if name else metric: (metric, name) for _, metric, name in COLUMNS}
    with left:
        place = address.select(
            "One figure of all models", list(figures), state.RESULTS_CHART, next(iter(figures)),
            lambda key: METRIC_NAMES[figures[key][0]] + _of_class(figures[key][1]),
        )  # fmt: skip
    metric, class_name = figures[place]
    others = _published(protocol, level, metric)
    if any(source.synthetic for source in held):
        others = others.iloc[:0]
    if len(others):
        with right:
            wanted = address.switch(
                f"With {len(others)} published figures", state.RESULTS_PUBLISHED, True,
                help="Of the same kind of protocol, but not on the same folds.",
            )  # fmt: skip
        others = others if wanted else others.iloc[:0]
    lines = []
    drawn = [source for source in held if source.report.model != benchmark_document.MAJORITY] or held
    for source in drawn:
        one = ranking.interval_of(source, level, metric, class_name)
        lines.append(
            {
                "model": source.name, "value": one.value, "low": one.low, "high": one.high,
                "n": round(one.n / len(source.report.seeds)), "baseline": ranking.is_baseline(source),
            }
        )  # fmt: skip
    words = METRIC_NAMES[metric] + _of_class(class_name)
    figure = charts.standing(pd.DataFrame(lines), others, words, metric not in _DECIMAL)
    left_out = " The majority vote stands in the table alone." if len(drawn) < len(held) else ""
    beside = " Published figures come without intervals, from other folds and preparations." if len(others) else ""
    plots.show_figure(figure, f"board_{protocol}_{level}", f"{words}. {ranking.basis(held, level)}{left_out}{beside}")


def _published(protocol: str, level: str, metric: str) -> pd.DataFrame:
    """Figures of others that may be set beside this protocol, best first."""
    table = benchmark_document.literature()
    if metric not in ("accuracy", "macro_f1") or table.empty:
        return pd.DataFrame(columns=["label", "value", "checked"])
    held = table[(table["kind"] == protocol) & (table["unit"] == level)].dropna(subset=[metric])
    held = held.sort_values(metric, ascending=False)
    names = [f"{_short(str(line.source))} {line.year}<br>{_cut(str(line.model))}" for line in held.itertuples()]
    checked = held["checked"].astype(str).str.startswith("yes").to_numpy()
    return pd.DataFrame({"label": names, "value": held[metric].to_numpy(), "checked": checked})


def _rests(bench: ResultsDocument) -> None:
    """What all figures rest on, and what is not there yet."""
    if not bench:
        return
    data = bench.dataset
    hours = sum(line.hours for line in bench.compute)
    count = sum(line.runs for line in bench.compute)
    said = [f"Preset {bench.preset}: {bench.note}"]
    if data is not None:
        said.append(f"{data.slices:,} slices of {data.patients:,} patient ids, {data.persons:,} persons.")
    if count:
        said.append(f"{count} runs, {hours:,.1f} hours of training.")
    said.append(f"Computed {bench.created[:10]}; no figure comes from a slice trained on.")
    st.html(style.note(" ".join(said), "info", "What the figures rest on."))
    left = benchmark_document.unfinished(bench)
    if left:
        benchmark_document.missing(bench, left, "What is there stands above; this goes on with the rest:")


def _own(runs: list[ResultSource], level: str, beside: bool) -> None:
    """The runs of whoever uses this copy, apart from the benchmark."""
    st.subheader("Your runs")
    if beside:
        st.caption("Trained on this machine; not part of the benchmark. Compare them only under one protocol and fold.")
    every = [source for source in runs if source.report.unit(level) is not None]
    judged = every[:NEWEST]
    if len(every) > NEWEST:
        st.caption(f"The newest {NEWEST} of {len(every):,} runs; every one can be chosen under One model.")
    if not judged:
        text = "The patient of some slice is unknown in each of them; count slices instead."
        st.html(style.note(text, "info", "No run can be judged by patient."))
        return
    # Figures about synthetic slices stand below those about real ones, however high.
    judged.sort(key=lambda source: source.synthetic)
    _table(judged, level, "Your runs", protocol=True)
    st.caption("Small: 95 % intervals by bootstrap over the unit named, on the test fold alone.")
    reports = [source.named_report() for source in judged]
    tabular.download(lambda: _raw(reports, level), "your_runs")
    if not beside:
        frame = tables.leaderboard_frame(reports, "macro_f1", level)
        plots.show_figure(scores.leaderboard(frame, "macro_f1"), f"board_own_{level}")
        st.caption("Macro F1 with its 95 % interval; protocol and folds stand at each line.")


def _of_class(class_name: str | None) -> str:
    return f" of {class_name}" if class_name else ""


def _short(source: str) -> str:
    """The first author or the name, without the journal."""
    return source.partition(",")[0].partition(" (")[0]


def _cut(text: str, most: int = 30) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip(" ,") + "…"
