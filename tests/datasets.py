"""Imported datasets without pictures, for whatever asks who the slices are and never looks at them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from tumortrace.data import splits
from tumortrace.data.manifest import conform


def write_manifest(home: Path, name: str, rows: pd.DataFrame | None = None, *, kind: str = "real") -> Path:
    """An imported dataset of these rows (by default three slices, one of each class); its fingerprint is its name's."""
    folder = home / "data" / name
    folder.mkdir(parents=True, exist_ok=True)
    if rows is None:
        rows = pd.DataFrame({"slice_id": ["a", "b", "c"], "label": [0, 1, 2], "patient_id": ["p", "q", "r"]})
    conform(rows).to_parquet(folder / "manifest.parquet")
    (folder / "dataset.json").write_text(json.dumps({"name": name, "kind": kind, "fingerprint": f"of-{name}"}))
    return folder


def write_published(home: Path, name: str = "figshare", slices: int | None = None) -> Path:
    """The published slices (or the first of them) by id, label, patient and fold."""
    truth = splits.frozen_figshare()
    return write_manifest(home, name, truth.assign(official_fold=truth["official"]).iloc[:slices])
