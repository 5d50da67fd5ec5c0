"""The dataset: its facts, how it comes in, how it lies on disk, and how it is split."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.data.cache import load_cache
    from tumortrace.data.datasets import Dataset, available, open_dataset
    from tumortrace.data.phantom import make_phantom
    from tumortrace.data.splits import Split, frozen_figshare, split, table_for
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "cache": ("load_cache",),
            "datasets": ("Dataset", "available", "open_dataset"),
            "phantom": ("make_phantom",),
            "splits": ("Split", "frozen_figshare", "split", "table_for"),
        },
    )

__all__ = [
    "Dataset",
    "Split",
    "available",
    "frozen_figshare",
    "load_cache",
    "make_phantom",
    "open_dataset",
    "split",
    "table_for",
]
