"""TumorTrace: which tumour is on this brain MRI slice, how sure may we be, and why?

>>> import tumortrace
>>> tumortrace.CLASSES
('meningioma', 'glioma', 'pituitary')

Importing it costs nothing: each name below is fetched, with whatever it needs (torch, pandas), when it is first asked
for. The rooms beneath are public as far as their own ``__all__`` says; see "Code map" in the README.
"""

from typing import TYPE_CHECKING

from tumortrace.constants import CLASSES, VERSION

if TYPE_CHECKING:
    from tumortrace.api import evaluate, load_model, predict, train
    from tumortrace.data.datasets import open_dataset
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__, {"api": ("evaluate", "load_model", "predict", "train"), "data.datasets": ("open_dataset",)}
    )

__version__ = VERSION
__all__ = ["CLASSES", "__version__", "evaluate", "load_model", "open_dataset", "predict", "train"]
