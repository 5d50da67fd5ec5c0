"""The shifted test of a finished run: its network on the suite of :mod:`tumortrace.imaging.shifted_test`, out of fold.

A fifth of the test slices, each as published and under every kind of shift at every strength, kept in the run's folder
as ``shifted.parquet``: prediction rows with ``kind`` and ``level`` (``none`` and 0 for the slice as it is).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors.torch import load as from_safetensors

from tumortrace import processes
from tumortrace.benchmark.records import SHIFTED
from tumortrace.benchmark.robustness import NONE
from tumortrace.data.datasets import Dataset
from tumortrace.errors import ConfigError, RunNotFound
from tumortrace.evaluation.predictions import KEYS, PROBABILITIES
from tumortrace.imaging.preprocess import preprocess
from tumortrace.imaging.shifted_test import EVERY, LEVELS, SUITE, number_of, shifted
from tumortrace.models.registry import blank
from tumortrace.runs.run import Run

_BATCH: Final = 32


def applicable(run: Run) -> bool:
    """Whether a run can be tested so: it has a test part, and sees one slice at a time."""
    return bool(run.config.fold) and run.config.model.depth == 1


def chosen(slice_ids: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """The slices of a test part that are shifted: those whose id says so, whatever else is in the part."""
    return np.array([one for one in slice_ids if zlib.crc32(f"shift {one}".encode()) % EVERY == 0], dtype=object)


def predict_shifted(run: Run, *, device: str = "cpu") -> pd.DataFrame:
    """Predict the shifted slices of a run's test part, once; rows that are there already are read.

    Args:
        run: Finished, with weights and a test part.
        device: Where the network runs.

    Returns:
        Prediction rows (:mod:`tumortrace.evaluation.predictions`) with ``kind`` and ``level``.

    Raises:
        RunNotFound: The run has no weights or no test rows.
        ConfigError: It sees several slices at once.
    """
    path = run.folder / SHIFTED
    if path.is_file():
        return pd.read_parquet(path)
    rows = run.predictions
    if rows is None or not (run.folder / "model.safetensors").is_file():
        raise RunNotFound("the run has no weights and test rows", value=run.id, remedy="Let it finish first.")
    if not applicable(run):
        raise ConfigError("it sees several slices at once", value=run.id, remedy="Take a run of depth 1.")
    config = run.config
    net = blank(config.model)
    net.load_state_dict(from_safetensors((run.folder / "model.safetensors").read_bytes()), assign=True)
    net.to(device).eval()
    dataset = run.dataset.dataset
    parts, lines = [], []
    for names, images in _batches(dataset, chosen(rows["slice_id"].to_numpy(dtype=object)), run):
        with torch.inference_mode():
            batch = torch.from_numpy(np.stack(images))[:, None].to(device).float().div_(255)
            parts.append(net.forward_tta(batch).float().softmax(1).cpu().numpy())
        lines += names
    shares = np.concatenate(parts) if parts else np.empty((0, len(PROBABILITIES)), np.float32)
    table = pd.DataFrame(lines, columns=["slice_id", "kind", "level"]).astype({"slice_id": "string", "kind": "string"})
    table = table.assign(model=config.model.name, protocol=config.protocol, seed=config.seed, fold=config.fold)
    table = table.assign(**dict(zip(PROBABILITIES, shares.T, strict=True)))
    table = table[[*KEYS, "kind", "level", *PROBABILITIES]]
    processes.write_parquet(path, table)
    return table


def _batches(
    dataset: Dataset, slice_ids: npt.NDArray[np.object_], run: Run
) -> Iterator[tuple[list[tuple[str, str, int]], list[npt.NDArray[np.uint8]]]]:
    names: list[tuple[str, str, int]] = []
    images: list[npt.NDArray[np.uint8]] = []
    for slice_id in slice_ids:
        pixels = dataset.pixels(slice_id)
        for kind, level in ((NONE, 0), *((kind, level) for kind in SUITE for level in LEVELS)):
            changed = pixels if kind == NONE else shifted(pixels, kind, level, number_of(slice_id))
            names.append((slice_id, kind, level))
            images.append(preprocess(changed, run.config.preprocess)[0])
            if len(images) == _BATCH:
                yield names, images
                names, images = [], []
    if images:
        yield names, images
