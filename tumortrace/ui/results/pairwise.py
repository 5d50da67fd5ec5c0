"""Model against model: every difference with its paired interval, and two of them in a sentence."""

from __future__ import annotations

from html import escape
from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.charts import differences as charts
from tumortrace.charts import theme
from tumortrace.config import model_title
from tumortrace.evaluation.formatting import METRIC_NAMES
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import records_frame
from tumortrace.ui.components import plots, tables
from tumortrace.ui.components.tables import Cell, Line
from tumortrace.ui.shell import address, benchmark_document, state
from tumortrace.ui.shell.results_index import ResultSource

METRICS: Final = ("accuracy", "macro_f1")
_VALUES: Final = ("difference", "low", "high")


def render(bench: ResultsDocument, found: list[ResultSource]) -> None:
    """Draw the section Model against model: paired differences with intervals."""
    table = records_frame(bench.comparisons)
    if table.empty:
        benchmark_document.missing(bench, "No two models have been compared yet.")
        return
    left, right = plots.columns("pairs_head", [3, 2])
    with left:
        protocol = benchmark_document.choose_protocol(table["protocol"])
    with right:
        metric = address.choose("Figure", METRICS, state.PAIRS_METRIC, METRICS[0], METRIC_NAMES.__getitem__)
    benchmark_document.explain(protocol)
    held = table[(table["protocol"] == protocol) & (table["metric"] == metric)]
    if held.empty:
        benchmark_document.missing(bench, f"No two models have been compared under {protocol} yet.")
        return
    models = benchmark_document.in_order([*held["first"], *held["second"]])
    both = _both_ways(held, models)
    _two(both, models, METRIC_NAMES[metric], protocol)
    st.subheader("All pairs")
    baselines = [name for name in models if name in benchmark_document.BASELINES]
    if baselines and address.switch("With the baselines that train no network", state.PAIRS_BASELINES):
        baselines = []
    shown = [name for name in models if name not in baselines]
    part = both[both["first"].isin(shown) & both["second"].isin(shown)]
    named = benchmark_document.titled(part, "first", "second")
    grid = named.rename(columns={"first": "row", "second": "column", "difference": "value"})
    words = METRIC_NAMES[metric]
    plots.show_figure(
        charts.matrix(grid, words), f"pairs_{protocol}_{metric}_{len(shown)}",
        f"{words} of the row less that of the column, in points, with the paired 95 % interval (bootstrap over "
        f"persons). {_rests(part, protocol)} Coloured where the interval leaves out zero: blue, the row is better.",
    )  # fmt: skip
    once = part[[shown.index(one) < shown.index(two) for one, two in zip(part["first"], part["second"], strict=True)]]
    _table(once, words)
    tables.download(held, f"comparisons_{protocol}_{metric}")


def _both_ways(held: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """Every pair in both orders, in the order of the models."""
    turned = held.rename(
        columns={"first": "second", "second": "first", "only_first": "only_second", "only_second": "only_first"}
    )
    turned = turned.assign(difference=-held["difference"], low=-held["high"], high=-held["low"])
    both = pd.concat([held, turned[held.columns]], ignore_index=True)
    place = {name: number for number, name in enumerate(models)}
    order = sorted(range(len(both)), key=lambda row: (place[both["first"][row]], place[both["second"][row]]))
    return both.iloc[order].reset_index(drop=True)


def _two(both: pd.DataFrame, models: list[str], words: str, protocol: str) -> None:
    left, right = st.columns(2)
    first = _pick(left, "One model", models, state.PAIRS_FIRST, models[0])
    others = [name for name in models if name != first]
    second = _pick(right, "Another", others, state.PAIRS_SECOND, others[0])
    line = both[(both["first"] == first) & (both["second"] == second)].to_dict("records")
    if not line:
        st.caption("These two were not tested on the same slices.")
        return
    one: dict[str, Any] = {str(key): value for key, value in line[0].items()}
    st.html(f'<p class="tt-said">{escape(outcome(one, words))}</p>')
    names = [model_title(name) for name in (first, second)]
    right_or_wrong = [
        Line([f"{names[0]} right", f"{one['both_right']:,}", Cell(f"{one['only_first']:,}", strong=True)]),
        Line([f"{names[0]} wrong", Cell(f"{one['only_second']:,}", strong=True), f"{one['both_wrong']:,}"]),
    ]
    left, right = plots.columns("mcnemar")
    with left:
        tables.show_table("Slices by who is right", ["", f"{names[1]} right", f"{names[1]} wrong"], right_or_wrong)
    with right:
        st.markdown(
            f"McNemar's exact test on the {one['only_first'] + one['only_second']:,} predictions that one of them "
            f"alone gets right: {p_value(one['p_mcnemar'])}. It takes slices for independent, which slices of one head "
            "are not, so its p is too small: **quote the interval**, which draws whole persons."
        )
    st.caption(_rests(pd.DataFrame(line), protocol))


def outcome(line: dict[str, Any], words: str) -> str:
    """What a comparison says, in one plain sentence.

    Args:
        line: ``first, second, difference, low, high``.
        words: What the figure is.
    """
    first, second = model_title(line["first"]), model_title(line["second"])
    value, low, high = (line[name] for name in _VALUES)
    side = charts.difference_sentence(low, high)
    figure = words[:1].lower() + words[1:]
    if side == 0:
        ends = theme.span(low, high, sign=True) or "no interval"
        return (
            f"No difference can be told: {first} less {second} is {theme.signed(value)} points of {figure} "
            f"(95 % interval {ends})."
        )
    if side < 0:
        first, second, value, low, high = second, first, -value, -high, -low
    ends = theme.span(low, high)
    return f"{first} is better than {second} by {100 * value:.1f} points of {figure} (95 % interval {ends})."


def p_value(value: float) -> str:
    """``p = 0.032``, or ``p < 0.001``."""
    return (
        "p\N{NO-BREAK SPACE}<\N{NO-BREAK SPACE}0.001"
        if value < 0.001
        else f"p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{value:.3f}"
    )


def _pick(column: Any, label: str, models: list[str], key: str, first: str) -> str:
    with column:
        return address.select(label, models, key, first, model_title)


def _table(once: pd.DataFrame, words: str) -> None:
    rows = [
        Line(
            [
                f"{model_title(line['first'])} less {model_title(line['second'])}",
                tables.points(*(line[name] for name in _VALUES)),
                f"{line['only_first']:,}", f"{line['only_second']:,}",
                f"{line['p_mcnemar']:.3f}" if line["p_mcnemar"] >= 0.001 else "< 0.001",
            ]
        )
        for line in once.to_dict("records")
    ]  # fmt: skip
    head = ["Pair", f"{words}\npoints", "Only the first\nright", "Only the second\nright", "McNemar p\ntoo small"]
    with st.expander(f"The {len(rows)} pairs as a table"):
        tables.show_table("Pairs of models", head, rows, wrap=True)
        st.caption("Bold: the interval leaves out zero. No correction is made for looking at so many pairs at once.")


def _rests(part: pd.DataFrame, protocol: str) -> str:
    n, persons = sorted(set(part["n"])), sorted(set(part["persons"]))
    slices = f"{n[0]:,}" if len(n) == 1 else f"{n[0]:,} to {n[-1]:,}"
    heads = f"{persons[0]:,}" if len(persons) == 1 else f"{persons[0]:,} to {persons[-1]:,}"
    return f"Protocol {protocol}, n = {slices} slices of {heads} persons that both tested."
