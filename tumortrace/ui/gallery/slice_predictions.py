"""What models said to a slice they had never seen, and the way to their mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from tumortrace.constants import CLASSES
from tumortrace.data.datasets import Dataset
from tumortrace.errors import TumorTraceError
from tumortrace.evaluation.predictions import PROBABILITIES
from tumortrace.ui.components import tables
from tumortrace.ui.components.tables import Cell, Line
from tumortrace.ui.gallery import table
from tumortrace.ui.shell import results_index
from tumortrace.ui.shell.results_index import ResultSource


@dataclass(frozen=True)
class SlicePrediction:
    """One prediction for the slice."""

    source: ResultSource
    row: pd.Series

    @property
    def right(self) -> bool:
        """Whether it is what the label says."""
        return bool(self.row["correct"])


def of(chosen: Dataset, slice_id: str) -> list[SlicePrediction]:
    """Every out-of-fold prediction for a slice, in the order of models."""
    found = []
    for source in table.out_of_fold_sources(chosen):
        try:
            joined = results_index.joined(source)
        except TumorTraceError:
            continue
        found += [SlicePrediction(source, row) for _, row in joined[joined["slice_id"] == slice_id].iterrows()]
    return found


def render(chosen: Dataset, row: pd.Series) -> None:
    """The table, or the sentence that stands in for it."""
    st.subheader("What models say that never saw it")
    answers = of(chosen, str(row["slice_id"]))
    if not answers:
        st.caption("No model has been tested on this slice yet: it stood in no fold that was held out.")
        return
    seeds = len({int(answer.row["seed"]) for answer in answers}) > 1
    tables.show_table(
        f"Out-of-fold answers for slice {row['slice_id']}",
        ["Model", "Protocol and fold", "Says", "", *(f"P({name})" for name in CLASSES)],
        [_line(answer, str(row["slice_id"]), seeds) for answer in answers], text=(0, 1, 2, 3),
    )  # fmt: skip
    wrong = sum(not answer.right for answer in answers)
    st.caption(
        f"{wrong} of {len(answers)} answers are wrong; the label is {row['class_name']}. P: the probability a model "
        "gives, as it stands, for a slice that was held out of its training."
    )


def _line(answer: SlicePrediction, slice_id: str, seeds: bool) -> Line:
    said, row = str(answer.row["predicted_class"]), answer.row
    verdict = Cell("right") if answer.right else Cell("wrong, see why", link=link(answer.source, slice_id), strong=True)
    seed = f", seed {row['seed']}" if seeds else ""
    shares = [Cell(f"{float(row[name]):.1%}", strong=name == f"p_{said}") for name in PROBABILITIES]
    where = f"{row['protocol']}, fold {row['fold']}{seed}"
    return Line([Cell(answer.source.name), Cell(where), Cell(said), verdict, *shares])


def link(source: ResultSource, slice_id: str) -> str:
    """The address of a mistake on the Errors page."""
    return f"Errors?{urlencode({'model': source.key, 'slice': slice_id})}"
