"""From any source to an imported dataset: several processes, bounded memory, all or nothing.

Slices are read, checked and written as lossless PNG into a hidden folder beside the final place; the last act is a
rename (see :mod:`tumortrace.data.ingest.staging`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from tumortrace import processes
from tumortrace.constants import ATTRIBUTION, CLASSES, FIGSHARE, PHANTOM
from tumortrace.data import cache, series
from tumortrace.data import manifest as manifests
from tumortrace.data.datasets import SCHEMA
from tumortrace.data.identity import published_slices
from tumortrace.data.ingest import staging
from tumortrace.data.ingest.readers import ReadProblem, ReadTask, listing
from tumortrace.data.ingest.writing import write_chunk
from tumortrace.errors import ImportFailed

Progress = Callable[[int, int], None]
AGREEMENT: Final = 0.9
"""An outline that covers its mask less than this (intersection over union) is listed."""
UNKNOWN: Final = "unknown; see the origin"
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
    conflicts: list[dict[str, str]] = field(default_factory=list)
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
        source: See :data:`tumortrace.data.ingest.readers.LAYOUTS`.
        name: What to call the dataset; None takes ``figshare`` for the published slices, the source's name for others.
        workers: Processes; None takes one for each CPU that this process may use.
        progress: Called with (done, total).
        replace: Swap an imported dataset of that name for this one.

    Raises:
        ImportFailed: Nothing there, nothing recognised, nothing readable, or the name is taken.
    """
    if name is not None:
        staging.target_for(name, replace)
    with staging.hidden_folder("unpacked") as scratch:
        found = listing(source, scratch)
        return write_dataset(
            name or found.name,
            found.tasks,
            kind="real",
            origin=str(source.resolve()),
            attribution=UNKNOWN,
            otherwise=None if name is not None else _name_of(source),
            problems=found.problems,
            workers=workers,
            progress=progress,
            replace=replace,
        )


def write_dataset(
    name: str,
    tasks: Sequence[ReadTask],
    *,
    kind: Literal["real", "synthetic"],
    origin: str,
    attribution: str,
    problems: Iterable[ReadProblem] = (),
    workers: int | None = None,
    progress: Progress | None = None,
    replace: bool = False,
    otherwise: str | None = None,
) -> ImportReport:
    """Run every task and write what it returns as a dataset; the one writer behind imports and phantoms.

    Args:
        name: Folder name under ``TUMORTRACE_HOME/data``.
        tasks: Picklable; each returns a slice or raises ``UnreadableSlice``.
        kind: Whether the slices are real.
        origin: Where they came from.
        attribution: Whom to thank; the published slices, known by ids, labels and patients, thank their author.
        problems: What the reader could not even list.
        workers: Processes; None takes one per CPU.
        progress: Called with (done, total).
        replace: Swap an existing dataset.
        otherwise: The name to take where ``name`` is the published dataset's and the slices are others.

    Raises:
        ImportFailed: The name is taken or not a name, no slice was readable, or the disk does not take them.
    """
    target = staging.target_for(name, replace)
    began = time.perf_counter()
    try:
        with staging.hidden_folder(name) as folder:
            written = _write_slices(tasks, folder, workers or cpu_count(), progress)
            report, table = _summarise(name, target, origin, written, problems, folder)
            published = kind == "real" and published_slices(table) > 0
            if name == FIGSHARE and not published:
                name, target = _other_name(otherwise, replace)
                report.name, report.path = name, str(target)
            report.seconds = round(time.perf_counter() - began, 2)
            card = {
                "name": name,
                "kind": kind,
                "schema": SCHEMA,
                "origin": origin,
                "attribution": ATTRIBUTION if published else attribution,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "fingerprint": _fingerprint(table),
                "report": report.to_json(),
            }
            processes.write_json(folder / "dataset.json", card)
            staging.put_in_place(folder, target, replace)
        cache.prune_caches()
    except OSError as error:
        raise ImportFailed(
            f"the dataset could not be written ({error})",
            value=str(target),
            remedy="Make room there (the full dataset needs 1 GB), or set TUMORTRACE_HOME to another place.",
        ) from error
    return report


def _name_of(source: Path) -> str:
    """What to call somebody's own slices: as their folder or file is called, in letters a name may have."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", source.resolve().stem).strip("-._")
    return stem if stem and stem.lower() not in (FIGSHARE, PHANTOM) else "own-slices"


def _other_name(otherwise: str | None, replace: bool) -> tuple[str, Path]:
    """Name and place of slices that came in the published dataset's layout and are others."""
    if otherwise is None:
        raise ImportFailed(
            "these are not the published slices (their ids, labels or patients differ), so they cannot have their name",
            value=FIGSHARE,
            remedy="Give another --name.",
        )
    return otherwise, staging.target_for(otherwise, replace)


def _summarise(
    name: str, target: Path, origin: str, written: list[dict[str, Any]], problems: Iterable[ReadProblem], folder: Path
) -> tuple[ImportReport, pd.DataFrame]:
    unreadable = [dataclasses.asdict(problem) for problem in problems]
    unreadable += [item for item in written if "reason" in item]
    rows, conflicts = _without_conflicts([item for item in written if "reason" not in item], folder)
    rows, duplicates = _without_duplicates(rows, folder)
    if not rows:
        left = {item["reason"] for item in unreadable + conflicts}
        reasons = "; ".join(sorted(left)[:3]) or "the source is empty"
        raise ImportFailed("no slice could be read", value=origin, remedy=f"Reasons: {reasons}.")
    table = _manifest(rows)
    table.to_parquet(folder / "manifest.parquet", index=False)
    report = ImportReport(
        name=name,
        path=str(target),
        unreadable=unreadable,
        duplicates=duplicates,
        conflicts=conflicts,
        outline_disagreements=_disagreements(table),
        **manifests.summary(table),
    )
    return report, table


def _write_slices(
    tasks: Sequence[ReadTask], folder: Path, workers: int, progress: Progress | None
) -> list[dict[str, Any]]:
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    chunks = list(_chunks(tasks))
    jobs = max(1, min(workers, len(chunks)))
    # Chunks wait in a short queue, never all at once: memory stays at a few slices a process.
    pool = Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
    written: list[dict[str, Any]] = []
    # Closed by hand: after an error or Ctrl-C no process may go on writing into a folder that is being removed.
    with contextlib.closing(pool(delayed(write_chunk)(chunk, folder) for chunk in chunks)) as parts:
        for part in parts:
            written += part
            if progress:
                progress(len(written), len(tasks))
    return written


def _chunks(tasks: Iterable[ReadTask]) -> Iterator[list[ReadTask]]:
    iterator = iter(tasks)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _without_conflicts(rows: list[dict[str, Any]], folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Leave out every copy of a picture that stands under several labels: nobody knows which of them is right."""
    labels: dict[str, set[int]] = {}
    for row in rows:
        labels.setdefault(row["sha256"], set()).add(row["label"])
    conflicts = []
    for row in rows:
        if len(labels[row["sha256"]]) > 1:
            named = " and ".join(CLASSES[label] for label in sorted(labels[row["sha256"]]))
            reason = f"conflicting labels: the same pixels stand under {named}"
            conflicts.append({"source": row["source"], "label": CLASSES[row["label"]], "reason": reason})
            for part in ("images", "masks"):
                (folder / part / f"{row['key']}.png").unlink(missing_ok=True)
    return [row for row in rows if len(labels[row["sha256"]]) == 1], conflicts


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
