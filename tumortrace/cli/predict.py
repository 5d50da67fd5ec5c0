"""The command ``tumortrace predict``."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumortrace import processes
from tumortrace.constants import NOT_FOR_CLINICAL_USE
from tumortrace.errors import ConfigError, UnknownModel

if TYPE_CHECKING:
    from tumortrace.inference.prediction import Prediction
    from tumortrace.inference.predictor import Predictor
    from tumortrace.inference.request import SliceInput

Plane = StrEnum("Plane", ["axial", "coronal", "sagittal"])
_FORMATS = (".pdf", ".html", ".csv", ".jsonl")


def predict(
    files: Annotated[
        list[Path],
        typer.Argument(help="PNG, JPEG, TIFF, BMP, WebP, DICOM, NIfTI, figshare .mat, zips of them, or folders."),
    ],
    model: Annotated[list[str] | None, typer.Option(help="Shipped model; repeat for several. Default: all.")] = None,
    plane: Annotated[Plane, typer.Option(help="Which slices of a volume.")] = Plane.axial,
    case: Annotated[bool, typer.Option("--case", help="Answer for all slices as one patient's too.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write a report here: .pdf, .html, .csv or .jsonl.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a slice and a line.")] = False,
) -> None:
    """Classify slices with the shipped models: may they be judged, which tumour, how sure. Not for clinical use."""
    from tumortrace.inference.api import predict_with, read_inputs
    from tumortrace.inference.bundle import find_bundle, list_bundles
    from tumortrace.inference.patient import make_case
    from tumortrace.inference.predictor import Predictor

    if report is not None and report.suffix.lower() not in _FORMATS:
        raise ConfigError(
            "no such kind of report", value=report.name, remedy=f"End it in one of {', '.join(_FORMATS)}."
        )
    bundles = [find_bundle(name) for name in model] if model else list_bundles()
    if not bundles:
        raise UnknownModel("no model is shipped", value="artifacts/models", remedy="Train one and publish it.")
    predictor = Predictor.shipped(bundles)
    pairs: list[tuple[Prediction, SliceInput | None]] = []
    for prediction, question in predict_with(read_inputs(files, plane.value), predictor):
        typer.echo(json.dumps(prediction.record()) if as_json else _line(prediction))
        pairs.append((prediction, question if report else None))
    together = make_case([prediction for prediction, _ in pairs], predictor.calibration.own_share) if case else None
    if together is not None:
        _tell(together, as_json)
    if report is not None:
        _write(report, pairs, together, predictor)
    typer.echo(NOT_FOR_CLINICAL_USE, err=True)
    if all(prediction.error for prediction, _ in pairs):
        raise typer.Exit(1)


def _line(prediction: Prediction) -> str:
    from tumortrace.constants import CLASSES

    title = f"{prediction.file} · {prediction.slice}" if prediction.slice else prediction.file
    if prediction.error:
        return f"{title}: {prediction.error}"
    if prediction.gate is not None and not prediction.gate.open:
        return f"{title}: not judged. {prediction.gate.reason}"
    shares = ", ".join(
        f"{name} {share:.1%}" for name, share in zip(CLASSES, prediction.probabilities["ensemble"], strict=True)
    )
    assert prediction.label is not None
    sets = "".join(
        f"; {level} % set: {' or '.join(CLASSES[label] for label in labels)}"
        for level, labels in prediction.sets.items()
    )
    agree = f"{prediction.agreeing} of {len(prediction.single)} agree"
    return f"{title}: {CLASSES[prediction.label]} ({shares}; {agree}{sets})"


def _tell(case: Any, as_json: bool) -> None:
    from tumortrace.constants import CLASSES, NOT_FOR_CLINICAL_USE

    shares = None if case.probabilities is None else dict(zip(CLASSES, map(float, case.probabilities), strict=True))
    label = None if case.label is None else CLASSES[case.label]
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "case": label,
                    "probabilities": shares,
                    "with_context": [
                        {"slice": name, **dict(zip(CLASSES, map(float, one), strict=True))}
                        for (name, _, _), one in zip(case.curve, case.context, strict=True)
                        if one is not None
                    ],
                    "used": case.used,
                    "of": case.of,
                    "notice": NOT_FOR_CLINICAL_USE,
                }
            )
        )
    elif label is None:
        typer.echo(f"The case: no answer; the gate let none of {case.of} slices in.")
    else:
        typer.echo(f"The case: {label} ({case.probabilities.max():.1%}), mean of {case.used} of {case.of} slices.")


def _write(path: Path, pairs: list[tuple[Prediction, SliceInput | None]], case: Any, predictor: Predictor) -> None:
    from tumortrace import reporting
    from tumortrace.inference.bundle import list_bundles
    from tumortrace.inference.retrieval import load_index
    from tumortrace.reporting.make import Context, make_report, model_line

    predictions = [prediction for prediction, _ in pairs]
    bundles = {bundle.name: bundle for bundle in list_bundles()}
    explaining = next((name for name, model in predictor.models.items() if model.traces), next(iter(predictor.models)))

    def heat(question: SliceInput) -> tuple[str, Any, Any]:
        model = predictor.models[explaining]
        return explaining, model.explain(question.pixels), model.config.preprocess

    def whole() -> Any:
        context = Context(
            tuple(model_line(bundles[name]) for name in predictor.models),
            {name: bundles[name].title for name in predictor.models},
            neighbours=load_index(), heat=heat,
        )  # fmt: skip
        asked = [(question, prediction) for prediction, question in pairs if question is not None]
        return make_report(asked, context, case, [prediction for prediction, question in pairs if question is None])

    made: dict[str, Callable[[], bytes]] = {
        ".pdf": lambda: reporting.pdf(whole()), ".html": lambda: reporting.html(whole()).encode(),
        ".csv": lambda: reporting.csv(predictions).encode(),
        ".jsonl": lambda: reporting.json_lines(predictions).encode(),
    }  # fmt: skip
    processes.write_bytes(path, made[path.suffix.lower()]())
    typer.echo(f"{path} is written.", err=True)
