"""How an imported dataset lies on disk, and how it is read back.

::

    TUMORTRACE_HOME/data/<name>/
        dataset.json          name, kind (real | synthetic), origin, attribution, fingerprint, report of the import
        manifest.parquet      one row a slice (see tumortrace.data.manifest)
        images/<slice_id>.png lossless 8- or 16-bit grey, at the size it was published
        masks/<slice_id>.png  0 or 255, same size; missing where there is no outline

The folder is made beside its final place and renamed, so it is whole or absent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from tumortrace import paths
from tumortrace.constants import FIGSHARE, PHANTOM
from tumortrace.errors import DatasetDamaged, DatasetNotFound

SCHEMA = 1


@dataclass(frozen=True)
class Dataset:
    """An imported dataset. Cheap to make; the manifest is read on first use."""

    folder: Path
    info: dict[str, Any]

    @property
    def name(self) -> str:
        """The name it is asked for by, e.g. ``figshare``."""
        return self.folder.name

    @property
    def synthetic(self) -> bool:
        """Whether the slices are made up; wherever they show, this must be said."""
        return bool(self.info["kind"] == "synthetic")

    @property
    def fingerprint(self) -> str:
        """SHA-256 over slice ids, labels and pixels; part of the key of every cache."""
        return str(self.info["fingerprint"])

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """One row a slice, sorted by slice id.

        Raises:
            DatasetDamaged: The file is missing or broken.
        """
        try:
            return pd.read_parquet(self.folder / "manifest.parquet")
        except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
            raise _damaged(self.folder / "manifest.parquet") from error

    def image_path(self, slice_id: str) -> Path:
        """The slice's PNG."""
        return self.folder / "images" / f"{slice_id}.png"

    def pixels(self, slice_id: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
        """The slice as published: ``[H, W]``, uint8 or uint16.

        Raises:
            DatasetDamaged: Its file is missing or broken.
        """
        path = self.image_path(slice_id)
        try:
            with Image.open(path) as image:
                raw = np.asarray(image)
        except (OSError, ValueError, SyntaxError) as error:  # as PIL has them for broken files
            raise _damaged(path) from error
        return raw if raw.dtype == np.uint8 else raw.astype(np.uint16)

    def mask(self, slice_id: str) -> npt.NDArray[np.bool_] | None:
        """The tumour mask ``[H, W]``, or None where the dataset has no outline for the slice."""
        path = self.folder / "masks" / f"{slice_id}.png"
        if not path.exists():
            return None
        with Image.open(path) as image:
            return np.asarray(image.convert("L")) > 127


def available() -> list[str]:
    """Names of the imported datasets: the real one first, phantoms last."""
    folder = paths.data()
    if not folder.is_dir():
        return []
    names = [entry.name for entry in folder.iterdir() if (entry / "dataset.json").is_file()]
    return sorted(names, key=lambda name: (name == PHANTOM, name != FIGSHARE, name))


def open_dataset(name: str | None = None) -> Dataset:
    """Open an imported dataset.

    Args:
        name: Its name; None takes the first of :func:`available`.

    Returns:
        ``manifest`` is one row a slice; ``pixels`` gives a slice ``[H, W]`` as published, ``mask`` its outline filled.

    Raises:
        DatasetNotFound: Nothing of that name (or nothing at all) is imported.
        DatasetDamaged: Its ``dataset.json`` is broken.

    Example:
        >>> import tumortrace
        >>> dataset = tumortrace.open_dataset("phantom")
        >>> slice_id = dataset.manifest["slice_id"].iloc[0]
        >>> dataset.pixels(slice_id).ndim, dataset.synthetic
        (2, True)
    """
    names = available()
    chosen = name or (names[0] if names else None)
    if chosen is None or chosen not in names:
        raise DatasetNotFound(
            "no such dataset is imported" if names else "no dataset is imported",
            value=chosen or str(paths.data()),
            remedy=(f"Choose one of {', '.join(names)}, or r" if names else "R")
            + f"un `{paths.command('data download')}`, or with `import PATH` or `phantom` for `download`.",
        )
    folder = paths.data() / chosen
    try:
        info = json.loads((folder / "dataset.json").read_text())
    except (OSError, ValueError) as error:
        raise _damaged(folder / "dataset.json") from error
    if not isinstance(info, dict) or not {"kind", "fingerprint"} <= set(info):
        raise _damaged(folder / "dataset.json")
    return Dataset(folder, info)


def _damaged(path: Path) -> DatasetDamaged:
    name = path.relative_to(paths.data()).parts[0]
    return DatasetDamaged(
        f"the dataset {name} is damaged: a file is missing or cannot be read",
        value=str(path),
        remedy=f"Import it again with `--name {name} --replace`, or choose another dataset.",
    )
