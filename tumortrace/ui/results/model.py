"""One model: its figures, how they spread, how well its probabilities are calibrated, its recipe and what it cost."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.charts import leaderboard as charts
from tumortrace.config import fields, model_title
from tumortrace.evaluation.formatting import METRIC_NAMES
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import records_frame
from tumortrace.ui.components import model_figures, plots, tables
from tumortrace.ui.components.tables import Cell, Line
from tumortrace.ui.shell import address, benchmark_document, layout, state, style
from tumortrace.ui.shell.results_index import ResultSource

_MADE: Final = {
    "ensemble": "It trains nothing of its own: a soft vote of the networks, each at its own temperature, weighted by "
    "what the validation part of the fold says of each.",
    "classical": "No network: intensity and texture features with gradient-boosted trees, the baseline to be beaten.",
    "majority": "No network: it always answers with the commonest class of the training part.",
}


def render(bench: ResultsDocument, found: list[ResultSource]) -> None:
    """Draw the section One model: its figures, calibration, settings and cost."""
    if not found:
        benchmark_document.missing(bench, "No model has been tested yet.")
        return
    source = _choose(found)
    if source is None:
        return
    if source.synthetic and not all(other.synthetic for other in found):
        layout.synthetic_banner("This model was tested on synthetic slices")
    model_figures.render(source, model_figures.choose_level())
    if source.run_id is None and bench:
        model, protocol = source.report.model, source.report.protocol
        left, right = plots.columns("spread")
        with left:
            _spread(bench, model, protocol)
        with right:
            _calibration(bench, model, protocol)
        _recipe(bench, model)


def _choose(found: list[ResultSource]) -> ResultSource | None:
    """A shipped model under the protocol chosen, or a run."""
    shipped = {(source.report.model, source.report.protocol): source for source in found if source.run_id is None}
    runs = {source.key: source for source in found if source.run_id is not None}
    names = {name: model_title(name) for name in benchmark_document.in_order(model for model, _ in shipped)}
    names |= {key: source.title for key, source in runs.items()}
    key = address.select(
        "Model", list(names), state.RESULTS_MODEL, next(iter(names)), names.__getitem__, name=state.MODEL
    )
    if key in runs:
        return runs[key]
    protocol = benchmark_document.choose_protocol(held for model, held in shipped if model == key)
    benchmark_document.explain(protocol)
    if (key, protocol) not in shipped:
        text = "Choose another protocol, or another model."
        st.html(style.note(text, "info", f"{names[key]} has not been tested under {protocol}."))
    return shipped.get((key, protocol))


def _spread(bench: ResultsDocument, model: str, protocol: str) -> None:
    st.subheader("Spread over folds and seeds")
    lines = [
        {"by": line.by, "key": key, "value": value, "sd": line.sd, "mean": line.mean}
        for line in bench.spread
        if (line.model, line.protocol, line.metric) == (model, protocol, "accuracy")
        if len(line.values) > 1
        for key, value in line.values.items()
    ]
    if not lines:
        st.caption("It was tested on one fold under one seed: there is no spread to show.")
        return
    table = pd.DataFrame(lines)
    words = METRIC_NAMES["accuracy"]
    kinds = table.drop_duplicates("by").to_dict("records")
    said = "; ".join(f"over {line['by']}s {_mean(line)}" for line in kinds)
    one_seed = "" if "seed" in set(table["by"]) else " It was trained under one seed."
    plots.show_figure(
        charts.spread(table, words), f"spread_{model}_{protocol}",
        f"{words} of single folds, protocol {protocol}: {said} (mean and standard deviation, no interval).{one_seed}",
    )  # fmt: skip


def _mean(line: dict[Any, Any]) -> str:
    return f"{100 * line['mean']:.1f} ± {100 * line['sd']:.1f} %"


def _calibration(bench: ResultsDocument, model: str, protocol: str) -> None:
    st.subheader("Calibration before and after")
    table = records_frame(bench.calibration)
    held = table[(table["model"] == model) & (table["protocol"] == protocol)] if len(table) else table
    if held.empty:
        st.caption("Only networks have a temperature; it is fitted on the validation part of each fold.")
        return
    cells = {(str(line["metric"]), bool(line["tempered"])): line for line in held.to_dict("records")}
    rows = []
    for metric in dict.fromkeys(held["metric"]):
        make = tables.share if metric == "ece" else tables.number
        pair = [cells.get((metric, tempered)) for tempered in (False, True)]
        cells_of = [Cell("–") if one is None else make(one["value"], one["low"], one["high"]) for one in pair]
        rows.append(Line([METRIC_NAMES[metric], *cells_of]))
    tables.show_table("Calibration", ["Lower is better", "As trained", "With its temperature"], rows)
    fitted = [
        vote.temperatures[model] for vote in bench.votes
        if vote.protocol == protocol and model in vote.temperatures
    ]  # fmt: skip
    ends = f" Temperatures {min(fitted):.2f} to {max(fitted):.2f}; above 1 means it was too sure." if fitted else ""
    n = int(held["n"].max())
    st.caption(f"Protocol {protocol}, n = {n:,} predictions; small: 95 % intervals by bootstrap over persons.{ends}")
    tables.download(held, f"calibration_{model}_{protocol}")


def _recipe(bench: ResultsDocument, model: str) -> None:
    left, right = plots.columns("recipe")
    recipe = bench.recipes.get(model)
    with left:
        st.subheader("Recipe")
        if recipe:
            known = {setting.name: setting.help for setting in fields.settings()}
            rows = [
                Line([Cell(name, known.get(name, "").partition(";")[0]), Cell(_said(value))])
                for name, value in recipe.items()
                if name not in ("dataset", "validation_tiles", "checkpoint", "model.name")
            ]
            tables.show_table("Recipe", ["Setting", "Value"], rows, wrap=True)
            st.caption("Fixed before the benchmark began; every other setting has its default.")
        else:
            st.caption(_MADE.get(model, "Its recipe is not part of this copy's results."))
            if model == benchmark_document.ENSEMBLE:
                _weights(bench)
    with right:
        st.subheader("Cost")
        table = records_frame(bench.compute)
        held = table[table["model"] == model] if len(table) else table
        if held.empty:
            st.caption("No training time of its own is recorded.")
            return
        rows = [
            Line([str(one["part"]), Cell(str(one["device"])), f"{int(one['runs'])}", f"{float(one['hours']):,.1f}"])
            for one in held.to_dict("records")
        ]
        tables.show_table("Cost", ["For", "Device", "Runs", "Hours"], rows, text=(0, 1))
        st.caption("Hours of training and testing, all runs together.")


def _weights(bench: ResultsDocument) -> None:
    """What the vote gives each of its members, over folds."""
    table = pd.DataFrame([{"protocol": vote.protocol, **vote.weights} for vote in bench.votes])
    if table.empty:
        return
    members = benchmark_document.in_order(name for name in map(str, table) if name != "protocol")
    means = table.groupby("protocol", sort=False)[members].mean()
    protocols = [name for name in benchmark_document.PROTOCOLS if name in means.index]
    rows = [
        Line([model_title(member), *(tables.share(means[member][protocol]) for protocol in protocols)])
        for member in members
    ]
    tables.show_table("Weights of the vote", ["Weight in the vote", *protocols], rows)
    st.caption("Mean over folds and seeds.")


def _said(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
