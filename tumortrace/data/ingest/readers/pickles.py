"""The Kaggle pickles: ``training_data.pickle`` with ``labels.pickle``.

A pickle is a program. The unpickler here admits numpy arrays and plain containers and nothing else; whatever asks for
another name is refused before it is looked up.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tumortrace.data.ingest.readers import Listing, RawSlice, ReadProblem, ReadTask
from tumortrace.errors import ImportFailed, UnreadableSlice, UnsafePickle

_DATA, _LABELS = "training_data.pickle", "labels.pickle"
_ADMITTED: Final = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *(
        (f"numpy.{core}.{module}", name)
        for core in ("core", "_core")
        for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
    ),
}


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """What old pickles use for bytes, and nothing more: the real ``_codecs.encode`` imports codecs by name."""
    if encoding != "latin1":
        raise UnsafePickle(
            "the pickle asks for a codec", value=encoding, remedy="Do not open it; use the published .mat files."
        )
    return text.encode("latin1")


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _latin1
        if (module, name) not in _ADMITTED:
            raise UnsafePickle(
                "the pickle asks for something other than numpy arrays and plain containers",
                value=f"{module}.{name}",
                remedy="Do not open it; use the published .mat files instead.",
            )
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def applies(source: Path) -> bool:
    """Whether ``source`` is the folder of the two pickles, or the first of them."""
    return (_folder(source) / _DATA).is_file()


def tasks(source: Path, scratch: Path) -> Listing:
    """Load both pickles (the format cannot be read slice by slice) and list their slices.

    Raises:
        UnsafePickle: A pickle asks for anything but arrays and containers.
        ImportFailed: A pickle is broken, or labels and slices do not match.
    """
    images, labels = _pairs(_folder(source))
    # The published labels count from 1; a copy with a 0 among them counts from 0.
    first = 0 if 0 in labels else 1
    found: list[ReadTask] = []
    problems = [ReadProblem(_LABELS, f"labels are taken to count from {first}")] if first == 0 else []
    for number, (image, label) in enumerate(zip(images, labels, strict=True), start=1):
        if label - first not in range(3):
            problems.append(ReadProblem(f"{_DATA} #{number}", f"label {label} is none of the three classes"))
        else:
            found.append(_Item(number, label - first, np.asarray(image)))
    return Listing("kaggle", found, problems)


def _pairs(folder: Path) -> tuple[list[Any], list[int]]:
    slices, labels = _load(folder / _DATA), None
    try:
        if (folder / _LABELS).is_file():
            labels = [int(np.asarray(label).ravel()[0]) for label in _load(folder / _LABELS)]
        elif all(map(_is_pair, slices)):
            labels = [int(np.asarray(item[1]).ravel()[0]) for item in slices]
    except (ValueError, TypeError, IndexError) as error:
        raise ImportFailed(f"a label is no number ({error})", value=str(folder), remedy="Fetch it again.") from error
    images = [item[0] if _is_pair(item) else item for item in slices]
    if labels is None or len(labels) != len(images):
        raise ImportFailed(
            "labels and slices do not match",
            value=f"{len(images)} slices, {'no' if labels is None else len(labels)} labels",
            remedy=f"Put {_LABELS} of the same set beside {_DATA}.",
        )
    return images, labels


def _folder(source: Path) -> Path:
    return source.parent if source.name == _DATA else source


def _load(path: Path) -> list[Any]:
    try:
        with path.open("rb") as file:
            return list(_ArraysOnly(file).load())
    except UnsafePickle:
        raise
    except Exception as error:  # a broken pickle can raise nearly anything
        raise ImportFailed(f"the pickle is broken ({error})", value=str(path), remedy="Fetch it again.") from error


def _is_pair(item: Any) -> bool:
    if isinstance(item, np.ndarray) and item.dtype != object:
        return False
    return isinstance(item, list | tuple | np.ndarray) and len(item) == 2 and np.ndim(item[0]) >= 2


@dataclass(frozen=True)
class _Item:
    number: int
    label: int
    pixels: npt.NDArray[np.generic]

    def __call__(self) -> RawSlice:
        source = f"{_DATA} #{self.number}"
        pixels = self.pixels
        if pixels.ndim == 3 and pixels.shape[-1] in {1, 3}:
            pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels.mean(axis=-1)
        if pixels.ndim != 2 or pixels.dtype.kind not in "iuf":
            raise UnreadableSlice(
                f"not a slice but {pixels.dtype} of shape {pixels.shape}", value=source, remedy="Check the pickle."
            )
        if pixels.dtype.kind == "f":
            top = float(np.nanmax(pixels)) if pixels.size else 0.0
            pixels = np.nan_to_num(pixels) * (255 if top <= 1 else 1)
            pixels = np.rint(pixels).astype(np.uint8 if pixels.max(initial=0) <= 255 else np.uint16)
        return RawSlice(str(self.number), self.label, pixels, source)
