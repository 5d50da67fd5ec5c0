"""Literature: what others have published for this dataset, kind by kind, with ours beside it."""

from __future__ import annotations

import re
from typing import Any, Final

import streamlit as st

from tumortrace.charts.theme import undefined
from tumortrace.evaluation.formatting import percent
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.ui.components import ranking, tables
from tumortrace.ui.components.tables import Cell, Group, Line
from tumortrace.ui.shell import benchmark_document, style
from tumortrace.ui.shell.results_index import ResultSource

KINDS: Final = {
    "person": "Grouped by person: follow-up exams kept together (our person)",
    "official": "Grouped by patient id: follow-up exams may cross (our official)",
    "slice": "Split by slice: patients on both sides, it leaks (our slice)",
    "unknown": "Split not stated or not verified: not to be compared",
    "other": "Another dataset or task: not to be compared",
}
_LINKS: Final = (
    (re.compile(r"PMC(\d+)"), "https://pmc.ncbi.nlm.nih.gov/articles/PMC{}/"),
    (re.compile(r"pubmed (\d+)"), "https://pubmed.ncbi.nlm.nih.gov/{}/"),
    (re.compile(r"arXiv ([\d.]+)"), "https://arxiv.org/abs/{}"),
)
_SWAPPED: Final = "swapped"


def render(bench: ResultsDocument, found: list[ResultSource]) -> None:
    """Draw the section Literature: published figures for the same dataset beside these."""
    table = benchmark_document.literature()
    if table.empty:
        text = "The file artifacts/benchmark/literature.csv holds them; it belongs to the project's source."
        st.html(style.note(text, "info", "No published figures ship with this copy."))
        return
    st.markdown(
        "What others report for this dataset. A figure may be set only beside one of the same kind of split: between "
        "kinds, the split decides more than the model. Even within a kind the folds, the preparation of the slices and "
        "the weights to start from differ."
    )
    rows: list[Line | Group] = []
    for kind in [*KINDS, *sorted(set(table["kind"].dropna()) - set(KINDS))]:
        held = table[table["kind"] == kind]
        if len(held):
            rows += [Group(KINDS.get(kind, kind)), *_ours(found, kind)]
            best_first = held.sort_values(["accuracy", "macro_f1"], ascending=False)
            rows += [_line({str(key): value for key, value in line.items()}) for line in best_first.to_dict("records")]
    head = ["Source", "Model\nsplit, remarks", "Accuracy", "Macro F1", "Counts\nread there?"]
    tables.show_table("Published figures", head, rows, text=(0, 1, 4), wrap=True)
    st.caption(
        "Ours in bold, with 95 % intervals by bootstrap over persons; published figures mostly come without. Counts: "
        "slices or patients. Read there: whether the figure was seen at its source, or is quoted after another."
    )
    for line in table[table["other"].astype(str).str.contains(_SWAPPED)].to_dict("records"):
        st.html(style.note(f"{line['other']}.", "warn", f"{line['source']}: two class names changed places."))
    tables.download(table, "literature")


def _ours(found: list[ResultSource], kind: str) -> list[Line]:
    """The ensemble's and the best network's figures under the protocol of that kind."""
    held = [
        source for source in found
        if source.run_id is None and source.report.protocol == kind and not ranking.is_baseline(source)
        if not source.synthetic
    ]  # fmt: skip
    networks = [source for source in held if source.report.model != benchmark_document.ENSEMBLE]
    best = max(networks, key=lambda source: source.report.slice.interval("accuracy").value or 0.0, default=None)
    chosen = [source for source in held if source.report.model == benchmark_document.ENSEMBLE] + (
        [best] if best else []
    )
    lines = []
    for source in chosen:
        cells = []
        for metric in ("accuracy", "macro_f1"):
            one = source.report.slice.interval(metric)
            cells.append(tables.share(one.value, one.low, one.high, strong=True))
        facts = ranking.facts(source.report, "slice")
        name = "" if source.report.model == benchmark_document.ENSEMBLE else ", best single network"
        lines.append(Line(["TumorTrace", Cell(source.name + name, f"{kind}; {facts}", strong=True), *cells, "slice"]))
    return lines


def _line(line: dict[str, Any]) -> Line:
    said = {name: "" if undefined(line[name]) else str(line[name]) for name in line}
    year = f" {int(line['year'])}" if said["year"] else ""
    figures = [None if undefined(line[name]) else float(line[name]) for name in ("accuracy", "macro_f1")]
    return Line(
        [
            Cell(said["source"] + year, said["where"], _link(said["where"])),
            Cell(said["model"], f"{said['protocol']}\n{said['other']}"),
            *("–" if figure is None else percent(figure) for figure in figures),
            Cell(said["unit"], said["checked"]),
        ]
    )


def _link(where: str) -> str:
    for pattern, address in _LINKS:
        found = pattern.search(where)
        if found:
            return address.format(found.group(1))
    return ""
