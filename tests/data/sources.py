"""Slices made up on the spot, in every form people have them."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
from PIL import Image


def picture(number: int, height: int = 40, width: int = 48, high: int = 4000) -> np.ndarray:
    return np.random.default_rng(number).integers(0, high, (height, width)).astype(np.int16)


SQUARE = [(10.0, 12.0), (30.0, 12.0), (30.0, 28.0), (10.0, 28.0)]


def square_mask(height: int = 40, width: int = 48) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[12:29, 10:31] = 1
    return mask


def mat_bytes(number: int, label: int = 1, patient: str = "100360", **changes: np.ndarray) -> bytes:
    """A slice as MATLAB writes it: columns first, numbers as 1x1 arrays, text as character codes."""
    values = {
        "label": np.array([[float(label)]]),
        "PID": np.array([[ord(letter)] for letter in patient], dtype=np.uint16),
        "image": picture(number).T,
        "tumorBorder": np.array(SQUARE).reshape(1, -1),
        "tumorMask": square_mask().T,
    } | changes
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=512) as file:
        for name, value in values.items():
            file[f"cjdata/{name}"] = value
    return b"MATLAB 7.3 MAT-file".ljust(512, b" ") + buffer.getvalue()[512:]


def cvind_bytes(folds: list[int]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=512) as file:
        file["cvind"] = np.array([folds], dtype=np.float64)
    return b"MATLAB 7.3 MAT-file".ljust(512, b" ") + buffer.getvalue()[512:]


PATIENTS = ["100360", "100360", "MR040240", "MR040240B", "MR040241", "107007"]
LABELS = [1, 1, 2, 2, 2, 3]
FOLDS = [1, 1, 2, 3, 4, 5]


def save_image(path: Path, number: int, kind: str = "PNG") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((picture(number, high=255)).astype(np.uint8)).save(path, kind)
