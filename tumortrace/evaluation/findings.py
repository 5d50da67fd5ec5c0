"""What a leaderboard says, in plain sentences: nothing that the intervals do not bear.

Differences are judged by their paired intervals alone; where an interval holds zero, the sentence says that no
difference can be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tumortrace.config import model_title
from tumortrace.constants import CLASSES
from tumortrace.evaluation.bootstrap import Interval
from tumortrace.evaluation.formatting import METRIC_NAMES, percent
from tumortrace.evaluation.report import Report
from tumortrace.evaluation.results_records import LeakageGain, PairedComparison
from tumortrace.evaluation.tables import folds_text

_HONEST: Final = "person"
_CROSSING: Final = "official"


def findings(
    reports: Sequence[Report],
    comparisons: Sequence[PairedComparison],
    gains: Sequence[LeakageGain],
    *,
    metric: str = "macro_f1",
    unit: str = "slice",
    baselines: Sequence[str] = (),
) -> list[str]:
    """The leaderboard of one protocol in a few sentences.

    Args:
        reports: Of every model under one protocol.
        comparisons: Paired differences of ``results.json``; of slices, so they are not used for patients.
        gains: What a leaking protocol gains, of ``results.json``.
        metric: The figure that ranks.
        unit: ``slice`` or ``patient``.
        baselines: Models that train no network; they are beaten rather than ranked.

    Returns:
        Sentences: the best model, how sure that is, the weakest class, and what the protocol is worth. Empty without a
        network that has figures.
    """
    judged = [one for one in reports if one.model not in baselines and _found(one, unit, metric).value is not None]
    if not judged:
        return []
    best = max(judged, key=lambda one: _found(one, unit, metric).value or 0.0)
    said = [_best(best, unit, metric, len(judged))]
    pairs = [one for one in comparisons if one.protocol == best.protocol and one.metric == metric]
    if unit == "slice" and len(judged) > 1:
        said += _how_sure(best, judged, pairs, metric)
    said += _weakest(best, judged, unit)
    said += _protocol(best, gains, metric) if unit == "slice" else []
    return said


def _best(best: Report, unit: str, metric: str, many: int) -> str:
    found = _found(best, unit, metric)
    folds = ("folds " if len(best.folds) > 1 else "fold ") + folds_text(best.folds)
    n = round(found.n / len(best.seeds))
    words = _lower(METRIC_NAMES[metric])
    rank = f"has the highest {words} of {many} models" if many > 1 else f"reaches a {words}"
    link = ": " if many > 1 else " of "
    whose = f"{n:,} slices of {found.clusters:,} {found.unit}s" if unit == "slice" else f"{n:,} patients"
    return f"Under {best.protocol} ({folds}, {whose}) {model_title(best.model)} {rank}{link}{_ends(found)}."


def _how_sure(best: Report, judged: Sequence[Report], pairs: Sequence[PairedComparison], metric: str) -> list[str]:
    """Which of the others it beats, and from which it cannot be told apart."""
    beaten: list[str] = []
    open_: list[str] = []
    lost: list[str] = []
    for other in judged:
        if other.model == best.model:
            continue
        low, high = _difference(pairs, best.model, other.model)
        if low is None or high is None:
            continue
        (beaten if low > 0 else lost if high < 0 else open_).append(model_title(other.model))
    said = []
    words = _lower(METRIC_NAMES[metric])
    if beaten:
        said.append(f"It is better than {_list(beaten)}: the paired 95 % intervals of {words} leave out zero.")
    if open_:
        rest = "them" if len(open_) > 1 else "it"
        said.append(
            f"From {_list(open_)} it cannot be told apart: the paired intervals hold zero, so its place above {rest} "
            "may be luck."
        )
    if lost:
        said.append(f"On the slices that both tested, {_list(lost)} did better.")
    return said


def _weakest(best: Report, judged: Sequence[Report], unit: str) -> list[str]:
    part = best.unit(unit)
    assert part is not None
    recalls = {name: part.interval("recall", name) for name in CLASSES}
    known = {name: one for name, one in recalls.items() if one.value is not None}
    if len(known) < 2:
        return []
    name = min(known, key=lambda one: known[one].value or 0.0)
    text = f"Its weakest class is {name}: it finds {_ends(known[name])} of them."
    others = [one for key, one in known.items() if key != name]
    high = known[name].high
    apart = high is not None and all(one.low is not None and one.low > high for one in others)
    if not apart:
        text += " The intervals of the classes overlap, so their order is not certain."
    same = sum(_lowest(one, unit) == name for one in judged)
    if len(judged) > 1:
        text += (
            f" All {len(judged)} models find {name} least often."
            if same == len(judged)
            else f" {same} of {len(judged)} models find it least often."
        )
    return [text]


def _protocol(best: Report, gains: Sequence[LeakageGain], metric: str) -> list[str]:
    """What the split is worth to this model."""
    said = []
    for line in gains:
        if line.model != best.model or line.metric != metric or line.class_name is not None:
            continue
        if best.protocol not in (_HONEST, line.protocol):
            continue
        if line.gain is None or line.low is None or line.high is None:
            continue
        ends = f"(95 % interval {100 * line.low:+.1f} to {100 * line.high:+.1f})".replace("-", "\N{MINUS SIGN}")
        gain = f"{100 * line.gain:+.1f}".replace("-", "\N{MINUS SIGN}")
        told = "flatters" if line.low > 0 else "is harder" if line.high < 0 else None
        verdict = f"that split {told}" if told else "that is no difference that can be told"
        said.append(
            f"On the same slices {line.protocol} less {_HONEST} gives it {gain} points of "
            f"{_lower(METRIC_NAMES[metric])} {ends}: {verdict}."
        )
    if not said and best.protocol == _CROSSING:
        said.append(
            f"Follow-up exams of one head still cross the folds of {_CROSSING}; how much that flatters is known once "
            f"{_HONEST} has been tested too."
        )
    return said


def _difference(pairs: Sequence[PairedComparison], first: str, second: str) -> tuple[float | None, float | None]:
    """Ends of the interval of first less second; None where they were not compared."""
    for line in pairs:
        if line.low is None or line.high is None:
            continue
        if (line.first, line.second) == (first, second):
            return line.low, line.high
        if (line.second, line.first) == (first, second):
            return -line.high, -line.low
    return None, None


def _lowest(report: Report, unit: str) -> str | None:
    part = report.unit(unit)
    if part is None:
        return None
    known = {name: value for name in CLASSES if (value := part.interval("recall", name).value) is not None}
    return min(known, key=lambda name: known[name]) if known else None


def _found(report: Report, unit: str, metric: str) -> Interval:
    part = report.unit(unit)
    if part is None:
        return report.slice.interval(metric).model_copy(update={"value": None, "low": None, "high": None})
    return part.interval(metric)


def _ends(found: Interval) -> str:
    """``95.0 % (95 % interval 90.2 to 97.7)``."""
    if found.low is None or found.high is None:
        return f"{percent(found.value)} (no interval)"
    return f"{percent(found.value)} (95 % interval {100 * found.low:.1f} to {100 * found.high:.1f})"


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
