"""What one measured of a slice before networks: intensities, texture, edges. For the classical baseline and gate."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import skimage.feature
from joblib import Parallel, delayed

_skimage: Any = skimage.feature  # it has no types

Slice = npt.NDArray[np.uint8]

_LEVELS: Final = 32
_DISTANCES: Final = (1, 2, 4)
_ANGLES: Final = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
_TEXTURE: Final = ("contrast", "dissimilarity", "homogeneity", "energy", "correlation")
_PATTERNS: Final = ((8, 1.0), (16, 2.0))  # neighbours, radius in pixels
_GRID: Final = 8


def features(image: Slice) -> npt.NDArray[np.float32]:
    """Describe one prepared slice.

    Args:
        image: ``[S, S]`` uint8, S divisible by 8.

    Returns:
        Intensity percentiles and histogram of what is not background; grey-level co-occurrence (Haralick et al., 1973);
        local binary patterns (Ojala et al., 2002); oriented gradients (Dalal and Triggs, 2005); and mean intensities of
        an 8x8 grid, which say where what is.
    """
    head = image[image > 0]
    if not head.size:
        head = np.zeros(1, np.uint8)
    parts: list[npt.NDArray[np.float64]] = [
        np.percentile(head, (1, 5, 25, 50, 75, 95, 99)) / 255,
        np.array([head.mean() / 255, head.std() / 255, head.size / image.size]),
        np.histogram(head, bins=16, range=(0, 256))[0] / head.size,
        _texture(image),
    ]
    for neighbours, radius in _PATTERNS:
        pattern = _skimage.local_binary_pattern(image, neighbours, radius, method="uniform")
        parts.append(np.histogram(pattern, bins=neighbours + 2, range=(0, neighbours + 2))[0] / image.size)
    side = image.shape[0] // _GRID
    cells = (image.shape[0] // 4, image.shape[0] // 4)
    parts.append(_skimage.hog(image, orientations=8, pixels_per_cell=cells, cells_per_block=(1, 1)))
    parts.append(image.reshape(_GRID, side, _GRID, side).mean((1, 3)).ravel() / 255)
    return np.concatenate(parts).astype(np.float32)


def all_features(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """:func:`features` of ``[N, S, S]``, a process a core: ``[N, F]``."""
    # Small batches of views: a worker maps the cache's file instead of being sent it.
    rows = Parallel(n_jobs=-1, batch_size=64)(delayed(features)(image) for image in images)
    return np.stack(rows)


def _texture(image: Slice) -> npt.NDArray[np.float64]:
    grey = (image // (256 // _LEVELS)).astype(np.uint8)
    matrix = _skimage.graycomatrix(grey, _DISTANCES, _ANGLES, levels=_LEVELS, symmetric=True, normed=True)
    # Over angles, mean and range: a turned head is the same head.
    kinds = [_skimage.graycoprops(matrix, kind) for kind in _TEXTURE]
    return np.concatenate([np.concatenate((kind.mean(1), np.ptp(kind, axis=1))) for kind in kinds])
