"""The rows every section of the Dataset page looks at: the manifest, and what belongs beside it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from tumortrace.constants import CLASSES, PROTOCOLS
from tumortrace.data import datasets, identity
from tumortrace.data.datasets import Dataset
from tumortrace.data.planes import PLANES, estimate_planes
from tumortrace.ui.shell import cache


def rows_of(chosen: Dataset) -> pd.DataFrame:
    """The manifest with ``class_name``, ``plane`` (estimated; ``<NA>`` where unknown) and a fold column a protocol.

    Shared between sessions: do not change the frame.
    """
    return _rows(str(chosen.folder), chosen.fingerprint)


def spacing_known(chosen: Dataset) -> bool:
    """Whether a pixel's size is known: it is published for the figshare slices, and for no other import."""
    return identity.is_published(chosen)


@st.cache_resource(max_entries=4, show_spinner=False)
def _rows(folder: str, fingerprint: str) -> pd.DataFrame:
    chosen = datasets.open_dataset(Path(folder).name)
    manifest = chosen.manifest
    table = cache.folds(chosen)
    return manifest.assign(
        class_name=[CLASSES[int(label)] for label in manifest["label"]],
        plane=_planes(chosen, manifest),
        **{name: table[name].to_numpy() for name in PROTOCOLS},
    )


def _planes(chosen: Dataset, manifest: pd.DataFrame) -> pd.Series:
    """Estimated from the numbers of the figshare dataset; phantoms name theirs. Other numbers say nothing of planes."""
    if identity.is_published(chosen):
        return estimate_planes(manifest["slice_id"])
    if chosen.synthetic:
        return manifest["source"].str.extract(rf"({'|'.join(PLANES)})$", expand=False).astype("string")
    return pd.Series(pd.NA, index=manifest.index, dtype="string")
