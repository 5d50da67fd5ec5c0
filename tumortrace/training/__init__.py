"""The trainer: data on the device, schedule, objective, checkpoint, and several processes that share a batch."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.training.predict import predict_logits
    from tumortrace.training.trainer import Trainer, train
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "predict": ("predict_logits",),
            "trainer": ("Trainer", "train"),
        },
    )

__all__ = ["Trainer", "predict_logits", "train"]
