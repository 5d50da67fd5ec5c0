"""A report as a table in a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from tumortrace.constants import NOT_FOR_CLINICAL_USE
from tumortrace.evaluation.formatting import UNDEFINED
from tumortrace.evaluation.report import UNITS, Report
from tumortrace.evaluation.tables import classification_table, confusion_frame


def print_report(report: Report) -> None:
    """Print a report: headline with 95 % intervals, classification report and confusion matrix, for each unit."""
    console = Console()
    folds = ", ".join(map(str, report.folds))
    console.print(f"[bold]{report.model}[/bold], protocol {report.protocol}, test fold {folds}", highlight=False)
    if report.synthetic:
        console.print("Synthetic slices: these figures say nothing about tumours.")
    for unit in UNITS:
        found = report.unit(unit)
        if found is None:
            console.print(f"By {unit}: {UNDEFINED} (patients are unknown).")
            continue
        console.print(f"\nBy {unit}, n = {found.metrics.n}; 95 % intervals by bootstrap over persons where known")
        for metric in ("accuracy", "macro_f1", "macro_auc"):
            interval = found.interval(metric)
            span = "" if interval.low is None else f" ({_text(interval.low)} to {_text(interval.high)})"
            console.print(f"  {metric}: {_text(interval.value)}{span}", highlight=False)
        console.print(_classification(report, unit), _confusion(report, unit))
    console.print(NOT_FOR_CLINICAL_USE)


def _classification(report: Report, unit: str) -> Table:
    table = Table("", "precision", "recall", "F1", "support")
    for row in classification_table(report, unit).itertuples():
        # Over all classes precision and recall are accuracy itself, which stands under F1 as scikit-learn prints it.
        sides = ("", "") if row.name == "accuracy" else (_text(row.precision), _text(row.recall))
        table.add_row(str(row.name), *sides, _text(row.f1), f"{row.support:.0f}")
    return table


def _confusion(report: Report, unit: str) -> Table:
    counts = confusion_frame(report, unit).pivot_table(index="true", columns="predicted", values="count", sort=False)
    table = Table("true \\ predicted", *map(str, counts.columns))
    for name, row in counts.iterrows():
        table.add_row(str(name), *(f"{value:.0f}" for value in row))
    return table


def _text(value: Any) -> str:
    return UNDEFINED if value is None or value != value else f"{value:.3f}"
