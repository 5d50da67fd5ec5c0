"""All figures of one model, for slices or patients; every one says what it rests on."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from tumortrace.charts import results as charts
from tumortrace.charts import training as training_charts
from tumortrace.evaluation import tables
from tumortrace.evaluation.report import Report
from tumortrace.evaluation.wording import UNDEFINED, decimal, percent
from tumortrace.ui import plots, sources, state, style
from tumortrace.ui.sources import Source

LEVELS: Final = {"slice": "Slices", "patient": "Patients"}
SHOWN: Final = (("accuracy", None), ("macro_f1", None), ("recall", "glioma"), ("macro_auc", None))


def choose_level() -> str:
    """Whether slices or patients (mean probability over a patient's slices) are counted."""
    level: str = st.segmented_control(
        "Count",
        list(LEVELS),
        default="slice",
        required=True,
        format_func=lambda name: LEVELS[name],
        key=state.RESULTS_LEVEL,
        persist_state="session",
        help="Patients: the mean probability over all slices of a patient in the test part.",
    )
    return level


def one(source: Source, level: str) -> None:
    """All figures of one model."""
    report = source.report
    part = report.unit(level)
    if part is None:
        text = "Some of its slices have no known patient, and a share of the patients is not the patients."
        st.html(style.note(text, "calm", "This model cannot be judged by patient."))
        return
    basis = sources.rests_on(report, level)
    st.caption(basis)
    _headline(report, level)
    left, right = plots.columns("matrix")
    with left:
        st.subheader("Confusion matrix")
        normalise = st.segmented_control(
            "Large figure", ["counts", "share of the true class"], default="counts", required=True,
            key=state.RESULTS_NORMALISED, persist_state="session", label_visibility="collapsed",
        ) != "counts"  # fmt: skip
        frame = tables.confusion_frame(report, level)
        plots.show(charts.confusion_matrix(frame, normalise), f"confusion_{source.key}_{level}", basis)
    with right:
        st.subheader("Classification report")
        _classification(report, level)
        st.caption(basis)
        metric_frame = tables.class_metric_frame(report, level)
        plots.show(charts.class_metrics(metric_frame), f"classes_{source.key}_{level}", basis)
    left, right = plots.columns("roc")
    with left:
        st.subheader("ROC, each class against the rest")
        plots.show(charts.roc_curves(tables.roc_frame(report, level)), f"roc_{source.key}_{level}", basis)
    with right:
        st.subheader("Reliability")
        frame = tables.reliability_frame(report, level)
        plots.show(charts.reliability(frame, part.metrics.ece), f"reliability_{source.key}_{level}", basis)
    _training(source)


def _headline(report: Report, level: str) -> None:
    part = report.unit(level)
    assert part is not None
    words = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "recall": "Recall of glioma", "macro_auc": "Macro ROC AUC"}
    cells = []
    for metric, class_name in SHOWN:
        found = part.interval(metric, class_name)
        known = found.low is not None and found.high is not None
        ends = f"{percent(found.low)} to {percent(found.high)}" if known else "no interval"
        cells.append((words[metric], percent(found.value), ends))
    st.html(style.figures([*cells, ("Calibration error", percent(part.metrics.ece), "ECE, 15 bins")]))


def _classification(report: Report, level: str) -> None:
    table = tables.classification_table(report, level)
    blank = {"accuracy": ("precision", "recall")}
    shown = pd.DataFrame({"": table["name"]})
    for column in ("precision", "recall", "f1"):
        texts = [None if pd.isna(value) else float(value) for value in table[column]]
        shown[column] = [
            "" if column in blank.get(name, ()) else decimal(value)
            for name, value in zip(table["name"], texts, strict=True)
        ]
    shown["support"] = [f"{int(value):,}" for value in table["support"]]
    st.table(shown, hide_index=True, border="horizontal", alt="Classification report")
    if (shown == UNDEFINED).any(axis=None):
        st.caption(f"{UNDEFINED}: there is nothing to divide by, for instance no slice was predicted as the class.")


def _training(source: Source) -> None:
    table = training_charts.tidy_metrics(source.metrics(), run=source.name)
    if table.empty:
        return
    st.subheader("Training curves")
    whose = " of the weights that ship; the figures above come from runs of their own" if source.run_id is None else ""
    left, right = plots.columns("curves")
    with left:
        plots.show(training_charts.loss_curves(table), f"results_loss_{source.key}", f"Loss by epoch{whose}.")
    with right:
        plots.show(
            training_charts.accuracy_curves(table), f"results_accuracy_{source.key}", f"Accuracy by epoch{whose}."
        )


def nothing() -> None:
    """Where there is neither a shipped model nor a finished run."""
    text = "Results appear as soon as a run has finished: it then predicts its test fold once, and is judged."
    st.html(style.note(text, "calm", "No results yet."))
