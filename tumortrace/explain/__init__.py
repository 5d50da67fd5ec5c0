"""Saliency: which places of a slice spoke for a class, and how maps are laid over slices."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.explain.gradcam import saliency
    from tumortrace.explain.methods import METHODS, SLOW_METHODS
    from tumortrace.explain.overlay import blend
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "gradcam": ("saliency",),
            "methods": ("METHODS", "SLOW_METHODS"),
            "overlay": ("blend",),
        },
    )

__all__ = ["METHODS", "SLOW_METHODS", "blend", "saliency"]
