"""What the real dataset lends to answers about new slices: the gate's limits, and the index of similar slices.

Both are made on a machine that has the dataset, and ship as numbers; no image of it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumortrace.config import model_names
from tumortrace.config.models import retrieval_model
from tumortrace.data import cache, datasets
from tumortrace.data.datasets import Dataset
from tumortrace.errors import ConfigError, RunNotFound
from tumortrace.inference.bundle import find_bundle
from tumortrace.inference.classifier import Classifier, ForwardOutput
from tumortrace.inference.ood import save_detector
from tumortrace.inference.ood_fit import fit_detector
from tumortrace.inference.retrieval import save_index
from tumortrace.runs.run import Run

_BATCH = 32


def publish_gate(runs: Sequence[Run]) -> Path:
    """Fit the gate and write it into ``artifacts/gate/``.

    Args:
        runs: Finished TraceNets, one for each fold of one protocol: each draws the slices it has not seen.

    Raises:
        ConfigError: A run is of another model, or two tested the same slice.
        RunNotFound: A run has no test rows.
        DataError: Too few slices were tested.
    """
    peaks: dict[str, float] = {}
    for run in runs:
        if not run.config.model.spec.draws_outlines:
            raise ConfigError(
                "the gate asks TraceNet for outlines", value=f"{run.id}: {run.config.model.name}",
                remedy=f"Give runs of {' or '.join(model_names(lambda spec: spec.draws_outlines))}.",
            )  # fmt: skip
        found = outline_peaks(run)
        if found.keys() & peaks.keys():
            raise ConfigError("two runs tested the same slices", value=run.id, remedy="Give one run a fold.")
        peaks |= found
    return save_detector(fit_detector(runs[0].dataset.dataset, peaks))


def outline_peaks(run: Run) -> dict[str, float]:
    """Slice id to the highest probability in TraceNet's outline, for the slices the run has not seen.

    Raises:
        RunNotFound: The run has no test rows.
    """
    rows = run.predictions
    if rows is None:
        raise RunNotFound("the run has no test rows", value=run.id, remedy="Let it finish first.")
    dataset = run.dataset.dataset
    place = {str(name): row for row, name in enumerate(dataset.manifest["slice_id"])}
    ids = rows["slice_id"].astype(str).tolist()
    outputs = _looks(Classifier.from_run(run), dataset, np.array([place[name] for name in ids]))
    peaks = np.concatenate([output.outline_peaks for output in outputs if output.outline_peaks is not None])
    return dict(zip(ids, peaks.tolist(), strict=True))


def publish_index() -> Path:
    """Index every slice of the real dataset as the shipped TraceNet sees it.

    Raises:
        UnknownModel: No TraceNet ships.
        DatasetNotFound: The real dataset is not imported.
    """
    bundle = find_bundle(retrieval_model())
    dataset = datasets.open_dataset(bundle.config.dataset)
    outputs = _looks(Classifier.from_bundle(bundle), dataset, np.arange(len(dataset.manifest)))
    features = np.concatenate([output.features for output in outputs if output.features is not None])
    return save_index(features, dataset.manifest["slice_id"].astype(str).tolist(), bundle.folder)


def _looks(model: Classifier, dataset: Dataset, rows: npt.NDArray[np.int64]) -> Iterator[ForwardOutput]:
    images = cache.load_cache(dataset, model.config.preprocess).images
    for start in range(0, len(rows), _BATCH):
        yield model.forward(np.asarray(images[rows[start : start + _BATCH]]))
