"""From a slice to a prediction: shipped models, calibration, ensemble, out-of-distribution detection, retrieval."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.inference.api import classify, load_classifier, load_predictor
    from tumortrace.inference.bundle import Bundle, find_bundle, list_bundles
    from tumortrace.inference.classifier import Classifier, Explanation
    from tumortrace.inference.patient import Case, make_case
    from tumortrace.inference.prediction import GateDecision, Prediction
    from tumortrace.inference.predictor import Predictor
    from tumortrace.inference.request import SliceInput
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "api": ("classify", "load_classifier", "load_predictor"),
            "bundle": ("Bundle", "find_bundle", "list_bundles"),
            "classifier": ("Classifier", "Explanation"),
            "patient": ("Case", "make_case"),
            "prediction": ("GateDecision", "Prediction"),
            "predictor": ("Predictor",),
            "request": ("SliceInput",),
        },
    )

__all__ = [
    "Bundle",
    "Case",
    "Classifier",
    "Explanation",
    "GateDecision",
    "Prediction",
    "Predictor",
    "SliceInput",
    "classify",
    "find_bundle",
    "list_bundles",
    "load_classifier",
    "load_predictor",
    "make_case",
]
