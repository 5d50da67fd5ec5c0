"""Figures to be read from the back of a room: one number a model with its interval, and a report with bars.

Plain HTML tables: a screen reader reads row and column heads, and the bars repeat what the numbers say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tumortrace.charts import theme
from tumortrace.constants import CLASSES
from tumortrace.evaluation.formatting import percent
from tumortrace.evaluation.report import UnitReport

STEP = 0.05
"""The scale of a board begins at a multiple of this."""
AVERAGES = (("macro average", "macro"), ("weighted average", "weighted"))


@dataclass(frozen=True)
class Place:
    """One line of a leaderboard in large type."""

    name: str
    note: str
    value: float | None
    low: float | None
    high: float | None
    faint: bool = False
    """Something to compare with rather than a contender."""
    colour: str = ""
    """Of its bar, where it is a class; models have the house's own."""


def large_numbers(places: Sequence[Place], words: str, alt: str, *, large: bool = False, what: str = "Model") -> str:
    """Models from the top, each with its figure large, its interval, and both on one scale.

    Args:
        places: In the order to show.
        words: What the figure is; a share.
        alt: What the table shows.
        large: Still larger type, for a projector.
        what: What a line is.
    """
    start = scale_start([one for place in places for one in (place.low, place.value) if one is not None])
    axis = f'<span class="tt-axis" aria-hidden="true"><i>{percent(start, 0)}</i><i>{percent(1, 0)}</i></span>'
    head = (
        f'<thead><tr><th scope="col" class="tt-text">{escape(what)}</th>'
        f'<td>{axis}</td><th scope="col">{escape(words)}</th></tr></thead>'
    )
    body = "".join(_place(place, start) for place in places)
    size = " tt-large" if large else ""
    return f'<table class="tt-board{size}" aria-label="{escape(alt)}">{head}<tbody>{body}</tbody></table>'


def scale_start(values: Sequence[float]) -> float:
    """Where a scale that ends at 1 begins, so that the lowest of these is on it with air before it."""
    return 0.0 if not values else max(0.0, (int((min(values) - 0.02) / STEP + 1e-9)) * STEP)


def report_bars(part: UnitReport, alt: str, seeds: int = 1) -> str:
    """The classification report: precision, recall and F1 of each class with bars and intervals, then the averages.

    Args:
        part: Slices or patients.
        alt: What the table shows.
        seeds: How many predictions there are of each; support counts it once.
    """
    metrics = ("precision", "recall", "f1")
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Precision", "Recall", "F1", "Support"))
    lines = []
    for name in CLASSES:
        dot = f'<span class="tt-dot" style="background:{theme.CLASS_COLOURS[name]}" aria-hidden="true"></span>'
        cells = "".join(_bar_cell(part, metric, name) for metric in metrics)
        n = round(part.metrics.classes[name].support / seeds)
        lines.append(f'<tr><th scope="row"><span class="tt-chip">{dot}{name}</span></th>{cells}<td>{n:,}</td></tr>')
    total = f"<td>{round(part.metrics.n / seeds):,}</td>"
    for title, prefix in AVERAGES:
        cells = "".join(_bar_cell(part, f"{prefix}_{metric}", None) for metric in metrics)
        lines.append(f'<tr><th scope="row">{title}</th>{cells}{total}</tr>')
    accuracy = _bar_cell(part, "accuracy", None, 'colspan="3"')
    lines.append(f'<tr><th scope="row">accuracy</th>{accuracy}{total}</tr>')
    return (
        f'<div class="tt-scroll" role="region" tabindex="0" aria-label="{escape(alt)}">'
        f'<table class="tt-table tt-report" aria-label="{escape(alt)}"><thead><tr><th scope="col" class="tt-text">'
        f"Class</th>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def scale(words: str) -> str:
    """The one colour scale of several matrices."""
    stops = ", ".join(f"{colour} {share:.0%}" for share, colour in theme.SEQUENTIAL)
    return (
        f'<div class="tt-scale"><span>{escape(words)}</span><span>{percent(0, 0)}</span>'
        f'<i style="background:linear-gradient(90deg, {stops})" aria-hidden="true"></i>'
        f"<span>{percent(1, 0)}</span></div>"
    )


def sentence_list(sentences: Sequence[str], title: str = "What this says") -> str:
    """Sentences in type large enough to be read out."""
    return (
        f'<section class="tt-says" aria-label="{escape(title)}"><h4>{escape(title)}</h4>'
        f"<p>{escape(' '.join(sentences))}</p></section>"
    )


def _place(place: Place, start: float) -> str:
    span = theme.span(place.low, place.high)
    bar = ""
    colour = f";background:{place.colour}" if place.colour else ""
    if place.value is not None:
        low, high = (place.value if end is None else end for end in (place.low, place.high))
        left, middle, right = (_on(one, start) for one in (low, place.value, high))
        bar = (
            f'<i class="tt-range" style="left:{left:.1f}%;width:{right - left:.1f}%{colour}"></i>'
            f'<i class="tt-point" style="left:{middle:.1f}%{colour}"></i>'
        )
    note = f"<small>{escape(place.note)}</small>" if place.note else ""
    return (
        f'<tr{" class=tt-faint" if place.faint else ""}><th scope="row">{escape(place.name)}{note}</th>'
        f'<td><span class="tt-rail" aria-hidden="true">{bar}</span></td>'
        f"<td><b>{percent(place.value)}</b><small>{escape(span or 'no interval')}</small></td></tr>"
    )


def _on(value: float, start: float) -> float:
    """Place on the rail, in per cent of its length."""
    return 100 * min(1.0, max(0.0, (value - start) / (1 - start)))


def _bar_cell(part: UnitReport, metric: str, class_name: str | None, more: str = "") -> str:
    found = part.interval(metric, class_name)
    colour = theme.NEUTRAL if class_name is None else theme.CLASS_COLOURS[class_name]
    width = 100 * (found.value or 0.0)
    bar = f'<span class="tt-track"><i class="tt-fill" style="width:{width:.1f}%;background:{colour}"></i></span>'
    ends = theme.span(found.low, found.high)
    small = f"<small>{ends}</small>" if ends else ""
    if more:
        return f'<td {more} class="tt-one"><b>{percent(found.value)}</b>{small}{bar}</td>'
    return f"<td><b>{percent(found.value)}</b>{small}{bar}</td>"
