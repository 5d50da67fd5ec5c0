"""The Results page's parts: the leaderboard, and one model's figures; every one says what it rests on."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from tumortrace.charts import results as charts
from tumortrace.charts import training as training_charts
from tumortrace.data.catalog import PROTOCOL_NOTES
from tumortrace.evaluation import tables
from tumortrace.evaluation.report import Report
from tumortrace.evaluation.wording import UNDEFINED, decimal, percent, with_interval
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


def leaderboard(found: list[Source], level: str) -> None:
    """Every judged model side by side."""
    reports = [source.named_report() for source in found if source.report.unit(level) is not None]
    if not reports:
        text = "The patient of some slice is unknown in each of them; count slices instead."
        st.html(style.note(text, "calm", "No model can be judged by patient."))
        return
    # Figures about synthetic slices stand below those about real ones, however high.
    reports.sort(key=lambda report: (report.synthetic, -_value(report, level)))
    st.dataframe(
        pd.DataFrame([_line(report, level) for report in reports]),
        hide_index=True,
        width="stretch",
        alt="Leaderboard: accuracy and macro F1 with 95 % intervals of every model",
    )
    st.caption(
        "In brackets: 95 % intervals, by bootstrap over the unit named. Only figures under one protocol and on the "
        "same folds may be compared."
    )
    plots.show(charts.leaderboard(tables.leaderboard_frame(reports, "macro_f1", level), "macro_f1"), f"board_{level}")
    st.caption("Macro F1 with its 95 % interval; protocol and folds stand at each line.")
    named = list(dict.fromkeys(report.protocol for report in reports))
    with st.expander("What the protocols measure"):
        for name in named:
            st.markdown(f"**{name}**: {PROTOCOL_NOTES[name]}")


def _line(report: Report, level: str) -> dict[str, str]:
    part = report.unit(level)
    assert part is not None
    interval = part.interval("accuracy")
    return {
        "Model": report.model + (" (synthetic slices)" if report.synthetic else ""),
        "Protocol": report.protocol,
        "Folds": ", ".join(map(str, report.folds)),
        f"n ({level}s)": f"{part.metrics.n:,}",
        "Accuracy": with_interval(interval),
        "Macro F1": with_interval(part.interval("macro_f1")),
        "Recall, glioma": with_interval(part.interval("recall", "glioma")),
        "Interval over": f"{interval.clusters:,} {interval.unit}s",
    }


def _value(report: Report, level: str) -> float:
    part = report.unit(level)
    assert part is not None
    return part.interval("macro_f1").value or 0.0


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
    left, right = plots.columns("curves")
    with left:
        plots.show(training_charts.loss_curves(table), f"results_loss_{source.key}", "Loss by epoch.")
    with right:
        plots.show(training_charts.accuracy_curves(table), f"results_accuracy_{source.key}", "Accuracy by epoch.")


def nothing() -> None:
    """Where there is neither a shipped model nor a finished run."""
    text = "Results appear as soon as a run has finished: it then predicts its test fold once, and is judged."
    st.html(style.note(text, "calm", "No results yet."))
