"""Pure functions from a tidy frame to a plotly figure; nothing is computed here."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.charts.results import confusion_matrix, reliability, roc_curves
    from tumortrace.charts.slice_view import slice_figure
    from tumortrace.charts.training import accuracy_curves, loss_curves
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "results": ("confusion_matrix", "reliability", "roc_curves"),
            "slice_view": ("slice_figure",),
            "training": ("accuracy_curves", "loss_curves"),
        },
    )

__all__ = ["accuracy_curves", "confusion_matrix", "loss_curves", "reliability", "roc_curves", "slice_figure"]
