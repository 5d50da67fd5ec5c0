"""The rows as the gallery asks them: with doubted labels and out-of-fold mistakes beside them, prepared once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from tumortrace.data import datasets
from tumortrace.data.datasets import Dataset
from tumortrace.data.query import Table, prepare
from tumortrace.errors import TumorTraceError
from tumortrace.evaluation.published import suspects_of
from tumortrace.evaluation.results_records import LabelSuspect
from tumortrace.ui.gallery import rows as dataset_rows
from tumortrace.ui.shell import benchmark_document, cache, results_index
from tumortrace.ui.shell.results_index import ResultSource

DOUBTED: Final = "doubted under "
"""Beginning of the name of the flag of slices whose label confident learning doubts; the protocol follows."""
MISSED: Final = "missed by "
"""Beginning of the name of the flag of slices a model got wrong; :func:`title` follows."""


def title(source: ResultSource) -> str:
    """A model under a protocol, as it stands in the list of filters and in the address: ``TraceNet (official)``."""
    fold = f", fold {source.report.folds[0]}" if source.run_id is not None and len(source.report.folds) == 1 else ""
    return f"{source.name} ({source.report.protocol}{fold})".replace(" · ", ", ")


def out_of_fold_sources(chosen: Dataset) -> list[ResultSource]:
    """Models with out-of-fold rows on this dataset."""
    return [source for source in results_index.result_sources() if source.dataset_name == chosen.name]


def table_of(chosen: Dataset) -> Table:
    """The prepared table of a dataset; shared between sessions, so never changed."""
    who = tuple((source.key, source.report.created) for source in out_of_fold_sources(chosen))
    changed = cache.stamp(cache.artifacts_file("benchmark", "results.json"))
    return _table(str(chosen.folder), chosen.fingerprint, who, changed)


@st.cache_resource(max_entries=4, show_spinner="Reading the slices ...")
def _table(folder: str, fingerprint: str, who: tuple[tuple[str, str], ...], changed: int) -> Table:
    chosen = datasets.open_dataset(Path(folder).name)
    rows = dataset_rows.rows_of(chosen)
    flags, quality = _doubted(chosen, rows)
    mistakes, errors = _missed(chosen, rows)
    beside = rows.assign(quality=quality, errors=errors)
    return prepare(beside, in_mm=dataset_rows.spacing_known(chosen), flags=flags | mistakes)


def suspects(chosen: Dataset) -> dict[str, list[LabelSuspect]]:
    """The benchmark's doubted labels, by protocol; none where it looked at another dataset."""
    return suspects_of(benchmark_document.read_document(), chosen) or {}


def _doubted(chosen: Dataset, rows: pd.DataFrame) -> tuple[dict[str, npt.NDArray[np.bool_]], npt.NDArray[np.float64]]:
    """A flag a protocol, and the least quality any of them gives a label (NaN where none doubts it)."""
    flags, quality = {}, np.full(len(rows), np.nan)
    places = {str(slice_id): place for place, slice_id in enumerate(rows["slice_id"])}
    for protocol, lines in suspects(chosen).items():
        flag = np.zeros(len(rows), dtype=bool)
        for line in lines:
            place = places.get(line.slice_id)
            if place is not None:
                flag[place] = True
                quality[place] = np.fmin(quality[place], line.quality)
        flags[f"{DOUBTED}{protocol}"] = flag
    return flags, quality


def _missed(chosen: Dataset, rows: pd.DataFrame) -> tuple[dict[str, npt.NDArray[np.bool_]], npt.NDArray[np.float64]]:
    """A flag a model and protocol, and how many of them err (NaN for a slice none has judged)."""
    flags: dict[str, npt.NDArray[np.bool_]] = {}
    wrong, heard = np.zeros(len(rows)), np.zeros(len(rows), dtype=bool)
    for source in out_of_fold_sources(chosen):
        try:
            joined = results_index.joined(source)
        except TumorTraceError:
            continue  # its rows no longer fit this dataset; the Errors page says why
        missed = rows["slice_id"].isin(joined.loc[~joined["correct"], "slice_id"]).to_numpy(dtype=bool)
        heard |= rows["slice_id"].isin(joined["slice_id"]).to_numpy(dtype=bool)
        wrong += missed
        flags.setdefault(f"{MISSED}{title(source)}", missed)
    return flags, np.where(heard, wrong, np.nan)
