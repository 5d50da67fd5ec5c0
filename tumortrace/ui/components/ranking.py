"""Models in order: what a figure of each rests on, which are baselines, and where each stands."""

from __future__ import annotations

from tumortrace.evaluation import tables
from tumortrace.evaluation.bootstrap import Interval
from tumortrace.evaluation.report import Report
from tumortrace.ui.components import figures_large
from tumortrace.ui.shell import benchmark_document, results_index
from tumortrace.ui.shell.results_index import ResultSource


def basis(held: list[ResultSource], level: str) -> str:
    """What the figures of these models rest on, in one sentence; where they differ, the table says it line by line."""
    same = len({facts(source.report, level) for source in held}) == 1
    said = facts(held[0].report, level) if same else "folds, n and the unit of the interval stand under each model"
    return f"Protocol {held[0].report.protocol}; {said}; 95 % intervals by bootstrap."


def facts(report: Report, level: str, protocol: bool = False) -> str:
    """Folds, n and the unit of the interval of a report, short; with its protocol where that is not said elsewhere."""
    part = report.unit(level)
    if part is None:
        return ""
    one = part.interval("accuracy")
    return "; ".join(
        [
            *([report.protocol] if protocol else []),
            ("folds " if len(report.folds) > 1 else "fold ") + tables.folds_text(report.folds),
            *([f"{len(report.seeds)} seeds"] if len(report.seeds) > 1 else []),
            f"n = {results_index.counted(report, level):,} {level}s",
            f"{one.clusters:,} {one.unit}s",
        ]
    )


def ranked(held: list[ResultSource], level: str, metric: str) -> list[ResultSource]:
    """Networks, then those that see the rest of the exam, then baselines; each the best first."""
    return sorted(
        held,
        key=lambda source: (
            is_baseline(source),
            has_case_context(source),
            -(interval_of(source, level, metric).value or 0.0),
        ),
    )


def places(held: list[ResultSource], level: str, metric: str, *, apart: bool = False) -> list[figures_large.Place]:
    """The lines of a board; the majority vote is left out, for it would stretch the scale to where nobody is.

    Args:
        held: The models, in the order to show.
        level: ``slice`` or ``patient``.
        metric: What ranks them.
        apart: Whether each stands for itself (runs of the user), so that protocol and n are said of each.
    """
    same = not apart and len({facts(source.report, level) for source in held}) == 1
    lines = []
    for source in held:
        if source.report.model != benchmark_document.MAJORITY:
            one = interval_of(source, level, metric)
            notes = [
                "" if same else facts(source.report, level, protocol=apart),
                "synthetic slices" if apart and source.synthetic else "",
                "each slice with the rest of its exam" if has_case_context(source) else "",
            ]
            note = "; ".join(filter(None, notes))
            lines.append(
                figures_large.Place(
                    source.name, note, one.value, one.low, one.high, is_baseline(source) or has_case_context(source)
                )
            )
    return lines


def has_case_context(source: ResultSource) -> bool:
    """Whether its slices are judged with the rest of their exam."""
    return source.report.model in benchmark_document.case_context()


def is_baseline(source: ResultSource) -> bool:
    """Whether it is a baseline without a network."""
    return source.report.model in benchmark_document.BASELINES


def interval_of(source: ResultSource, level: str, metric: str, class_name: str | None = None) -> Interval:
    """A figure of a model with its interval; the model must have been judged at that level."""
    part = source.report.unit(level)
    assert part is not None
    return part.interval(metric, class_name)
