"""All figures of one model, for slices or patients; every one says what it rests on."""

from __future__ import annotations

from typing import Final

import streamlit as st

from tumortrace.charts import results as charts
from tumortrace.charts import theme
from tumortrace.charts import training as training_charts
from tumortrace.errors import TumorTraceError
from tumortrace.evaluation import curves, tables
from tumortrace.evaluation.formatting import UNDEFINED, percent
from tumortrace.evaluation.predictions import by_patient
from tumortrace.evaluation.report import Report
from tumortrace.ui.components import figures_large, plots
from tumortrace.ui.shell import address, results_index, state, style
from tumortrace.ui.shell.results_index import ResultSource

LEVELS: Final = {"slice": "Slices", "patient": "Patients"}
TEXTS: Final = {"counts": "Counts", "shares": "Share of the true class"}
SHOWN: Final = (
    ("accuracy", None, "Accuracy"), ("macro_f1", None, "Macro F1"), ("recall", "meningioma", "Recall of meningioma"),
    ("recall", "glioma", "Recall of glioma"), ("recall", "pituitary", "Recall of pituitary"),
    ("ece", None, "Calibration error (ECE)"),
)  # fmt: skip


def choose_level() -> str:
    """Whether slices or patients (mean probability over a patient's slices) are counted."""
    return address.choose(
        "Count", list(LEVELS), state.RESULTS_LEVEL, "slice", LEVELS.__getitem__,
        help="Patients: the mean probability over all slices of a patient in the test part.",
    )  # fmt: skip


def choose_text() -> bool:
    """Whether a confusion matrix says the share of the true class large, rather than the count."""
    chosen = address.choose(
        "Large figure", list(TEXTS), state.RESULTS_NORMALISED, "counts", TEXTS.__getitem__, hidden=True
    )
    return chosen == "shares"


def render(source: ResultSource, level: str) -> None:
    """All figures of one model."""
    report = source.report
    part = report.unit(level)
    if part is None:
        text = "Some of its slices have no known patient, and a share of the patients is not the patients."
        st.html(style.note(text, "info", "This model cannot be judged by patient."))
        return
    basis = results_index.rests_on(report, level)
    _headline(report, level)
    st.caption(basis)
    left, right = plots.columns("matrix")
    with left:
        st.subheader("Confusion matrix")
        normalise = choose_text()
        frame = tables.confusion_frame(report, level)
        drawn = charts.confusion_matrix(frame, normalise, of=source.name)
        plots.show_figure(
            drawn, f"confusion_{source.key}_{level}", f"{basis} Counts and shares as they are, no interval."
        )
    with right:
        st.subheader("Classification report")
        st.html(figures_large.report_bars(part, f"Classification report of {source.name}", len(report.seeds)))
        st.caption(f"Small: the intervals; the bars show the figures. {basis}")
        if any(one.precision is None for one in part.metrics.classes.values()):
            st.caption(f"{UNDEFINED}: there is nothing to divide by, for instance no slice was predicted as the class.")
    left, right = plots.columns("roc")
    with left:
        st.subheader("ROC, each class against the rest")
        areas = tables.class_metric_frame(report, level, ("auc",))
        plots.show_figure(charts.roc_curves(tables.roc_frame(report, level), areas), f"roc_{source.key}_{level}",
                   f"In brackets: 95 % intervals of the area (AUC). {basis}")  # fmt: skip
    with right:
        st.subheader("Precision and recall")
        _precision_recall(source, level, basis)
    left, right = plots.columns("reliability")
    with left:
        st.subheader("Reliability")
        frame = tables.reliability_frame(report, level)
        found = part.interval("ece")
        drawn = charts.reliability(frame, part.metrics.ece, theme.span(found.low, found.high))
        plots.show_figure(drawn, f"reliability_{source.key}_{level}",
                   f"The area of a point is its share of the predictions; points have no interval, the calibration "
                   f"error (ECE, 15 bins) has. {basis}")  # fmt: skip
    with right:
        st.subheader("How to read it")
        st.markdown(
            "On the diagonal a model is as sure as it is right: of the slices it gives 80 %, 80 % are right. Above it, "
            "the model is too modest; below it, too sure. ECE is the mean distance from the diagonal, 0 % at best. "
            "The curves on top do not depend on any threshold: the closer to the upper corner, the better; precision "
            "and recall show what a rare class costs, which ROC hides."
        )
    _training(source)


def _precision_recall(source: ResultSource, level: str, basis: str) -> None:
    """The curves need the rows behind the report; where those cannot be had, the rest of the page stays."""
    areas = tables.class_metric_frame(source.report, level, ("average_precision",))
    try:
        judged = results_index.joined(source)
    except TumorTraceError as error:
        st.html(style.note(error.remedy, "info", "The rows behind this curve are not at hand."))
        return
    rows = by_patient(judged) if level == "patient" else judged
    frame = curves.precision_recall_frame(judged if rows is None else rows)
    plots.show_figure(charts.precision_recall_curves(frame, areas), f"recall_{source.key}_{level}",
               f"In brackets: 95 % intervals of the average precision (AP). {basis}")  # fmt: skip


def _headline(report: Report, level: str) -> None:
    part = report.unit(level)
    assert part is not None
    cells = []
    for metric, class_name, words in SHOWN:
        found = part.interval(metric, class_name)
        known = found.low is not None and found.high is not None
        ends = f"{percent(found.low)} to {percent(found.high)}" if known else "no interval"
        cells.append((words, percent(found.value), ends))
    st.html(style.figures(cells))


def _training(source: ResultSource) -> None:
    table = training_charts.tidy_metrics(source.metrics(), run=source.name)
    if table.empty:
        return
    st.subheader("Training curves")
    whose = " of the weights that ship; the figures above come from runs of their own" if source.run_id is None else ""
    left, right = plots.columns("curves")
    with left:
        plots.show_figure(training_charts.loss_curves(table), f"results_loss_{source.key}", f"Loss by epoch{whose}.")
    with right:
        plots.show_figure(
            training_charts.accuracy_curves(table), f"results_accuracy_{source.key}", f"Accuracy by epoch{whose}."
        )


def render_empty() -> None:
    """Where there is neither a shipped model nor a finished run."""
    text = "Results appear as soon as a run has finished: it then predicts its test fold once, and is judged."
    st.html(style.note(text, "info", "No results yet."))
