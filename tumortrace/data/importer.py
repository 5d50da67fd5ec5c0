"""From any source to an imported dataset: several processes, bounded memory, all or nothing.

Slices are read, checked and written as lossless PNG into a hidden folder beside the final place; the last act is a
rename. An import that is interrupted, even killed, leaves at most that hidden folder, and the next import removes it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import psutil
from joblib import Parallel, delayed
from PIL import Image

from tumortrace import paths
from tumortrace.data import manifest as manifests
from tumortrace.data import outlines, series
from tumortrace.data.catalog import ATTRIBUTION, FIGSHARE
from tumortrace.data.readers import Problem, RawSlice, Task, listing
from tumortrace.data.store import SCHEMA
from tumortrace.errors import ImportFailed, UnreadableSlice

Progress = Callable[[int, int], None]
AGREEMENT: Final = 0.9
"""An outline that covers its mask less than this (intersection over union) is listed."""
_CHUNK: Final = 16


@dataclass
class ImportReport:
    """What an import found; :meth:`to_json` is what ``--json`` prints and ``dataset.json`` keeps."""

    name: str
    path: str
    slices: int
    patients: int | None
    persons: int | None
    classes: dict[str, int]
    folds: dict[str, int]
    unreadable: list[dict[str, str]] = field(default_factory=list)
    duplicates: list[dict[str, str]] = field(default_factory=list)
    outline_disagreements: list[dict[str, str | float]] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain containers, ready for ``json.dumps``."""
        return dataclasses.asdict(self)


def import_dataset(
    source: Path,
    name: str | None = None,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    replace: bool = False,
) -> ImportReport:
    """Import slices from a folder, a zip or a set of zips.

    Args:
        source: See :data:`tumortrace.data.readers.LAYOUTS`.
        name: What to call the dataset; None takes the format's own name.
        workers: Processes; None takes one per CPU.
        progress: Called with (done, total).
        replace: Swap an imported dataset of that name for this one.

    Raises:
        ImportFailed: Nothing there, nothing recognised, nothing readable, or the name is taken.
    """
    found = listing(source)
    return write_dataset(
        name or found.name,
        found.tasks,
        kind="real",
        origin=str(source.resolve()),
        attribution=ATTRIBUTION if found.name == FIGSHARE else "unknown; see the origin",
        problems=found.problems,
        workers=workers,
        progress=progress,
        replace=replace,
    )


def write_dataset(
    name: str,
    tasks: Sequence[Task],
    *,
    kind: Literal["real", "synthetic"],
    origin: str,
    attribution: str,
    problems: Iterable[Problem] = (),
    workers: int | None = None,
    progress: Progress | None = None,
    replace: bool = False,
) -> ImportReport:
    """Run every task and write what it returns as a dataset; the one writer behind imports and phantoms.

    Args:
        name: Folder name under ``TUMORTRACE_HOME/data``.
        tasks: Picklable; each returns a slice or raises ``UnreadableSlice``.
        kind: Whether the slices are real.
        origin: Where they came from.
        attribution: Whom to thank.
        problems: What the reader could not even list.
        workers: Processes; None takes one per CPU.
        progress: Called with (done, total).
        replace: Swap an existing dataset.

    Raises:
        ImportFailed: The name is taken or not a name, or no slice was readable.
    """
    began = time.perf_counter()
    target = _target(name, replace)
    with _beside(target) as folder:
        written = _write_slices(tasks, folder, workers or os.cpu_count() or 1, progress)
        unreadable = [dataclasses.asdict(problem) for problem in problems]
        unreadable += [item for item in written if "reason" in item]
        rows, duplicates = _without_duplicates([item for item in written if "reason" not in item], folder)
        if not rows:
            reasons = "; ".join(sorted({item["reason"] for item in unreadable})[:3]) or "the source is empty"
            raise ImportFailed("no slice could be read", value=origin, remedy=f"Reasons: {reasons}.")
        table = _manifest(rows)
        table.to_parquet(folder / "manifest.parquet", index=False)
        report = ImportReport(
            name=name,
            path=str(target),
            unreadable=unreadable,
            duplicates=duplicates,
            outline_disagreements=_disagreements(table),
            seconds=round(time.perf_counter() - began, 2),
            **manifests.summary(table),
        )
        card = {
            "name": name,
            "kind": kind,
            "schema": SCHEMA,
            "origin": origin,
            "attribution": attribution,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "fingerprint": _fingerprint(table),
            "report": report.to_json(),
        }
        paths.write_json(folder / "dataset.json", card)
        _swap_in(folder, target)
    return report


# --- writing ---------------------------------------------------------------------------------------------------------


def _write_slices(tasks: Sequence[Task], folder: Path, workers: int, progress: Progress | None) -> list[dict[str, Any]]:
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    chunks = list(_chunks(tasks))
    jobs = max(1, min(workers, len(chunks)))
    # Chunks wait in a short queue, never all at once: memory stays at a few slices a process.
    pool = Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
    written: list[dict[str, Any]] = []
    for part in pool(delayed(_write_chunk)(chunk, folder) for chunk in chunks):
        written += part
        if progress:
            progress(len(written), len(tasks))
    return written


def _chunks(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    iterator = iter(tasks)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _write_chunk(tasks: list[Task], folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for task in tasks:
        try:
            rows.append(_write_slice(task(), folder))
        except UnreadableSlice as error:
            rows.append({"source": str(error.value), "reason": error.what})
    return rows


def _write_slice(raw: RawSlice, folder: Path) -> dict[str, Any]:
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
        filled = outlines.fill(raw.outline, size) if raw.outline else None
    except ValueError as error:
        raise UnreadableSlice(f"the outline is broken ({error})", value=raw.source, remedy="Mend it.") from error
    mask = filled if raw.mask is None else raw.mask
    found: dict[str, Any] = {}
    if filled is not None and raw.mask is not None:
        found["outline_iou"] = outlines.agreement(filled, raw.mask)
    if mask is None or (edge := outlines.box(mask)) is None:
        return found
    _save_png((mask * 255).astype(np.uint8), path)
    found |= dict(zip(("box_x0", "box_y0", "box_x1", "box_y1"), edge, strict=True))
    return found | {"area_px": int(np.count_nonzero(mask))}


def storable(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """What a PNG can hold without loss: uint8 as it is, integers as uint16 (negative ones, absent from the published
    set, are shifted so that the lowest becomes 0)."""
    if pixels.dtype == np.uint8:
        return pixels.view(np.uint8)
    wide = pixels.astype(np.int64)
    if wide.size and wide.min() < 0:
        wide -= wide.min()
    return np.clip(wide, 0, 65535).astype(np.uint16)


def _save_png(pixels: npt.NDArray[np.generic], path: Path) -> None:
    buffer = io.BytesIO()
    # Level 1 is a third slower to read than none and several times smaller; higher levels cost more than they save.
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    path.write_bytes(buffer.getvalue())


def _thumbnail(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    small = Image.fromarray(pixels.astype(np.float32)).resize((series.SIDE, series.SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)


# --- the manifest ----------------------------------------------------------------------------------------------------


def _without_duplicates(rows: list[dict[str, Any]], folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    kept: list[dict[str, Any]] = []
    duplicates: list[dict[str, str]] = []
    by_pixels: dict[str, str] = {}
    by_id: dict[str, str] = {}
    for row in rows:
        first = by_pixels.get(row["sha256"]) or by_id.get(row["slice_id"])
        images, masks = folder / "images", folder / "masks"
        if first is None:
            kept.append(row)
            by_pixels[row["sha256"]] = by_id[row["slice_id"]] = row["source"]
            (images / f"{row['key']}.png").replace(images / f"{row['slice_id']}.png")
            if (masks / f"{row['key']}.png").exists():
                (masks / f"{row['key']}.png").replace(masks / f"{row['slice_id']}.png")
            continue
        why = "the same pixels" if row["sha256"] in by_pixels else f"the same id {row['slice_id']}"
        duplicates.append({"source": row["source"], "of": first, "reason": why})
        for part in (images, masks):
            (part / f"{row['key']}.png").unlink(missing_ok=True)
    return kept, duplicates


def _manifest(rows: list[dict[str, Any]]) -> pd.DataFrame:
    thumbnails = {row["slice_id"]: row.pop("thumbnail") for row in rows}
    table = manifests.conform(pd.DataFrame(rows))
    stacked = np.stack([thumbnails[slice_id] for slice_id in table["slice_id"]])
    return manifests.conform(series.assign_series(table, stacked))


def _disagreements(table: pd.DataFrame) -> list[dict[str, str | float]]:
    low = table[table["outline_iou"].notna() & (table["outline_iou"] < AGREEMENT)]
    pairs = zip(low["slice_id"].astype(str), low["outline_iou"].astype(float), strict=True)
    return [{"slice_id": slice_id, "iou": round(iou, 3)} for slice_id, iou in pairs]


def _fingerprint(table: pd.DataFrame) -> str:
    lines = (f"{row.slice_id},{row.label},{row.sha256}\n" for row in table.itertuples())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


# --- all or nothing --------------------------------------------------------------------------------------------------


def _target(name: str, replace: bool) -> Path:
    if not name or name.startswith(".") or Path(name).name != name:
        raise ImportFailed("this cannot be the name of a dataset", value=name, remedy="Use letters and digits.")
    target = paths.data() / name
    if target.exists() and not replace:
        raise ImportFailed(
            "a dataset of that name is imported already", value=name, remedy="Give another --name, or --replace it."
        )
    return target


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A hidden folder that is gone afterwards; folders of imports that died are removed first."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(".importing-*"):
        pid = stale.name.rsplit("-", 1)[-1]
        if not (pid.isdigit() and psutil.pid_exists(int(pid))):
            shutil.rmtree(stale, ignore_errors=True)
    folder = target.parent / f".importing-{target.name}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _swap_in(folder: Path, target: Path) -> None:
    if target.exists():
        old = folder.with_name(folder.name.replace("importing", "importing-old", 1))
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        folder.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        folder.rename(target)
