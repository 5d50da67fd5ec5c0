"""From a slice as it was read to two PNG files and a manifest row: checked, measured, lossless."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from tumortrace.data import polygons, series
from tumortrace.data.ingest.readers import RawSlice, ReadTask
from tumortrace.errors import UnreadableSlice

_SLICE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def write_chunk(tasks: Sequence[ReadTask], folder: Path) -> list[dict[str, Any]]:
    """Read and write a few slices; runs in a process of its own.

    Args:
        tasks: Each returns a slice or raises ``UnreadableSlice``.
        folder: Has ``images/`` and ``masks/``; a slice is written there as ``<key>.png``.

    Returns:
        A row a task, in order: the manifest's columns as far as known, ``key`` and ``thumbnail``; or ``source`` and
        ``reason`` where the slice could not be read.
    """
    rows: list[dict[str, Any]] = []
    for task in tasks:
        try:
            rows.append(_write_slice(task(), folder))
        except UnreadableSlice as error:
            rows.append({"source": str(error.value), "reason": error.what})
    return rows


def _write_slice(raw: RawSlice, folder: Path) -> dict[str, Any]:
    if not _SLICE_ID.fullmatch(raw.slice_id):
        raise UnreadableSlice(
            f"{raw.slice_id!r} cannot be a slice id, which is a file name here",
            value=raw.source,
            remedy="Use letters, digits and dashes.",
        )
    pixels = storable(raw.pixels)
    if pixels.ndim != 2 or min(pixels.shape) < 16 or max(pixels.shape) > 4096:
        raise UnreadableSlice(
            f"a slice of shape {pixels.shape} is not 16 to 4096 pixels each way",
            value=raw.source,
            remedy="Give grey slices.",
        )
    digest = hashlib.sha256(f"{pixels.dtype}{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    # Named by content until duplicates are known: two slices of one id must not overwrite each other.
    key = f"{raw.slice_id}-{digest[:12]}"
    _save_png(pixels, folder / "images" / f"{key}.png")
    row: dict[str, Any] = {
        "key": key,
        "slice_id": raw.slice_id,
        "label": raw.label,
        "patient_id": raw.patient_id,
        "person_id": raw.person_id,
        "official_fold": raw.official_fold,
        "source": raw.source,
        "sha256": digest,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "outline": raw.outline,
        "thumbnail": _thumbnail(pixels),
    }
    return row | _tumour(raw, pixels.shape, folder / "masks" / f"{key}.png")


def _tumour(raw: RawSlice, shape: tuple[int, ...], path: Path) -> dict[str, Any]:
    size = (shape[0], shape[1])
    if raw.mask is not None and raw.mask.shape != size:
        raise UnreadableSlice(
            f"the mask is {raw.mask.shape}, the slice {size}", value=raw.source, remedy="Fetch the file again."
        )
    try:
        filled = polygons.fill(raw.outline, size) if raw.outline else None
    except ValueError as error:
        raise UnreadableSlice(f"the outline is broken ({error})", value=raw.source, remedy="Mend it.") from error
    mask = filled if raw.mask is None else raw.mask
    found: dict[str, Any] = {}
    if filled is not None and raw.mask is not None:
        found["outline_iou"] = polygons.agreement(filled, raw.mask)
    if mask is None or (edge := polygons.box(mask)) is None:
        return found
    _save_png((mask * 255).astype(np.uint8), path)
    found |= dict(zip(("box_x0", "box_y0", "box_x1", "box_y1"), edge, strict=True))
    return found | {"area_px": int(np.count_nonzero(mask))}


def storable(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """What a PNG can hold without loss: uint8 as it is, wider integers as uint16.

    A slice with negative values (there is none in the published set) is shifted as a whole, so that its lowest value
    becomes 0; fractions are rounded; what lies above 65,535 is clipped.
    """
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, dtype=np.uint8)
    rounded: npt.NDArray[Any] = np.rint(np.nan_to_num(pixels)) if pixels.dtype.kind == "f" else pixels
    wide = rounded.astype(np.int64)
    if wide.size and wide.min() < 0:
        wide = wide - wide.min()
    return np.clip(wide, 0, 65535).astype(np.uint16)


def _save_png(pixels: npt.NDArray[np.generic], path: Path) -> None:
    buffer = io.BytesIO()
    # Higher levels take much longer and save little.
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    path.write_bytes(buffer.getvalue())


def _thumbnail(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    small = Image.fromarray(pixels.astype(np.float32)).resize((series.SIDE, series.SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)
