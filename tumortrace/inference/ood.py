"""May this picture be judged? A gate before any probability, fitted on the training slices alone. No torch.

What is measured of a prepared slice (intensities, texture, edges: :mod:`tumortrace.imaging.features`) is projected
on the 64 directions in which the training slices differ most (principal components); what is left over, its distance
from that plane, says how unlike them it is. It takes no network: a slice that the networks were trained on lies no
nearer for that. Two limits: beyond the first lie 2.5 % of held-out slices, beyond the second 0.1 %. A slice must also
show a tumour to TraceNet: the peak of its outline is below the third limit for another 2.5 %.

::

    artifacts/gate/
        gate.json    limits, what they rest on, and how the gate did on what it had not seen
        gate.npz     mean, scale, centre, directions
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tumortrace import paths, processes
from tumortrace.config import PreprocessSettings
from tumortrace.errors import DataError
from tumortrace.imaging.features import features
from tumortrace.inference.prediction import GateDecision

SETTINGS: Final = PreprocessSettings(size=128, crop=True)
"""How a slice is prepared for the gate, whatever the networks see."""
COLOUR_LIMIT: Final = 0.05
"""Mean chroma above which a picture counts as one in colour; a slice has none."""
FLOOR: Final = 10
"""Of 255: what is darker counts as background, so that its noise says nothing."""
HEAD_BODY_PARTS: Final = ("HEAD", "BRAIN", "SKULL", "NEURO", "PITUITARY", "SELLA", "CRANI", "IAC", "ORBIT")
"""Words in DICOM's BodyPartExamined that fit."""
CLIP: Final = 20.0

Floats = npt.NDArray[np.float64]
Slice = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FileMetadata:
    """What a file says of itself; None where it says nothing."""

    colour: float = 0.0
    modality: str | None = None
    body_part: str | None = None
    contrast: bool | None = None


@dataclass(frozen=True)
class OODDetector:
    """The fitted out-of-distribution detector."""

    mean: Floats  # [F] of the measured features
    scale: Floats  # [F]
    centre: Floats  # [F] of the scaled features
    directions: Floats  # [64, F]
    near: float
    """The distance that 2.5 % of held-out slices exceed."""
    far: float
    """The distance that 0.1 % of held-out slices exceed."""
    peak: float
    """The peak of TraceNet's outline that 2.5 % of held-out slices fall short of."""
    card: Mapping[str, Any] = field(default_factory=dict)

    def distance(self, image: Slice) -> float:
        """How unlike the training slices a prepared slice ``[128, 128]`` is; 0 or more."""
        return float(
            feature_distances(image_features(image)[None], self.mean, self.scale, self.centre, self.directions)[0]
        )

    def decide(self, image: Slice, claims: FileMetadata, peak: float | None) -> GateDecision:
        """Decide whether one slice is in distribution.

        Args:
            image: ``[128, 128]``, prepared with :data:`SETTINGS`.
            claims: What its file says of it.
            peak: The highest probability of tumour in TraceNet's outline; None where TraceNet was not asked.
        """
        distance = self.distance(image)
        measures = {"colour": claims.colour / COLOUR_LIMIT, "distance": distance / self.near}
        if peak is not None:
            measures["no region"] = self.peak / max(peak, 1e-6)
        told = _claimed(claims)
        if told:
            return GateDecision(*told, measures)
        if distance > self.far:
            return GateDecision("not_mr", _FAR.format(n=self._n), measures)
        if distance > self.near:
            return GateDecision("unlike", _UNLIKE, measures)
        if peak is not None and peak < self.peak:
            return GateDecision("unlike", _NO_REGION, measures)
        return GateDecision("in_range", _OPEN if peak is not None else _OPEN_ALONE, measures)

    @property
    def _n(self) -> str:
        return f"{int(self.card.get('slices', 0)):,}"


_FAR: Final = (
    "This does not look like an MR slice of a head: its brightness, texture and edges are farther from the training "
    "slices than 999 in 1,000 real slices that were left out of the fit ({n} in all)."
)
_UNLIKE: Final = (
    "This looks unlike the slices the models were trained on (T1-weighted, contrast-enhanced, whole heads with a "
    "tumour): another sequence, scanner, cut-out, orientation or part of the body may be the reason."
)
_NO_REGION: Final = (
    "TraceNet finds no tumour region here. The models know no healthy brain and would name a tumour all the same."
)
_OPEN: Final = "It resembles the training slices, and TraceNet finds a tumour region. A healthy slice can still pass."
_OPEN_ALONE: Final = "It resembles the training slices. Whether there is a tumour at all was not checked."


def load_detector() -> OODDetector | None:
    """The gate that ships; None where none does.

    Raises:
        DataError: Its files are damaged.
    """
    folder = paths.artifacts() / "gate"
    if not (folder / "gate.json").is_file():
        return None
    try:
        card = json.loads((folder / "gate.json").read_text())
        with np.load(folder / "gate.npz", allow_pickle=False) as stored:
            arrays = [stored[name].astype(np.float64) for name in ("mean", "scale", "centre", "directions")]
        limits = [float(card["limits"][name]) for name in ("near", "far", "peak")]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            "the gate's files are damaged", value=str(folder), remedy="Restore artifacts/ from the repository."
        ) from error
    mean, scale, centre, directions = arrays
    return OODDetector(mean, scale, centre, directions, limits[0], limits[1], limits[2], card)


def save_detector(gate: OODDetector, folder: Path | None = None) -> Path:
    """Write the gate into ``artifacts/gate/`` (or ``folder``); returns the folder."""
    folder = folder or paths.artifacts() / "gate"
    arrays = {"mean": gate.mean, "scale": gate.scale, "centre": gate.centre, "directions": gate.directions}
    processes.write_npz(folder / "gate.npz", {name: one.astype(np.float32) for name, one in arrays.items()})
    limits = {"near": gate.near, "far": gate.far, "peak": gate.peak}
    processes.write_json(folder / "gate.json", {**gate.card, "limits": limits})
    return folder


def image_features(image: Slice) -> npt.NDArray[np.float32]:
    """What is measured of a prepared slice ``[128, 128]``: ``[F]``."""
    return features(np.where(image < FLOOR, 0, image).astype(np.uint8))


def feature_distances(
    measured: npt.NDArray[Any], mean: Floats, scale: Floats, centre: Floats, directions: Floats
) -> Floats:
    """Distance of each row of ``[N, F]`` from the plane of the training slices."""
    scaled = np.clip((measured.astype(np.float64) - mean) / scale, -CLIP, CLIP) - centre
    left: Floats = np.linalg.norm(scaled - (scaled @ directions.T) @ directions, axis=1)
    return left


def _claimed(claims: FileMetadata) -> tuple[Any, str] | None:
    if claims.colour > COLOUR_LIMIT:
        return "not_mr", "The picture is in colour; an MR slice is grey. A photograph, a chart or an overlay perhaps."
    if claims.modality and claims.modality.upper() != "MR":
        return "not_mr", f"The file says that it is of another modality ({claims.modality[:16]}), not MR."
    part = (claims.body_part or "").upper()
    if part and not any(word in part for word in HEAD_BODY_PARTS):
        return "unlike", f"The file says that it shows another part of the body ({part[:32].lower()})."
    if claims.contrast is False:
        return "unlike", "The file says that no contrast agent was given; every training slice was taken with one."
    return None
