"""From rows of predictions to figures with intervals; a model is never run here."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.evaluation.bootstrap import Interval
    from tumortrace.evaluation.calibration import fit_temperature
    from tumortrace.evaluation.metrics import Metrics, classification_metrics
    from tumortrace.evaluation.report import (
        Report,
        make_report,
        make_reports,
        read_report,
        read_reports,
        write_report,
        write_reports,
    )
    from tumortrace.evaluation.significance import Comparison, compare
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "bootstrap": ("Interval",),
            "calibration": ("fit_temperature",),
            "metrics": ("Metrics", "classification_metrics"),
            "report": (
                "Report",
                "make_report",
                "make_reports",
                "read_report",
                "read_reports",
                "write_report",
                "write_reports",
            ),
            "significance": ("Comparison", "compare"),
        },
    )

__all__ = [
    "Comparison",
    "Interval",
    "Metrics",
    "Report",
    "classification_metrics",
    "compare",
    "fit_temperature",
    "make_report",
    "make_reports",
    "read_report",
    "read_reports",
    "write_report",
    "write_reports",
]
