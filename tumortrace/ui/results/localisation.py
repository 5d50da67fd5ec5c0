"""Localisation: whether saliency points at the tumour, scored against the radiologists' outlines."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.charts import groups as charts
from tumortrace.config import model_title
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import records_frame
from tumortrace.explain.methods import TITLES
from tumortrace.ui.components import plots, tables
from tumortrace.ui.components.tables import Cell, Line
from tumortrace.ui.shell import address, benchmark_document, state
from tumortrace.ui.shell.results_index import ResultSource

METRICS: Final = {
    "pointing": ("Pointing game", "How often the strongest pixel of the map lies inside the outline."),
    "energy": ("Energy inside", "Which share of the whole map lies inside the outline."),
    "iou": (
        "IoU",
        "Overlap of the outline and the strongest part of the map, over their union; the threshold of each fold is "
        "chosen on the other folds.",
    ),
    "road": (
        "ROAD",
        "How much more the answer suffers when what the map points at is removed than when the rest is; 0 is what a "
        "map without meaning gets, on a sample of slices.",
    ),
}
"""Name and explanation of each score."""
GROUPS: Final = {"all": "All slices", "right": "Classified right", "wrong": "Classified wrong"}
METHODS: Final = TITLES | {"centre": "Blind: centre", "even": "Blind: even"}
BLIND: Final = ("centre", "even")
OUTLINE: Final = "outline"
_KEPT: Final = ("value", "low", "high", "n", "sampled")


def render(bench: ResultsDocument, found: list[ResultSource]) -> None:
    """Draw the section Localisation: how well saliency maps point at the outlined tumour."""
    table = records_frame(bench.localisation)
    if table.empty:
        benchmark_document.missing(bench, "No saliency has been scored yet.")
        return
    maps = table[table["method"] != OUTLINE]
    if len(maps):
        _maps(bench, maps)
    else:
        benchmark_document.missing(bench, "No saliency has been scored yet.")
    _outlines(table[table["method"] == OUTLINE])


def _maps(bench: ResultsDocument, maps: pd.DataFrame) -> None:
    measured = [name for name in METRICS if (maps["metric"] == name).any()]
    left, right = plots.columns("localised", [3, 2])
    with left:
        metric = address.choose(
            "Score", measured, state.LOCALISATION_METRIC, measured[0], lambda name: METRICS[name][0]
        )
    with right:
        group = address.choose("Slices", list(GROUPS), state.LOCALISATION_GROUP, "all", GROUPS.__getitem__)
    words, explained = METRICS[metric]
    st.markdown(
        f"**{words}.** {explained} Two blind maps, the same for every slice, show what needs no model at all: `even` "
        "is the same everywhere, `centre` a bell around the middle."
    )
    held = maps[(maps["metric"] == metric) & (maps["group"] == group)]
    if held.empty:
        st.caption(f"None of the slices {GROUPS[group].lower()} was scored.")
        return
    known = [*METHODS, *sorted(set(held["method"]) - set(METHODS))]
    order = [name for name in known if name in set(held["method"]) and name not in BLIND]
    order += [name for name in known if name in set(held["method"]) and name in BLIND]
    models = benchmark_document.in_order(held["model"])
    rests = _rests(held, group)
    cells = {
        (str(line["method"]), str(line["model"])): {name: line[name] for name in _KEPT}
        for line in held.to_dict("records")
    }
    lines = [
        {"method": METHODS.get(name, name), "model": model_title(model),
         "kind": charts.REFERENCE if name in BLIND else "method", **one}
        for name in order for model in models
        for one in [cells.get((name, model))] if one
    ]  # fmt: skip
    frame = pd.DataFrame(lines)
    plots.show_figure(charts.localisation(frame, words, metric != "road"), f"localised_{metric}_{group}", rests)
    make = tables.number if metric == "road" else tables.share
    rows = []
    for name in order:
        found = [cells.get((name, model), {}) for model in models]
        counts = {int(one["n"]) for one in found if one and one["sampled"]}
        note = f"sample, n = {_range(pd.Series(sorted(counts)))}" if counts else ""
        shown = [_cell(one, make) for one in found]
        rows.append(Line([Cell(METHODS.get(name, name), note), *shown], faint=name in BLIND))
    tables.show_table(f"{words} by method and model", [f"{words}", *map(model_title, models)], rows)
    st.caption("The same figures; small: their intervals. Faint: the blind maps.")
    tables.download(maps, "localisation")


def _cell(one: dict[str, Any], make: Any) -> Cell:
    if not one:
        return Cell("–")
    cell: Cell = make(one["value"], one["low"], one["high"])
    return cell


def _rests(held: pd.DataFrame, group: str) -> str:
    whole = held[~held["sampled"].astype(bool)]
    sample = held[held["sampled"].astype(bool)]
    said = f"Protocol official, {GROUPS[group].lower()}; maps towards the predicted class, of slices never trained on"
    if len(whole):
        said += f"; n = {_range(whole['n'])} slices"
    if len(sample):
        said += f"; where marked, a sample of n = {_range(sample['n'])}, weighed back to all slices"
    return said + ". 95 % intervals by bootstrap over persons."


def _range(n: pd.Series[Any]) -> str:
    low, high = int(n.min()), int(n.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _outlines(table: pd.DataFrame) -> None:
    st.subheader("Outlines that TraceNet draws itself")
    if table.empty:
        st.caption("TraceNet learns to draw the tumour's outline as well; none of its outlines has been scored yet.")
        return
    st.markdown(
        "TraceNet also learns to draw the tumour. Its drawing (probability above 0.5) against the radiologist's "
        "outline. Dice is twice the common area over the sum of both, IoU the common area over that of either."
    )
    rows = []
    for group, words in GROUPS.items():
        held = {line["metric"]: line for line in table[table["group"] == group].to_dict("records")}
        if held:
            cells = [held.get(metric) for metric in ("dice", "iou")]
            n = max(int(line["n"]) for line in held.values())
            rows.append(
                Line(
                    [
                        Cell(words, f"n = {n:,} slices"),
                        *(_cell({str(k): v for k, v in (line or {}).items()}, tables.share) for line in cells),
                    ]
                )
            )
    tables.show_table("Outlines drawn by TraceNet", ["Slices", "Dice", "IoU"], rows)
    st.caption("Protocol official, slices never trained on; small: 95 % intervals by bootstrap over persons.")
    tables.download(table, "outlines")
