"""What the Errors page draws from: one model's rows, the other models' rows beside them, and what is known of a slice.

Joined once and kept, keyed by the files behind them; nothing here runs a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from tumortrace.config import model_title
from tumortrace.data import splits
from tumortrace.data.datasets import Dataset
from tumortrace.data.planes import estimate_planes
from tumortrace.errors import TumorTraceError
from tumortrace.evaluation import shipped
from tumortrace.evaluation.disagreement import KEYS, disagreement, margins
from tumortrace.evaluation.predictions import join_truth
from tumortrace.ui.shell import benchmark_document, cache, results_index
from tumortrace.ui.shell.results_index import ResultSource

OTHER_RUNS: Final = 6
"""Finished runs of the reader's own that are set beside a model, the newest."""

PERSON: Final = "person "
"""Before the id of a person with several exams, in the list of patients."""


@dataclass(frozen=True)
class Errors:
    """One model under one protocol, with everybody who judged the same slices."""

    source: ResultSource
    name: str
    """Of the model in the column ``model`` of ``every``: its own, or the run's id."""
    rows: pd.DataFrame
    """The model's rows with the truth (see :func:`~tumortrace.evaluation.predictions.join_truth`), and ``disagreement,
    voices, right, dissent``, ``margin``, ``size`` (tumour over slice; NaN where unknown) and ``plane``."""
    every: pd.DataFrame
    """The rows of all models of the protocol on this dataset, with the truth."""
    titles: dict[str, str]
    """Each of them, in order, to its name for people."""
    dataset: Dataset | None
    patients: list[str]
    """Patient ids, and before those of a person with several exams the person (:data:`PERSON`)."""
    stamp: str
    """Changes with the files behind."""

    @property
    def protocol(self) -> str:
        """The protocol of the model's rows."""
        return self.source.report.protocol

    def of(self, name: str) -> pd.DataFrame:
        """The rows of one of :attr:`titles`."""
        return self.every[self.every["model"] == name]

    def place(self, slice_id: str, seed: int) -> pd.Series | None:
        """The model's row of a slice; None where it was not tested on it."""
        found = self.rows[(self.rows["slice_id"] == slice_id) & (self.rows["seed"] == seed)]
        return None if found.empty else found.iloc[0]


def load_errors(source: ResultSource, found: list[ResultSource]) -> Errors:
    """Everything the page needs of a model.

    Raises:
        DataError: The run's dataset is no longer imported, or is another one.
    """
    dataset = source.dataset
    runs = _beside(source, found)
    fingerprint = "" if dataset is None else dataset.fingerprint
    predictions = cache.stamp(cache.artifacts_file("benchmark", "predictions.parquet"))
    stamp = f"{source.key}/{source.report.created}/{predictions}/{fingerprint}/{','.join(run.key for run in runs)}"
    return _loaded(stamp, predictions, source, runs)


def patients_of(rows: pd.DataFrame) -> list[str]:
    """Patient ids, and before each person with several exams the person."""
    known = rows[["person_id", "patient_id"]].dropna().drop_duplicates().sort_values(["person_id", "patient_id"])
    found: list[str] = []
    for person, ids in known.groupby("person_id", sort=True)["patient_id"]:
        found += [f"{PERSON}{person}"] if len(ids) > 1 else []
        found += [str(one) for one in ids]
    return found


def voices(names: list[str]) -> list[str]:
    """The models whose disagreement counts: without the ensemble (made of the others) and the majority class."""
    return [name for name in names if name not in (benchmark_document.ENSEMBLE, benchmark_document.MAJORITY)]


def _beside(source: ResultSource, found: list[ResultSource]) -> list[ResultSource]:
    """Runs whose rows stand beside the model's: itself, and the newest others of the same dataset and protocol."""
    same = [
        one for one in found
        if one.run_id is not None and one.dataset_name == source.dataset_name
        and one.report.protocol == source.report.protocol
    ]  # fmt: skip
    others = [one for one in same if one.key != source.key][:OTHER_RUNS]
    return others if source.run_id is None else [source, *others]


@st.cache_resource(max_entries=12, show_spinner="Joining predictions ...")
def _loaded(stamp: str, predictions: int, _source: ResultSource, _runs: list[ResultSource]) -> Errors:
    name = _source.report.model if _source.run_id is None else _source.run_id
    every = _every(_source.published, _source.report.protocol, predictions, tuple(run.key for run in _runs))
    rows = _rows(every, _source, name)
    shown = benchmark_document.in_order(set(every["model"]) - {run.key for run in _runs})
    titles = {one: model_title(one) for one in shown} | {run.key: run.name for run in _runs}
    return Errors(_source, name, rows, every, titles, _source.dataset, patients_of(rows), stamp)


@st.cache_resource(max_entries=6, show_spinner=False)
def _every(published: bool, protocol: str, stamp: int, runs: tuple[str, ...]) -> pd.DataFrame:
    parts = []
    if published:
        rows = shipped.shipped_predictions()
        parts.append(join_truth(rows[rows["protocol"] == protocol], splits.frozen_figshare()))
    for run in runs:
        source = results_index.find_source(run)
        if source is not None:
            try:
                parts.append(results_index.joined(source).assign(model=run))
            except TumorTraceError:
                # Another run's dataset changed under it: it is left out here, and says so where it is chosen.
                if len(runs) == 1:
                    raise
    held = [part for part in parts if len(part)]
    return pd.concat(held, ignore_index=True) if held else parts[0]


def _rows(every: pd.DataFrame, source: ResultSource, name: str) -> pd.DataFrame:
    mine = every[every["model"] == name].reset_index(drop=True)
    heard = every[every["model"].isin(voices(list(every["model"].unique())))]
    rows = mine.merge(disagreement(heard), on=KEYS, how="left")
    rows = rows.assign(margin=margins(rows), size=np.nan, plane=pd.Series(pd.NA, index=rows.index, dtype="string"))
    dataset = source.dataset
    if dataset is not None:
        known = dataset.manifest.set_index("slice_id")
        share = known["area_px"].astype("Float64") / (known["height"].astype("Float64") * known["width"])
        rows["size"] = share.reindex(rows["slice_id"]).to_numpy(dtype=np.float64, na_value=np.nan)
    if source.published:
        rows["plane"] = estimate_planes(rows["slice_id"]).array
    return rows
