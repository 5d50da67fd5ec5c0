"""What models said to a slice they had never seen, and the way to their mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from tumortrace.data.catalog import CLASSES
from tumortrace.data.store import Dataset
from tumortrace.errors import TumorTraceError
from tumortrace.evaluation.rows import PROBABILITIES
from tumortrace.ui import gallery_table, sources, tabular
from tumortrace.ui.sources import Source
from tumortrace.ui.tabular import Cell, Line


@dataclass(frozen=True)
class Answer:
    """One prediction for the slice."""

    source: Source
    row: pd.Series

    @property
    def right(self) -> bool:
        """Whether it is what the label says."""
        return bool(self.row["correct"])


def of(chosen: Dataset, slice_id: str) -> list[Answer]:
    """Every out-of-fold prediction for a slice, in the order of models."""
    found = []
    for source in gallery_table.judged(chosen):
        try:
            joined = sources.joined(source)
        except TumorTraceError:
            continue
        found += [Answer(source, row) for _, row in joined[joined["slice_id"] == slice_id].iterrows()]
    return found


def draw(chosen: Dataset, row: pd.Series) -> None:
    """The table, or the sentence that stands in for it."""
    st.subheader("What models say that never saw it")
    answers = of(chosen, str(row["slice_id"]))
    if not answers:
        st.caption("No model has been tested on this slice yet: it stood in no fold that was held out.")
        return
    seeds = len({int(answer.row["seed"]) for answer in answers}) > 1
    tabular.show(
        f"Out-of-fold answers for slice {row['slice_id']}",
        ["Model", "Protocol and fold", "Says", "", *(f"P({name})" for name in CLASSES)],
        [_line(answer, str(row["slice_id"]), seeds) for answer in answers], text=(0, 1, 2, 3),
    )  # fmt: skip
    wrong = sum(not answer.right for answer in answers)
    st.caption(
        f"{wrong} of {len(answers)} answers are wrong; the label is {row['class_name']}. P: the probability a model "
        "gives, as it stands, for a slice that was held out of its training."
    )


def _line(answer: Answer, slice_id: str, seeds: bool) -> Line:
    said, row = str(answer.row["predicted_class"]), answer.row
    verdict = Cell("right") if answer.right else Cell("wrong, see why", link=link(answer.source, slice_id), strong=True)
    seed = f", seed {row['seed']}" if seeds else ""
    shares = [Cell(f"{float(row[name]):.1%}", strong=name == f"p_{said}") for name in PROBABILITIES]
    where = f"{row['protocol']}, fold {row['fold']}{seed}"
    return Line([Cell(answer.source.name), Cell(where), Cell(said), verdict, *shares])


def link(source: Source, slice_id: str) -> str:
    """The address of a mistake on the Errors page."""
    return f"Errors?{urlencode({'model': source.key, 'slice': slice_id})}"
