"""How far an answer can be trusted, in sentences: each with the figure it rests on, its n and interval. No torch.

All figures are read from the benchmark that ships (:func:`tumortrace.evaluation.published.results`).
"""

from __future__ import annotations

from tumortrace.config import draws_outlines
from tumortrace.constants import CLASSES
from tumortrace.evaluation.ensemble import NAME as ENSEMBLE
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.inference import rendering
from tumortrace.inference.calibration import CALIBRATION_PROTOCOLS
from tumortrace.inference.prediction import Prediction
from tumortrace.inference.request import SliceInput
from tumortrace.inference.retrieval import Neighbour

_HEAD: int = 20
"""Of 255: brighter pixels count as head."""


def coverage(bench: ResultsDocument, level: int) -> str:
    """How often the ensemble's sets held the true class out of fold."""
    for protocol in CALIBRATION_PROTOCOLS:
        wanted = (ENSEMBLE, protocol, level, "coverage", None)
        for line in bench.coverage:
            if (line.model, line.protocol, line.level, line.metric, line.class_name) == wanted:
                ends = f"{line.value:.1%} ({line.low:.1%} to {line.high:.1%})"
                return f"held in {ends} of {line.n:,} slices out of fold, protocol {protocol}"
    return "its coverage has not been measured"


def trust(bench: ResultsDocument, model: str, method: str) -> str:
    """How often this model's saliency pointed at the tumour on slices it had not seen."""
    lines = bench.localisation
    wanted = (model, method, "pointing")
    found = {line.group: line for line in lines if (line.model, line.method, line.metric) == wanted}
    if "all" not in found:
        return "How far this map can be trusted has not been measured."
    line = found["all"]
    said = (
        f"Its strongest point lay inside the radiologist's outline in {line.value:.0%} of slices "
        f"({line.low:.0%} to {line.high:.0%}, n = {line.n:,})"
    )
    if "right" in found and "wrong" in found:
        said += f": {found['right'].value:.0%} where the answer was right, {found['wrong'].value:.0%} where wrong"
    blind = [
        one.value for one in lines if (one.method, one.metric, one.group) == ("centre", "pointing", "all")
    ]  # fmt: skip
    return said + (f". A blind guess at the middle: {blind[0]:.0%}." if blind else ".")


def outline(bench: ResultsDocument, question: SliceInput, prediction: Prediction) -> list[str]:
    """TraceNet's outline: its area, and how good its outlines are; nothing where it was not asked."""
    inside = rendering.region(question, prediction)
    if inside is None:
        return []
    if not inside.any():
        return ["TraceNet outlines nothing here."]
    head = max(int((rendering.shown(question) > _HEAD).sum()), 1)
    said = f"TraceNet's outline covers {inside.sum() / head:.1%} of the head on this slice"
    if question.spacing:
        said += f", {inside.sum() * question.spacing[0] * question.spacing[1] / 100:.1f} cm²"
    for line in bench.localisation:
        held = (line.method, line.metric, line.group) == ("outline", "dice", "all")
        if held and draws_outlines(line.model):
            return [
                f"{said}. Its outlines meet the radiologists' with a Dice of {line.value:.2f} "
                f"({line.low:.2f} to {line.high:.2f}) on {line.n:,} slices it had not seen."
            ]
    return [f"{said}."]


def alike(found: list[Neighbour]) -> list[str]:
    """Similar slices in a sentence."""
    if not found:
        return []
    named = ", ".join(f"{one.slice_id} ({CLASSES[one.label]}, {one.similarity:.2f})" for one in found)
    return [f"Most similar slices of the dataset, one a person (diagnosis, likeness): {named}."]
