"""Leakage: what it is worth to a model to have seen the same head in training."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.charts import differences as charts
from tumortrace.charts import leaderboard as board_charts
from tumortrace.config import model_title
from tumortrace.evaluation.formatting import METRIC_NAMES
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import records_frame
from tumortrace.ui.components import plots, tables
from tumortrace.ui.components.tables import Cell, Group, Line
from tumortrace.ui.shell import address, benchmark_document, state
from tumortrace.ui.shell.results_index import ResultSource

LEAKY: Final = ("slice", "official")
HONEST: Final = "person"
FIGURES: Final = ("accuracy", "macro_f1", "recall/meningioma", "recall/glioma", "recall/pituitary")


def render(bench: ResultsDocument, found: list[ResultSource]) -> None:
    """Draw the section Leakage: the same models under a leaking protocol and under ``person``."""
    st.markdown(
        "The same recipes are tested on the same slices twice: once trained with slices (`slice`) or earlier and later "
        "exams (`official`) of the tested heads, once with none of them (`person`). What a model gains by that is "
        "memory of a head, not skill with a tumour, and it would be gone at the next patient."
    )
    table = records_frame(bench.leakage)
    if table.empty:
        text = "It needs slice or official, and person. The command below trains what is missing and computes it."
        benchmark_document.missing(bench, "No model has been tested under two protocols yet.", text)
    else:
        _protocols(bench, table)
    _follow_ups(bench)


def _protocols(bench: ResultsDocument, table: pd.DataFrame) -> None:
    figure = address.choose("Figure", FIGURES, state.LEAKAGE_METRIC, FIGURES[0], _words)
    metric, _, name = figure.partition("/")
    same_class = table["class"].isna() if not name else table["class"] == name
    # The majority vote looks at no slice, so nothing can leak into it.
    held = table[(table["metric"] == metric) & same_class & (table["model"] != benchmark_document.MAJORITY)]
    models = benchmark_document.in_order(held["model"])
    held = held.assign(row=held["model"].map(models.index), part=held["protocol"].map(LEAKY.index))
    held = held.sort_values(["row", "part"])
    named = benchmark_document.titled(held, "model")
    for column, protocol in zip(plots.columns("leaky"), LEAKY, strict=True):
        part = named[named["protocol"] == protocol]
        with column:
            st.subheader(f"{protocol} against {HONEST}")
            drawn = board_charts.two_protocols(part, protocol, HONEST, _words(figure))
            said = f"{_rests(part, protocol)} The intervals of the differences stand below."
            plots.show_figure(drawn, f"leak_{protocol}_{figure}", said)
    st.subheader("What leaking gains")
    gains = named.assign(kind=[f"{protocol} less {HONEST}" for protocol in named["protocol"]], value=named["gain"])
    plots.show_figure(
        charts.side_by_side(gains, f"Gain, points of {_words(figure).lower()}"), f"gains_{figure}",
        f"Paired 95 % intervals by bootstrap over persons. {_rests(held, *LEAKY)} Right of zero: leaking helps.",
    )  # fmt: skip
    rows = [
        Line([model_title(model), *(cell for protocol in LEAKY for cell in _pair(held, model, protocol))])
        for model in models
    ]
    head = ["Model"]
    for protocol in LEAKY:
        head += [f"{protocol}\nleaks", f"{HONEST}\nsame slices", "gain\npoints"]
    with st.expander("The same as a table"):
        tables.show_table("Figures under two protocols", head, rows)
        st.caption(f"{_words(figure)}. Bold: the interval leaves out zero.")
    tables.download(table, "leakage")


def _pair(held: pd.DataFrame, model: str, protocol: str) -> list[Cell]:
    found = held[(held["model"] == model) & (held["protocol"] == protocol)].to_dict("records")
    if not found:
        return [Cell("–")] * 3
    line = found[0]
    return [
        tables.share(line["leaky"]),
        tables.share(line["honest"]),
        tables.points(line["gain"], line["low"], line["high"]),
    ]


def _follow_ups(bench: ResultsDocument) -> None:
    st.subheader("Gliomas seen before")
    st.markdown(
        "Some persons were examined more than once, under several patient ids; under `official` one exam may train "
        "while the other is tested. If gliomas with such a follow-up in training are recognised more often under "
        "`official` than their advantage under `person` explains, the difference of the differences is what "
        "the follow-up is worth."
    )
    table = records_frame(bench.follow_ups)
    table = table[table["model"] != benchmark_document.MAJORITY] if len(table) else table
    if table.empty:
        benchmark_document.missing(bench, "No model has been tested under official yet.")
        return
    models = benchmark_document.in_order(table["model"])
    cells = {(line["model"], line["protocol"], line["group"]): line for line in table.to_dict("records")}
    both = [cells.get((model, "official - person", "difference of differences")) for model in models]
    known = [line | {"model": model_title(line["model"]), "kind": "worth of a follow-up"} for line in both if line]
    if known:
        n, persons = known[0]["n"], known[0]["persons"]
        plots.show_figure(
            charts.side_by_side(pd.DataFrame(known), "Difference of differences, points of recall of glioma"),
            "follow_ups",
            f"Official less person, n = {n:,} glioma slices of {persons:,} persons; 95 % intervals by bootstrap over "
            "persons. At zero: a follow-up exam in training changes nothing.",
        )
    rows: list[Line | Group] = []
    for protocol in ("official", HONEST):
        held = [model for model in models if (model, protocol, "follow-up") in cells]
        if held:
            rows += [Group(_heading(protocol)), *(_line(cells, model, protocol) for model in held)]
    tables.show_table(
        "Recall of gliomas with and without a follow-up exam in training",
        ["Model", "With a follow-up", "Without", "Difference\npoints", "Less that under person\npoints"], rows,
    )  # fmt: skip
    one = next(line for line in table.to_dict("records") if line["group"] == "follow-up")
    other = next(line for line in table.to_dict("records") if line["group"] == "none")
    st.caption(
        f"Recall of glioma; with a follow-up n = {one['n']:,} slices of {one['persons']:,} persons, without "
        f"n = {other['n']:,} of {other['persons']:,}; 95 % intervals by bootstrap over persons. Bold: the interval "
        "leaves out zero."
    )
    tables.download(table, "follow_ups")


def _line(cells: dict[tuple[Any, ...], dict[Any, Any]], model: str, protocol: str) -> Line:
    groups = [cells[model, protocol, group] for group in ("follow-up", "none")]
    shares = [tables.share(one["value"], one["low"], one["high"]) for one in groups]
    gap = cells[model, protocol, "difference"]
    both = cells.get((model, "official - person", "difference of differences")) if protocol == "official" else None
    last = Cell("") if both is None else tables.points(both["value"], both["low"], both["high"])
    return Line([model_title(model), *shares, tables.points(gap["value"], gap["low"], gap["high"]), last])


def _heading(protocol: str) -> str:
    if protocol == HONEST:
        return "person: no exam of the tested head is in training; what remains is that some heads are easier"
    return "official: the follow-up exam may be in training"


def _words(figure: str) -> str:
    metric, _, name = figure.partition("/")
    return METRIC_NAMES[metric] + (f" of {name}" if name else "")


def _rests(part: pd.DataFrame, *protocols: str) -> str:
    said = [
        f"{protocol} and {HONEST}: n = {int(part.loc[part['protocol'] == protocol, 'n'].max()):,} slices"
        for protocol in protocols
        if (part["protocol"] == protocol).any()
    ]
    return "; ".join(said) + "." if said else ""
