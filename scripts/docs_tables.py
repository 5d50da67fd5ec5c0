"""Write the tables of README.md and docs/ anew from ``artifacts/``: ``python -m scripts.docs_tables``.

``--check`` only looks.

A table stands between ``<!-- table NAME ARGUMENTS -->`` and ``<!-- end -->``; the names are the functions in
:data:`TABLES`. Words around the tables are written by hand.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tumortrace.config import CONTEXT, model_names, model_title
from tumortrace.constants import CLASSES
from tumortrace.evaluation import published, tables
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.shipped import shipped_reports
from tumortrace.explain.methods import TITLES
from tumortrace.inference.bundle import Bundle, list_bundles
from tumortrace.inference.ood import load_detector

ROOT: Final = Path(__file__).resolve().parents[1]
FILES: Final = ("README.md", "docs/benchmark.md", "docs/classify.md", "docs/models/*.md")
NOTHING: Final = "Not measured yet: `python -m tumortrace benchmark --resume` makes it."
BLOCK: Final = re.compile(r"(<!-- table (?P<name>[\w-]+)(?P<words>(?: [\w.-]+)*) -->\n).*?(<!-- end -->)", re.DOTALL)
WANTED: Final = (
    ("cnn3d", "slice", "accuracy", None, 0.94), ("cnn3d", "slice", "macro_f1", None, 0.93),
    ("resnet18", "slice", "accuracy", None, 0.96), ("inception_v3", "slice", "accuracy", None, 0.96),
    ("tracenet", "slice", "accuracy", None, 0.97), ("ensemble", "slice", "accuracy", None, 0.98),
    ("ensemble_exam", "slice", "accuracy", None, 0.98), ("ensemble", "patient", "accuracy", None, 0.985),
    ("ensemble", "slice", "recall", "meningioma", 0.95),
)  # fmt: skip
"""What the project set out to reach under ``official``."""


@dataclass(frozen=True)
class Found:
    """What the tables are made from."""

    results: ResultsDocument = field(default_factory=ResultsDocument)
    figures: Sequence[dict[str, Any]] = ()
    """Of all reports, from :func:`tumortrace.evaluation.tables.figures`."""


def leaderboard(found: Found, protocol: str, unit: str) -> str:
    """Every model under one protocol, best macro F1 first."""
    table = _figures(found, protocol, unit)
    order = sorted(table, key=lambda model: -(table[model]["macro_f1", None]["value"] or 0))
    lines = []
    for model in order:
        cell = table[model]
        recalls = [_ends(cell["recall", name]) for name in CLASSES]
        lines.append([
            model_title(model), f"{cell['accuracy', None]['n']:,}", _ends(cell["accuracy", None]),
            _ends(cell["macro_f1", None]), *recalls, _ends(cell["macro_auc", None]), _ends(cell["ece", None]),
            _ends(cell["brier", None]),
        ])  # fmt: skip
    head = ["model", "n", "accuracy", "macro F1", *(f"recall, {name}" for name in CLASSES), "macro AUC", "ECE", "Brier"]
    return _table(head, lines)


def headline(found: Found) -> str:
    """The README's table: the networks and their ensemble under each honest protocol, slices and patients."""
    tables = {(protocol, unit): _figures(found, protocol, unit) for protocol in ("person", "official")
              for unit in ("slice", "patient")}  # fmt: skip
    protocols = [name for name in ("person", "official") if tables[name, "slice"]]
    every = ("ensemble", *model_names(), "classical", "ensemble_exam")
    models = [name for name in every if any(name in table for table in tables.values())]
    lines = []
    for model in models:
        cells = [model_title(model)]
        for protocol in protocols:
            one = tables[protocol, "slice"].get(model, {}).get(("accuracy", None))
            cells.append(f"{one['n']:,}" if one else "")
            for unit, metric in (("slice", "accuracy"), ("slice", "macro_f1"), ("patient", "accuracy")):
                cells.append(_ends(tables[protocol, unit].get(model, {}).get((metric, None))))
        lines.append(cells)
    head = ["model"] + [f"`{protocol}`: {what}" for protocol in protocols
                        for what in ("slices", "accuracy", "macro F1", "accuracy by patient")]  # fmt: skip
    return _table(head, lines)


def targets(found: Found) -> str:
    """What was wanted on ``official``, and what came of it."""
    lines = []
    for model, unit, metric, name, wanted in WANTED:
        one = _figures(found, "official", unit).get(model, {}).get((metric, name))
        words = {"macro_f1": "macro F1", "recall": f"recall of {name}"}.get(metric, metric)
        if one:
            state = "reached" if one["value"] >= wanted else f"missed by {100 * (wanted - one['value']):.1f} points"
            lines.append([f"{model_title(model)}, {words} by {unit}", f"{wanted:.3f}", _ends(one), state])
    return _table(["figure", "wanted", "measured", ""], lines)


def card(found: Found, model: str) -> str:
    """All figures of one model."""
    lines = []
    for protocol in ("person", "official", "slice"):
        for unit in ("slice", "patient"):
            cell = _figures(found, protocol, unit).get(model)
            if cell:
                for metric in ("accuracy", "macro_f1", "macro_auc", "ece", "brier"):
                    one = cell[metric, None]
                    lines.append([protocol, unit, metric.replace("_", " "), "all", _ends(one), f"{one['n']:,}"])
                for name in CLASSES:
                    for metric in ("precision", "recall", "f1", "auc"):
                        one = cell[metric, name]
                        lines.append([protocol, unit, metric, name, _ends(one), f"{one['n']:,}"])
    return _table(["protocol", "by", "figure", "class", "value (95 % interval)", "n"], lines)


def recipe(found: Found, model: str) -> str:
    """The settings that differ from the defaults."""
    settings = found.results.recipes.get(model, {})
    return _table(["setting", "value"], [[f"`{key}`", f"`{value}`"] for key, value in sorted(settings.items())])


def comparisons(found: Found, protocol: str, metric: str = "accuracy") -> str:
    """Every pair of models."""
    lines = [
        [
            f"{model_title(line.first)} less {model_title(line.second)}", _gap(line, "difference"),
            str(line.only_first), str(line.only_second), f"{line.p_mcnemar:.2g}", f"{line.n:,}",
        ]
        for line in found.results.comparisons
        if line.protocol == protocol and line.metric == metric
        and not {line.first, line.second} & {"majority", "classical"}
        and not any(name.endswith(CONTEXT) for name in (line.first, line.second))
    ]  # fmt: skip
    return _table(["pair", f"{metric}, points", "right: first alone", "second alone", "McNemar p", "n"], lines)


def leakage(found: Found) -> str:
    """The same recipe under a leaky protocol and under ``person``, on the same slices."""
    lines = [
        [model_title(line.model), line.protocol, _shown(line.leaky), _shown(line.honest),
         _gap(line, "gain"), f"{line.n:,}"]
        for line in found.results.leakage
        if line.metric == "accuracy" and line.model != "majority"
    ]  # fmt: skip
    return _table(["model", "protocol", "accuracy", "under `person`", "gain, points", "n"], lines)


def followups(found: Found) -> str:
    """Gliomas with and without a follow-up exam in training."""
    lines = []
    for line in found.results.follow_ups:
        if line.model == "majority":
            continue
        share = line.group in ("follow-up", "none")
        counted = f"{line.right} of {line.n}" if line.right is not None else ""
        value = _ends(line) if share else _gap(line, "value") + " points"
        lines.append([model_title(line.model), line.protocol, line.group, value, counted, str(line.persons)])
    return _table(["model", "protocol", "gliomas", "recall", "right", "persons"], lines)


def ablations(found: Found, base: str, metric: str = "accuracy") -> str:
    """Each variant less its base."""
    lines = [
        [line.factor, line.level or "", _shown(line.value), _gap(line, "difference"), f"{line.n:,}"]
        for line in found.results.ablations
        if line.base == base and line.metric == metric and line.factor
    ]
    return _table(["factor", "level", metric, "difference, points", "n"], lines)


def failures(found: Found, model: str, protocol: str) -> str:
    """Error rate of one model by what is known of a slice."""
    lines = [
        [line.by, line.group, _ends(line), f"{line.n:,}", f"{line.persons:,}"]
        for line in found.results.failures.error_rates
        if line.model == model and line.protocol == protocol
    ]
    return _table(["by", "group", "error rate", "slices", "persons"], lines)


def persons(found: Found, model: str, protocol: str) -> str:
    """Who is behind most errors."""
    lines = [
        [line.person_id, line.class_name, f"{line.errors} of {line.n}", f"{line.share:.0%}"]
        for line in found.results.failures.persons
        if line.model == model and line.protocol == protocol
    ][:10]
    return _table(["person", "class", "wrong", "share of all errors"], lines)


def suspects(found: Found, protocol: str) -> str:
    """Labels to look at again."""
    doubted = found.results.failures.suspects.get(protocol)
    lines = [
        [line.slice_id, line.patient_id or "", line.label, line.suggested, _shown(line.quality)]
        for line in (doubted.suspects if doubted else [])
    ][:20]
    return _table(["slice", "patient", "label", "suggested", "label quality"], lines)


def localisation(found: Found, metric: str, group: str = "all") -> str:
    """Saliency methods by model."""
    cells = {
        (line.model, line.method): line
        for line in found.results.localisation
        if line.metric == metric and line.group == group
    }
    models = [name for name in model_names() if any(model == name for model, _ in cells)]
    methods = [name for name in (*TITLES, "outline", "even", "centre") if any(method == name for _, method in cells)]
    words = TITLES | {"outline": "its own outline", "even": "blind: even", "centre": "blind: centre"}
    lines = [[words[method], *(_ends(cells.get((model, method))) for model in models)] for method in methods]
    return _table(["method", *map(model_title, models)], lines)


def calibration(found: Found, protocol: str) -> str:
    """As the network says it, and at the temperature of its validation part."""
    cells = {
        (line.model, line.tempered, line.metric): line
        for line in found.results.calibration
        if line.protocol == protocol
    }
    lines = [
        [model_title(name), *(_ends(cells.get((name, tempered, metric))) for metric in ("ece", "brier", "log_loss")
                              for tempered in (False, True))]
        for name in model_names()
        if (name, False, "ece") in cells
    ]  # fmt: skip
    head = ["model", *(f"{what}{when}" for what in ("ECE", "Brier", "log loss") for when in ("", ", tempered"))]
    return _table(head, lines)


def spread(found: Found, protocol: str) -> str:
    """Accuracy fold by fold."""
    lines = [
        [model_title(line.model), *map(_shown, line.values.values()), _shown(line.sd)]
        for line in found.results.spread
        if line.protocol == protocol and line.by == "fold" and line.metric == "accuracy"
        and line.model != "majority"
    ]  # fmt: skip
    width = max((len(line) for line in lines), default=2)
    lines = [line for line in lines if len(line) == width]
    return _table(["model", *(f"fold {fold}" for fold in range(1, width - 1)), "SD"], lines)


def votes(found: Found, protocol: str) -> str:
    """Weights of the ensemble, fold by fold."""
    mine = [vote for vote in found.results.votes if vote.protocol == protocol]
    models = [name for name in model_names() if mine and name in mine[0].weights]
    lines = [[str(vote.fold), *(f"{vote.weights[name]:.2f}" for name in models), str(vote.n)] for vote in mine]
    return _table(["fold", *map(model_title, models), "validation slices"], lines)


def coverage(found: Found, model: str = "ensemble") -> str:
    """What prediction sets promise and hold, out of fold."""
    cells = {
        (line.protocol, line.level, line.class_name, line.metric): line
        for line in found.results.coverage
        if line.model == model
    }
    lines = []
    for protocol, level in dict.fromkeys((protocol, level) for protocol, level, _, _ in cells):
        held = [_ends(cells.get((protocol, level, name, "coverage"))) for name in (None, *CLASSES)]
        sizes = [_ends(cells.get((protocol, level, None, metric))) for metric in ("size", "single")]
        lines.append([f"`{protocol}`", f"{level} %", f"{cells[protocol, level, None, 'size'].n:,}", *held, *sizes])
    head = [
        "protocol",
        "promised",
        "n",
        "held",
        *(f"held, {name}" for name in CLASSES),
        "classes a set",
        "single class",
    ]
    return _table(head, lines) if lines else NOTHING


def gate(found: Found) -> str:
    """How many slices the gate turns away that it had not seen."""
    del found  # it stands in the gate's own card
    fitted = load_detector()
    if fitted is None:
        return NOTHING
    away = fitted.card["false_alarm"]
    of = f"n = {away['n']:,}; wanted {away['wanted']:.2f}"
    return f"Turned away of real slices of persons left out: {_ends(away)}, {of}."


def shipped(found: Found, model: str = "") -> str:
    """What the shipped weights were trained on."""
    del found  # it stands in their own cards
    lines = [
        [bundle.title, bundle.trained_on, f"{bundle.scores['accuracy']:.3f}" if bundle.scores else "", _tested(bundle)]
        for bundle in list_bundles()
        if model in ("", bundle.name)
    ]
    return _table(["weights", "trained on", "accuracy", "tested on"], lines) if lines else "No weights ship yet."


def compute(found: Found) -> str:
    """What it took."""
    lines = [
        [
            line.part,
            model_title(line.model),
            line.size or "",
            str(line.runs),
            f"{line.hours:.2f}",
            line.device,
        ]
        for line in found.results.compute
    ]
    return _table(["part", "model", "size", "runs", "hours", "on"], lines)


def rests(found: Found) -> str:
    """What all figures rest on, in a sentence or two."""
    results = found.results
    facts, missing = results.dataset, len(results.missing)
    if facts is None:
        return NOTHING
    text = (
        f"Preset `{results.preset}`: {results.note} {facts.slices:,} slices, {facts.patients} patients, "
        f"{facts.persons} persons. In brackets: 95 % intervals by bootstrap over persons."
    )
    if missing:
        parts = ", ".join(f"{part} {count}" for part, count in _counts(line.part for line in results.missing))
        text += f" {missing} runs of the preset are not finished yet ({parts}); every table says its n."
    return text


TABLES: Final[dict[str, Callable[..., str]]] = {
    "ablations": ablations, "calibration": calibration, "card": card, "comparisons": comparisons, "compute": compute,
    "coverage": coverage, "gate": gate,
    "failures": failures, "followups": followups, "headline": headline, "leaderboard": leaderboard, "leakage": leakage,
    "localisation": localisation, "persons": persons, "recipe": recipe, "rests": rests, "shipped": shipped,
    "spread": spread,
    "suspects": suspects, "targets": targets, "votes": votes,
}  # fmt: skip


def fill(text: str, found: Found) -> str:
    """The text with every table made anew."""
    return BLOCK.sub(
        lambda match: match[1] + TABLES[match["name"]](found, *match["words"].split()) + "\n" + match[4], text
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill all files; 1 where ``--check`` finds one that is not in step."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a table is out of step")
    only_look = parser.parse_args(arguments).check
    figures = [figure for report in shipped_reports() for figure in tables.figures(report)]
    found, stale = Found(published.results(), figures), []
    for path in sorted(path for pattern in FILES for path in ROOT.glob(pattern)):
        before = path.read_text()
        after = fill(before, found)
        if after != before:
            stale.append(str(path.relative_to(ROOT)))
            if not only_look:
                path.write_text(after)
    if stale:
        print(("out of step with artifacts/: " if only_look else "written: ") + ", ".join(stale))
    return int(bool(stale) and only_look)


def _tested(bundle: Bundle) -> str:
    scores = bundle.scores
    if not scores:
        return "nothing"
    if "folds" in scores:
        return f"its recipe, out of fold: {scores['n']:,} slices, protocol {scores['protocol']}"
    return f"fold {scores['fold']} of {scores['protocol']}, {scores['n']:,} slices"


def _figures(found: Found, protocol: str, unit: str) -> dict[str, dict[tuple[str, str | None], Any]]:
    tables: dict[str, dict[tuple[str, str | None], Any]] = {}
    for one in found.figures:
        if (one["protocol"], one["unit"]) == (protocol, unit):
            tables.setdefault(one["model"], {})[one["metric"], one["class"]] = one
    return tables


def _ends(one: Any) -> str:
    """``0.950 (0.940 to 0.960)`` of a figure of a report, a record of the document, or a card's dict."""
    if not one:
        return ""
    value, low, high = (one[name] if isinstance(one, dict) else getattr(one, name) for name in ("value", "low", "high"))
    if value is None:
        return ""
    known = low is not None and high is not None
    return f"{value:.3f}" + (f" ({low:.3f} to {high:.3f})" if known else "")


def _gap(line: Any, key: str) -> str:
    value = getattr(line, key)
    if value is None:
        return ""
    known = line.low is not None
    return f"{100 * value:+.1f}" + (f" ({100 * line.low:+.1f} to {100 * line.high:+.1f})" if known else "")


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _counts(names: Iterable[str]) -> list[tuple[str, int]]:
    counted: dict[str, int] = {}
    for name in names:
        counted[name] = counted.get(name, 0) + 1
    return list(counted.items())


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    if not lines:
        return NOTHING
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
