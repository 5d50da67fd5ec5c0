"""From answers to a report: pictures, notes, and what the models and the versions are."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tumortrace.config import model_title
from tumortrace.constants import CLASSES, VERSION
from tumortrace.evaluation import published
from tumortrace.evaluation.conformal import LEVELS
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.inference import reliability, rendering
from tumortrace.inference.bundle import Bundle
from tumortrace.inference.patient import Case
from tumortrace.inference.prediction import Prediction
from tumortrace.inference.request import SliceInput
from tumortrace.inference.retrieval import RetrievalIndex
from tumortrace.reporting.report import IN_FULL, CaseLine, ModelLine, Picture, Report, SliceReport

Heat = Callable[[SliceInput], tuple[str, Any, Any]]
"""Of a slice: what the map is, the explanation, and how its model sees a slice."""


@dataclass(frozen=True)
class Context:
    """What is the same for every slice of a report."""

    models: tuple[ModelLine, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    bench: ResultsDocument = field(default_factory=published.results)
    neighbours: RetrievalIndex | None = None
    heat: Heat | None = None
    """Saliency of the model that explains; not asked for where there are many slices."""


def make_report(
    pairs: Sequence[tuple[SliceInput, Prediction]],
    context: Context,
    case: Case | None = None,
    refused: Sequence[Prediction] = (),
) -> Report:
    """Put a report together.

    Args:
        pairs: Slices and their answers.
        context: Models, figures, neighbours, saliency.
        case: What they say together, where they are one patient's.
        refused: Files that could not be read.
    """
    alone = len(pairs) == 1
    parts = [
        _slice(question, prediction, context, alone) if place < IN_FULL else SliceReport(prediction)
        for place, (question, prediction) in enumerate(pairs)
    ]
    told = None
    if case is not None and case.probabilities is not None and pairs:
        curve = [(name, shares) for name, shares, _ in case.curve]
        told = CaseLine(pairs[0][0].file, case.probabilities, case.used, case.of, curve)
    return Report(
        slices=(*parts, *[SliceReport(prediction) for prediction in refused]),
        case=told,
        models=context.models,
        titles={**context.titles, "ensemble": model_title("ensemble")},
        coverage={level: reliability.coverage(context.bench, level) for level in LEVELS},
        versions=versions(),
        created=datetime.now(UTC),
        dropped={question.file: question.dropped for question, _ in pairs if question.dropped},
    )


def model_line(bundle: Bundle) -> ModelLine:
    """A shipped model in a line."""
    scores, said = bundle.scores, "no test figures"
    if scores:
        folds = f"fold {scores['fold']}" if "fold" in scores else f"{len(scores.get('folds', []))} folds, out of fold"
        said = (
            f"accuracy {scores['accuracy']:.3f}, macro F1 {scores['macro_f1']:.3f}, n = {scores['n']:,}, "
            f"protocol {scores['protocol']}, {folds}"
        )
    return ModelLine(bundle.title, bundle.trained_on, said)


def versions() -> dict[str, str]:
    """Versions of what made the prediction."""
    found = {"tumortrace": VERSION, "python": platform.python_version()}
    for name in ("torch", "torchvision", "grad-cam"):
        found[name] = importlib.metadata.version(name).split("+")[0]
    return found


def _slice(question: SliceInput, prediction: Prediction, context: Context, alone: bool) -> SliceReport:
    facts = dict(question.facts)
    if prediction.error or not prediction.probabilities:
        return SliceReport(prediction, (), facts)
    pictures, notes = [Picture("As given", rendering.shown(question))], []
    inside = rendering.region(question, prediction)
    if inside is not None:
        pictures.append(Picture("TraceNet's outline", rendering.outlined(question, prediction)))
        notes += reliability.outline(context.bench, question, prediction)
    if context.heat is not None and (alone or inside is None):
        name, found, view = context.heat(question)
        title = context.titles.get(name, name)
        caption = f"Grad-CAM of {title} towards {CLASSES[found.target]}"
        pictures.append(Picture(caption, rendering.under_heat(question, found.heat, view)))
        notes.append(f"Grad-CAM of {title}. {reliability.trust(context.bench, name, 'gradcam')}")
    if alone and context.neighbours is not None and prediction.features is not None:
        notes += reliability.alike(context.neighbours.find(prediction.features))
    return SliceReport(prediction, tuple(pictures), facts, tuple(notes))
