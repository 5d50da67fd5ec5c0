"""Synthetic slices: heads that never were, for a first look without the dataset and for tests.

Every slice is drawn from formulas and seeded noise, so the same seed gives the same bytes. They share the real
dataset's shape (three planes mixed, three tumour-like appearances, outlines, follow-up exams that cross folds), and say
nothing about real tumours: wherever they show, this must be said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from tumortrace.constants import CLASSES, FOLDS, PHANTOM
from tumortrace.data import polygons
from tumortrace.data.ingest.importer import ImportReport, write_dataset
from tumortrace.data.ingest.readers import RawSlice, ReadTask
from tumortrace.errors import ImportFailed

Array = npt.NDArray[np.float32] | npt.NDArray[np.float64]
PLANES: Final = ("axial", "coronal", "sagittal")
SLICES_A_PLANE: Final = 3
_LEAST_PERSONS: Final = 15


def make_phantom(
    name: str = PHANTOM,
    *,
    persons: int = 24,
    seed: int = 0,
    size: int = 256,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Draw a synthetic dataset: nine slices an exam (three planes of three), follow-ups for every other glioma.

    Args:
        name: What to call it.
        persons: How many heads; at least 15, so that each of the five folds holds each class.
        seed: Of everything random.
        size: Side of a slice in pixels.
        replace: Swap an existing one.
        progress: Called with (done, total).

    Raises:
        ImportFailed: Too few persons, or the name is taken.
    """
    if persons < _LEAST_PERSONS:
        raise ImportFailed("too few persons for five folds", value=persons, remedy=f"Take {_LEAST_PERSONS} or more.")
    tasks: list[ReadTask] = [*_plan(persons, seed, size)]
    return write_dataset(
        name,
        tasks,
        kind="synthetic",
        origin=f"drawn: {persons} persons, seed {seed}, {size} px",
        attribution="Synthetic slices drawn by TumorTrace; not real patients.",
        workers=1 if len(tasks) < 1000 else None,  # starting processes takes longer than drawing
        progress=progress,
        replace=replace,
    )


@dataclass(frozen=True)
class _Slice:
    slice_id: int
    label: int
    patient_id: str
    fold: int
    plane: str
    depth: float  # -1..1 through the head
    seeds: tuple[int, ...]  # of the person, of the exam, of the slice
    size: int

    def __call__(self) -> RawSlice:
        pixels, outline = render_phantom(self.label, self.plane, self.depth, self.seeds, self.size)
        source = f"{self.patient_id} {self.plane}"
        return RawSlice(
            str(self.slice_id), self.label, pixels, source, self.patient_id, self.fold, outline,
            polygons.fill(outline, pixels.shape[:2]),
        )  # fmt: skip


def _plan(persons: int, seed: int, size: int) -> list[_Slice]:
    slices: list[_Slice] = []
    slice_id = 0
    for person in range(persons):
        label = person % len(CLASSES)
        stem = f"MR9{person:05d}" if label == 1 else f"9{person:05d}"
        exams = 3 if label == 1 and person % 4 == 0 else 2 if label == 1 and person % 2 == 0 else 1
        for exam in range(exams):
            patient = stem + ("" if exam == 0 else "ABCD"[exam])
            # As in the real set: a follow-up is another patient id, and may stand in another fold.
            fold = (person // len(CLASSES) + exam) % len(FOLDS) + 1
            for number, plane in enumerate(PLANES):
                for place in range(SLICES_A_PLANE):
                    slice_id += 1
                    depth = (place - (SLICES_A_PLANE - 1) / 2) * 0.4
                    seeds = (seed * 7919 + person, exam, number * 100 + place)
                    slices.append(_Slice(slice_id, label, patient, fold, plane, depth, seeds, size))
                slice_id += 1  # a gap: planes are no neighbours
    return slices


def render_phantom(
    label: int, plane: str, depth: float, seeds: tuple[int, ...], size: int = 256
) -> tuple[npt.NDArray[np.uint8], str]:
    """Draw one slice.

    Args:
        label: 0 meningioma-like, 1 glioma-like, 2 pituitary-like.
        plane: One of :data:`PLANES`.
        depth: Place through the head, -1..1; the tumour is largest at 0.
        seeds: Of the person, the exam and the slice.
        size: Side in pixels.

    Returns:
        ``[size, size]`` uint8, and the outline of the tumour, ``"x,y x,y ..."``.
    """
    person, exam, place = seeds
    who = np.random.default_rng([person, PLANES.index(plane)])
    now = np.random.default_rng([person, exam, place])
    head = _Head(plane, depth, who, size)
    image = head.paint(who, now)
    points = _tumour_points(label, head, np.random.default_rng([person, label]), exam, depth)
    image = _paint_tumour(image, head, label, points, np.random.default_rng([person, 7]))
    coarse = Image.fromarray(now.uniform(-1, 1, (4, 4)).astype(np.float32))
    image *= 1 + 0.1 * np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))
    image = _smooth(image, size / 420) + now.normal(0, 0.018, image.shape)
    pixels = np.rint(np.clip(image, 0, 1) * 235).astype(np.uint8)
    scale = size / 2
    return pixels, " ".join(f"{(x + 1) * scale:.1f},{(y + 1) * scale:.1f}" for x, y in points)


class _Head:
    """Geometry of one slice in -1..1, y downwards: the skull's half axes, the brain in it, the sella."""

    def __init__(self, plane: str, depth: float, who: np.random.Generator, size: int) -> None:
        self.plane, self.depth = plane, depth
        axis = np.linspace(-1, 1, size)
        self.x, self.y = np.meshgrid(axis, axis)
        shrink = np.sqrt(1 - (0.5 * depth) ** 2)
        width, height = {"axial": (0.62, 0.78), "coronal": (0.63, 0.62), "sagittal": (0.76, 0.64)}[plane]
        grow = who.uniform(0.94, 1.06)
        self.width, self.height = width * grow * shrink, height * grow * shrink
        self.centre_y = {"axial": 0.0, "coronal": -0.2, "sagittal": -0.18}[plane]
        self.tilt = who.uniform(-0.09, 0.09)
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        self.u = cos * self.x + sin * (self.y - self.centre_y)
        self.v = -sin * self.x + cos * (self.y - self.centre_y)
        self.radius = np.hypot(self.u / self.width, self.v / self.height)
        sella = {"axial": (0.0, -0.16), "coronal": (0.0, 0.74), "sagittal": (-0.16, 0.72)}[plane]
        self.sella = (sella[0] * self.width, sella[1] * self.height)

    def place(self, u: Array, v: Array) -> tuple[Array, Array]:
        """Head coordinates to picture coordinates."""
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        return cos * u - sin * v, sin * u + cos * v + self.centre_y

    def ellipse(self, u: float, v: float, a: float, b: float, turn: float = 0.0) -> npt.NDArray[np.bool_]:
        """An ellipse at (u, v), in shares of the head's half axes."""
        du, dv = self.u / self.width - u, self.v / self.height - v
        cos, sin = np.cos(turn), np.sin(turn)
        return np.asarray(((cos * du + sin * dv) / a) ** 2 + ((-sin * du + cos * dv) / b) ** 2 < 1)

    def paint(self, who: np.random.Generator, now: np.random.Generator) -> Array:
        """The head without a tumour."""
        size = len(self.x)
        image = np.zeros_like(self.x)
        if self.plane != "axial":
            neck = (np.abs(self.x - (0.12 if self.plane == "sagittal" else 0)) < 0.3) & (self.y > 0)
            image[neck & (self.y < 0.98)] = 0.3
        if self.plane == "sagittal":
            face = self.ellipse(-0.72, 0.75, 0.42, 0.62)
            image[face] = 0.34
            image[self.ellipse(-0.8, 0.5, 0.15, 0.2)] = 0.12
        image[self.radius < 1.0] = 0.66  # scalp
        image[self.radius < 0.94] = 0.1  # bone
        brain = self.radius < 0.87
        folds = _smooth(who.normal(size=(size, size)), size / 70)
        fine = _smooth(who.normal(size=(size, size)), size / 150)
        tissue = 0.36 + 0.05 * folds / folds.std() * 0.7 + 0.02 * fine / fine.std()
        cortex = np.clip((self.radius - 0.66) / 0.21, 0, 1)
        image[brain] = (tissue - 0.07 * cortex * (folds > 0.3 * folds.std()))[brain]
        self._paint_middle(image, brain, who.uniform(0.8, 1.2))
        for _ in range(5):  # vessels are bright too
            angle, far = now.uniform(0, 2 * np.pi), now.uniform(0.2, 0.8)
            image[self.ellipse(far * np.cos(angle), far * np.sin(angle), 0.016, 0.016)] = 0.6
        return image

    def _paint_middle(self, image: Array, brain: npt.NDArray[np.bool_], fluid: float) -> None:
        if self.plane == "sagittal":
            arc = self.ellipse(0, 0.02, 0.45, 0.4) & ~self.ellipse(0.0, 0.1, 0.36, 0.34) & (self.v < 0.05)
            image[arc] = 0.46
            image[self.ellipse(0.05, 0.08, 0.26 * fluid, 0.1)] = 0.13
            image[brain & self.ellipse(0.45, 0.55, 0.3, 0.26)] = 0.43
            image[self.ellipse(0.12, 0.72, 0.1, 0.3, -0.2)] = 0.45
            return
        image[brain & (np.abs(self.u) < 0.007)] = 0.52
        lean = 0.35 if self.plane == "axial" else 0.7
        for side in (-1, 1):
            image[self.ellipse(side * 0.13, -0.12, 0.075 * fluid, 0.27, side * lean)] = 0.13
            if self.plane == "axial":
                image[self.ellipse(side * 0.2, 0.28, 0.06 * fluid, 0.18, -side * 0.5)] = 0.13
                image[self.ellipse(side * 0.24, 0.05, 0.1, 0.14)] = 0.42
            else:
                image[brain & self.ellipse(side * 0.5, 0.62, 0.28, 0.2)] = 0.41


def _tumour_points(
    label: int, head: _Head, who: np.random.Generator, exam: int, depth: float
) -> list[tuple[float, float]]:
    side, height = who.choice([-1.0, 1.0]), who.uniform(-1, 1)
    growth = (1 + 0.18 * exam) * np.sqrt(1 - depth**2)
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    if label == 0:
        radius = who.uniform(0.13, 0.24) * growth * (1 + 0.05 * np.cos(3 * angles + height))
        # Attached to the rim, anywhere on the upper convexity.
        at = np.pi * (1.5 + side * (0.12 + 0.16 * (height + 1)))
        u, v = 0.8 * head.width * np.cos(at), 0.8 * head.height * np.sin(at)
    elif label == 1:
        radius = who.uniform(0.13, 0.26) * growth
        for wave in (2, 3, 5, 7):
            radius = radius * (1 + who.uniform(0.04, 0.2) / np.sqrt(wave) * np.cos(wave * angles + who.uniform(0, 6.3)))
        u, v = side * who.uniform(0.3, 0.48) * head.width, (0.35 * height - 0.1) * head.height
    else:
        radius = who.uniform(0.065, 0.12) * growth * (1 + 0.06 * np.cos(2 * angles + height))
        u, v = head.sella
    us, vs = u + radius * np.cos(angles), v + radius * np.sin(angles)
    # Nothing grows through the bone.
    reach = np.hypot(us / head.width, vs / head.height)
    pull = np.minimum(1, 0.87 / np.maximum(reach, 1e-9))
    xs, ys = head.place(us * pull, vs * pull)
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]


def _paint_tumour(
    image: Array, head: _Head, label: int, points: list[tuple[float, float]], who: np.random.Generator
) -> Array:
    size = len(image)
    text = " ".join(f"{(x + 1) * size / 2},{(y + 1) * size / 2}" for x, y in points)
    mask = polygons.fill(text, (size, size)).astype(np.float64)
    soft = _smooth(mask, size / 300)
    grain = _smooth(who.normal(size=image.shape), size / 60)
    grain /= grain.std()
    if label == 1:
        oedema = _smooth(mask, size / 22) * (head.radius < 0.87)
        image = image * (1 - 0.35 * np.clip(oedema * 1.5, 0, 1))
        core = _smooth((_smooth(mask, size / 60) > 0.86).astype(np.float64), size / 200)
        ring = 0.66 + 0.09 * grain
        inside = ring * (1 - core) + (0.17 + 0.03 * grain) * core
    else:
        inside = (0.74 if label == 0 else 0.66) + (0.02 if label == 0 else 0.045) * grain
    if label == 0:
        # The dural tail: contrast creeps along the rim beside the tumour.
        near = _smooth(mask, size / 18) > 0.06
        image = np.where(near & (head.radius > 0.845) & (head.radius < 0.88), 0.62, image)
    painted: Array = image * (1 - soft) + inside * soft
    return painted


def _smooth(image: npt.NDArray[Any], sigma: float) -> Array:
    # Single precision and short tails: nobody measures these pictures, many wait for them.
    smoothed: Array = gaussian_filter(image.astype(np.float32), sigma, truncate=2.5)
    return smoothed
