"""Preprocessed slices of a dataset as one memory-mapped uint8 array, with the masks beside it.

::

    TUMORTRACE_HOME/cache/<key>/
        images.npy   [N, S, S] uint8
        masks.npy    [N, S, S] uint8, 0 or 1; all 0 where there is no outline
        cache.json   dataset, fingerprint, settings, slice ids in row order

The key hashes the dataset's fingerprint and the settings; the folder is made beside its place and renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from joblib import Parallel, cpu_count, delayed

from tumortrace import paths, processes
from tumortrace.config import PreprocessSettings
from tumortrace.data import datasets
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DataError
from tumortrace.imaging.preprocess import preprocess

VERSION = 1
_CHUNK = 64


@dataclass(frozen=True)
class Cache:
    """Row-aligned with the dataset's manifest."""

    images: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.uint8]
    slice_ids: list[str]


def cache_key(dataset: Dataset, settings: PreprocessSettings) -> str:
    """The name of the cache folder for these slices prepared this way."""
    text = json.dumps([VERSION, dataset.fingerprint, settings.model_dump()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def load_cache(
    dataset: Dataset,
    settings: PreprocessSettings,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> Cache:
    """Open the cache, building it first where it is missing.

    Args:
        dataset: The slices.
        settings: How they are prepared.
        progress: Called with (done, total) while building.
        workers: Processes to build with; None takes one per CPU, 1 stays in this process.

    Returns:
        Memory-mapped arrays; about ``2 * N * S * S`` bytes on disk.
    """
    folder = paths.cache() / cache_key(dataset, settings)
    if not (folder / "cache.json").is_file():
        _build(dataset, settings, folder, progress, workers or cpu_count())
    ids: list[str] = json.loads((folder / "cache.json").read_text())["slice_ids"]
    return Cache(np.load(folder / "images.npy", mmap_mode="r"), np.load(folder / "masks.npy", mmap_mode="r"), ids)


@dataclass(frozen=True)
class CacheEntry:
    """One cache on disk."""

    folder: Path
    dataset: str
    fingerprint: str
    size: int
    """Bytes."""


def cache_entries() -> list[CacheEntry]:
    """Every cache there is, by dataset; a folder without a whole ``cache.json`` is still being built."""
    found = []
    for card in sorted(paths.cache().glob("*/cache.json")):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            facts = json.loads(card.read_text())
            size = sum(path.stat().st_size for path in card.parent.iterdir())
            found.append(CacheEntry(card.parent, str(facts["dataset"]), str(facts["fingerprint"]), size))
    return sorted(found, key=lambda one: (one.dataset, one.folder.name))


def prune_caches(*, everything: bool = False) -> list[CacheEntry]:
    """Remove the caches of slices that are no longer imported; a process that reads one goes on reading it.

    Args:
        everything: Whether those of imported datasets go as well; the next training builds them anew.

    Returns:
        What was removed. Nothing is where a dataset is damaged, for whose caches these are is unknown then.
    """
    try:
        imported = {datasets.open_dataset(name).fingerprint for name in datasets.available()}
    except DataError:
        if not everything:
            return []
        imported = set()
    gone = [one for one in cache_entries() if everything or one.fingerprint not in imported]
    for one in gone:
        shutil.rmtree(one.folder, ignore_errors=True)
    return gone


def _build(
    dataset: Dataset,
    settings: PreprocessSettings,
    folder: Path,
    progress: Callable[[int, int], None] | None,
    workers: int,
) -> None:
    ids = [str(value) for value in dataset.manifest["slice_id"]]
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        shape = (len(ids), settings.size, settings.size)
        images = np.lib.format.open_memmap(beside / "images.npy", mode="w+", dtype=np.uint8, shape=shape)
        masks = np.lib.format.open_memmap(beside / "masks.npy", mode="w+", dtype=np.uint8, shape=shape)
        chunks = [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
        tasks = [(dataset, settings, chunk) for chunk in chunks]
        done = 0
        if workers > 1 and len(chunks) > 1:
            # loky neither forks a process that already runs threads nor needs a guarded main module.
            pool = Parallel(n_jobs=min(workers, len(chunks)), return_as="generator")
            for block in pool(delayed(_prepare)(task) for task in tasks):
                done = _store(block, images, masks, done)
                if progress:
                    progress(done, len(ids))
        else:
            for task in tasks:
                done = _store(_prepare(task), images, masks, done)
                if progress:
                    progress(done, len(ids))
        images.flush()
        masks.flush()
        processes.write_json(
            beside / "cache.json",
            {
                "dataset": dataset.name,
                "fingerprint": dataset.fingerprint,
                "settings": settings.model_dump(),
                "slice_ids": ids,
            },
        )
        try:
            beside.rename(folder)
        except OSError:
            # Another process finished the same cache first; theirs is as good.
            if not (folder / "cache.json").is_file():
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _prepare(
    task: tuple[Dataset, PreprocessSettings, list[str]],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    dataset, settings, ids = task
    images = np.zeros((len(ids), settings.size, settings.size), np.uint8)
    masks = np.zeros_like(images)
    for row, slice_id in enumerate(ids):
        image, mask = preprocess(dataset.pixels(slice_id), settings, dataset.mask(slice_id))
        images[row] = image
        if mask is not None:
            masks[row] = mask
    return images, masks


def _store(
    block: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]],
    images: npt.NDArray[np.uint8],
    masks: npt.NDArray[np.uint8],
    done: int,
) -> int:
    stop = done + len(block[0])
    images[done:stop], masks[done:stop] = block
    return stop
