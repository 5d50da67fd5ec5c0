"""What the model thought after each epoch: of the validation slices, of slices somebody pinned, and where it looked.

One compressed file an epoch, ``epochs/NNNN.npz`` in the run folder, written beside and renamed. No torch: pages
read it.
"""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from tumortrace import processes
from tumortrace.runs.run import Run

MAX_PINS: Final = 24
_FILE = re.compile(r"\d{4,}\.npz")


def _no_maps() -> npt.NDArray[np.uint8]:
    return np.empty((0, 0, 0), np.uint8)


@dataclass(frozen=True)
class Snapshot:
    """What a model predicts after one epoch, for validation slices and pinned ones."""

    epoch: int  # from 1
    slice_ids: list[str]  # [n]
    parts: list[str]  # [n]: train, validation or test
    probabilities: npt.NDArray[np.float32]  # [n, 3]
    watched: list[str] = field(default_factory=list)  # [k]: slices with a saliency map
    saliency: npt.NDArray[np.uint8] = field(default_factory=_no_maps)  # [k, s, s], 0..255, for the predicted class

    def map_of(self, slice_id: str) -> npt.NDArray[np.uint8] | None:
        """The saliency map ``[s, s]`` of a slice; None where none was kept."""
        return self.saliency[self.watched.index(slice_id)] if slice_id in self.watched else None


def write_snapshot(run: Run, snapshot: Snapshot) -> None:
    """Keep a snapshot; one of the same epoch is replaced."""
    arrays = {
        "slice_ids": np.array(snapshot.slice_ids, dtype=np.str_),
        "parts": np.array(snapshot.parts, dtype=np.str_),
        "probabilities": snapshot.probabilities,
        "watched": np.array(snapshot.watched, dtype=np.str_),
        "saliency": snapshot.saliency,
    }
    processes.write_npz(run.folder / "epochs" / f"{snapshot.epoch:04d}.npz", arrays)


def snapshot_epochs(run: Run) -> list[int]:
    """The epochs that have a snapshot, ascending."""
    folder = run.folder / "epochs"
    if not folder.is_dir():
        return []
    return sorted(int(entry.stem) for entry in folder.iterdir() if _FILE.fullmatch(entry.name))


def read_snapshot(run: Run, epoch: int) -> Snapshot | None:
    """The snapshot of an epoch; None where there is none that can be read."""
    try:
        with np.load(run.folder / "epochs" / f"{epoch:04d}.npz", allow_pickle=False) as held:
            return Snapshot(
                epoch,
                held["slice_ids"].tolist(),
                held["parts"].tolist(),
                held["probabilities"],
                held["watched"].tolist(),
                held["saliency"],
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def pins(run: Run) -> list[str]:
    """The slices somebody wants followed, in the order they were pinned."""
    try:
        found = json.loads((run.folder / "pins.json").read_text())
    except (OSError, ValueError):
        return []
    return [str(slice_id) for slice_id in found][:MAX_PINS]


def pin(run: Run, slice_id: str) -> None:
    """Follow a slice from the next epoch on; a validation slice has been followed from the first."""
    now = pins(run)
    if slice_id not in now:
        processes.write_json(run.folder / "pins.json", [*now, slice_id][-MAX_PINS:])


def unpin(run: Run, slice_id: str) -> None:
    """Follow it no longer; what was kept stays."""
    processes.write_json(run.folder / "pins.json", [held for held in pins(run) if held != slice_id])
