"""Networks, all mapping `[B, D, S, S]` in 0..1 to logits `[B, 3]`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.models.base import SliceNet, model_class
    from tumortrace.models.registry import build
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "base": ("SliceNet", "model_class"),
            "registry": ("build",),
        },
    )

__all__ = ["SliceNet", "build", "model_class"]
