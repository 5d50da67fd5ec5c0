"""What is found by opening every slice: can it be read, is it still the imported one, is it flat, and its hash.

The perceptual hash is pHash (Zauner, 2010) with 256 bits: the slice at 64 by 64, its 16 by 16 lowest cosine
coefficients, a bit each for above their median. On the published set it tells pairs of one person from pairs of
different persons far better than the usual 64 bits (see :mod:`tumortrace.data.duplicates`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from PIL import Image

from tumortrace import paths, processes
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DatasetDamaged

HASH_BITS: Final = 256
HASHES: Final = ("hash0", "hash1", "hash2", "hash3")
"""Columns of the hash, 64 bits each."""
_VERSION: Final = 1
_SIDE: Final = 64
_LOW: Final = 16
_CHUNK: Final = 64
_FEW: Final = 512
"""Up to so many slices, starting processes takes longer than reading them."""

Progress = Callable[[int, int], None]
Hash = npt.NDArray[np.uint64]


def path_of(dataset: Dataset) -> Path:
    """Where the facts of these slices are kept; named by the dataset's fingerprint."""
    return paths.cache() / f"pixel-facts-{dataset.fingerprint[:20]}-{_VERSION}.parquet"


def cached_pixel_facts(dataset: Dataset) -> pd.DataFrame | None:
    """What :func:`load_pixel_facts` found before; None where nobody has looked yet, or the file is damaged."""
    path = path_of(dataset)
    if not path.is_file():
        return None
    try:
        found = pd.read_parquet(path)
    except (OSError, ValueError):
        return None
    fits = len(found) == len(dataset.manifest) and (found["slice_id"].to_numpy() == _ids(dataset)).all()
    return found if fits else None


def load_pixel_facts(
    dataset: Dataset, progress: Progress | None = None, workers: int | None = None, again: bool = False
) -> pd.DataFrame:
    """Open every slice, or take what was found before.

    Args:
        dataset: The slices.
        progress: Called with (done, total).
        workers: Processes; None takes one per CPU.
        again: Look even where somebody has looked before: files may have been mended.

    Returns:
        Row-aligned with the manifest: ``slice_id``; ``problem`` (why the slice cannot be used, empty where it can);
        ``low``, ``high`` (darkest and brightest value), ``at_low``, ``at_high`` (the share of pixels that have them);
        and :data:`HASHES`. Zero throughout where the slice cannot be read.
    """
    found = None if again else cached_pixel_facts(dataset)
    if found is not None:
        return found
    known = dataset.manifest["sha256"].fillna("")
    tasks = list(zip(_ids(dataset).tolist(), known.tolist(), strict=True))
    chunks = [tasks[start : start + _CHUNK] for start in range(0, len(tasks), _CHUNK)]
    jobs = 1 if len(tasks) <= _FEW else min(workers or cpu_count(), len(chunks))
    rows: list[dict[str, Any]] = []
    for part in Parallel(n_jobs=jobs, return_as="generator")(delayed(_look)(dataset, chunk) for chunk in chunks):
        rows += part
        if progress:
            progress(len(rows), len(tasks))
    table = pd.DataFrame(rows).astype(dict.fromkeys(HASHES, "uint64") | {"slice_id": "string", "problem": "string"})
    processes.write_parquet(path_of(dataset), table)
    return table


def hashes(facts: pd.DataFrame) -> Hash:
    """The perceptual hashes ``[N, 4]`` of :func:`load_pixel_facts`'s rows."""
    return np.ascontiguousarray(facts[list(HASHES)].to_numpy(dtype=np.uint64))


def perceptual_hash(pixels: npt.NDArray[np.generic]) -> Hash:
    """256 bits ``[4]`` that change little when a slice is scaled, windowed or compressed.

    Args:
        pixels: ``[H, W]`` of any real dtype.
    """
    from scipy.fft import dctn

    grey = Image.fromarray(pixels.astype(np.float32))
    small = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX))
    lowest = np.asarray(dctn(small))[:_LOW, :_LOW].ravel()
    bits: Hash = np.packbits(lowest > np.median(lowest)).view(">u8").astype(np.uint64)
    return bits


def _ids(dataset: Dataset) -> npt.NDArray[np.object_]:
    return dataset.manifest["slice_id"].astype(str).to_numpy(dtype=object)


def _look(dataset: Dataset, tasks: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"slice_id": slice_id} | _facts(dataset, slice_id, digest) for slice_id, digest in tasks]


def _facts(dataset: Dataset, slice_id: str, digest: str) -> dict[str, Any]:
    unknown = {"low": 0.0, "high": 0.0, "at_low": 0.0, "at_high": 0.0} | dict.fromkeys(HASHES, 0)
    try:
        pixels = dataset.pixels(slice_id)
    except DatasetDamaged as error:
        why = error.__cause__
        missing = isinstance(why, FileNotFoundError)
        said = "its file is missing" if missing else f"its file cannot be read ({type(why).__name__})"
        return {"problem": said} | unknown
    low, high = float(pixels.min()), float(pixels.max())
    now = hashlib.sha256(f"{pixels.dtype}{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    return {
        "problem": "its pixels are not the imported ones" if digest and now != digest else "",
        "low": low, "high": high, "at_low": float(np.mean(pixels == low)), "at_high": float(np.mean(pixels == high)),
        **dict(zip(HASHES, perceptual_hash(pixels).tolist(), strict=True)),
    }  # fmt: skip
