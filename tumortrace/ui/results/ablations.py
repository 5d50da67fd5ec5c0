"""Ablations: one factor at a time around one recipe, and what each choice is worth."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.charts import differences as charts
from tumortrace.config import model_title
from tumortrace.evaluation.formatting import METRIC_NAMES, decimal, percent
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import records_frame
from tumortrace.evaluation.tables import folds_text
from tumortrace.ui.components import plots, tables
from tumortrace.ui.components.tables import Cell, Group, Line
from tumortrace.ui.shell import address, benchmark_document, state
from tumortrace.ui.shell.results_index import ResultSource

METRICS: Final = ("accuracy", "macro_f1", "log_loss")


def render(bench: ResultsDocument, found: list[ResultSource]) -> None:
    """Draw the section Ablations: each variant less its base, as a forest plot and a table."""
    table = records_frame(bench.ablations)
    if table.empty:
        benchmark_document.missing(bench, "No ablation has been computed yet.")
        return
    left, right = st.columns([2, 3])
    bases = benchmark_document.in_order(table["base"])
    with left:
        base = address.choose("Recipe", bases, state.ABLATIONS_BASE, bases[0], model_title)
    with right:
        metric = address.choose("Figure", METRICS, state.ABLATIONS_METRIC, METRICS[0], METRIC_NAMES.__getitem__)
    held = table[(table["base"] == base) & (table["metric"] == metric)]
    start, variants = held[held["factor"].isna()], _grouped(held[held["factor"].notna()])
    if variants.empty:
        benchmark_document.missing(bench, f"No variant of {model_title(base)} has been trained yet.")
        return
    is_loss = metric == "log_loss"
    rests = _rests(bench, held, start, metric)
    st.markdown(
        f"Every line changes one thing in the recipe of {model_title(base)} and leaves the rest; the difference is the "
        f"variant less the recipe, on the same slices. {_direction(is_loss)}"
    )
    unit = "log loss" if is_loss else f"points of {METRIC_NAMES[metric].lower()}"
    frame = pd.DataFrame(
        {"group": variants["factor"], "label": variants["level"], "value": variants["difference"],
         "low": variants["low"], "high": variants["high"]}
    )  # fmt: skip
    plots.show_figure(
        charts.forest(frame, f"Variant less recipe, {unit}", lower_is_better=is_loss, scale=1 if is_loss else 100),
        f"ablations_{base}_{metric}", rests,
    )  # fmt: skip
    with st.expander("The same as a table"):
        _table(variants, metric, model_title(base))
        st.caption(f"{rests} Bold: the interval leaves out zero.")
    tables.download(table[table["base"] == base], f"ablations_{base}")


def _grouped(held: pd.DataFrame) -> pd.DataFrame:
    """Levels of one factor together, factors in the order of the document."""
    order = {factor: place for place, factor in enumerate(dict.fromkeys(held["factor"]))}
    return held.assign(place=held["factor"].map(order)).sort_values("place", kind="stable")


def _table(variants: pd.DataFrame, metric: str, title: str) -> None:
    rows: list[Line | Group] = []
    for factor, part in variants.groupby("factor", sort=False):
        rows.append(Group(str(factor).capitalize()))
        rows += [_line(line, metric) for line in part.to_dict("records")]
    words = METRIC_NAMES[metric]
    tables.show_table(f"Ablations of {title}", ["Variant", words, "Difference", "n\nfolds"], rows)


def _line(line: dict[Any, Any], metric: str) -> Line:
    is_loss = metric == "log_loss"
    digits, scale = (3, 1) if is_loss else (1, 100)
    return Line(
        [
            str(line["level"] or ""),
            decimal(line["value"]) if is_loss else percent(line["value"]),
            tables.points(line["difference"], line["low"], line["high"], digits, scale),
            Cell(f"{int(line['n']):,}", folds_text(line["folds"])),
        ]
    )


def _direction(is_loss: bool) -> str:
    better = "Left of zero" if is_loss else "Right of zero"
    return f"{better}, the variant is better; grey, the interval holds zero and nothing can be told."


def _rests(bench: ResultsDocument, held: pd.DataFrame, start: pd.DataFrame, metric: str) -> str:
    """Protocol, folds, n, the recipe's own figure, and what was made cheaper to afford them."""
    n = sorted(set(held["n"]))
    slices = f"{n[0]:,}" if len(n) == 1 else f"{n[0]:,} to {n[-1]:,}"
    folds = sorted({fold for line in held["folds"] for fold in line})
    words = (
        f"Protocol official, folds {folds_text(folds)}, n = {slices} slices; paired 95 % intervals by bootstrap over "
    )
    said = words + "persons."
    if len(start):
        own = start["value"].iloc[0]
        said += f" The recipe itself: {decimal(own) if metric == 'log_loss' else percent(own)}."
    return said + (f" Preset {bench.preset}: {bench.note}" if bench.note else "")
