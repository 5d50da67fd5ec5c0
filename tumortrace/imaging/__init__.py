"""From pixels of any kind to what a network sees: reading, preprocessing, augmentation."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.imaging.augment import Augment
    from tumortrace.imaging.formats import Opened, Refused, open_files
    from tumortrace.imaging.perturb import Perturbation
    from tumortrace.imaging.preprocess import invert_crop
    from tumortrace.imaging.window import windowed
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "augment": ("Augment",),
            "formats": ("Opened", "Refused", "open_files"),
            "perturb": ("Perturbation",),
            "preprocess": ("invert_crop",),
            "window": ("windowed",),
        },
    )

__all__ = ["Augment", "Opened", "Perturbation", "Refused", "invert_crop", "open_files", "windowed"]
