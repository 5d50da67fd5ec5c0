"""Patterns in a model's errors: by what is known of a slice, by fold and person, and what the vote makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.benchmark import error_analysis, error_patterns
from tumortrace.charts import errors as charts
from tumortrace.charts import groups, theme
from tumortrace.data import splits
from tumortrace.evaluation.disagreement import rescues
from tumortrace.evaluation.results_records import records_frame
from tumortrace.ui.components import plot_clicks, plots, tables
from tumortrace.ui.components.tables import Line
from tumortrace.ui.errors import address, matrix
from tumortrace.ui.errors.rows import PERSON, Errors
from tumortrace.ui.shell import benchmark_document, state, style

SHOWN: Final = 12
"""Persons with most errors in the figure."""
NOTES: Final = {
    "plane": "Estimated from the published numbering; the dataset does not say.",
    "size": "Outlined area over the area of the slice.",
    "side": "From the middle of the tumour to the middle of the slice.",
    "height": "Of the middle of the tumour.",
    "contrast": "Mean intensity inside the outline less that of a ring around it.",
    "slices": "How many slices the dataset holds of the patient.",
    "fold": "Each fold was tested with a network of its own.",
}


@dataclass(frozen=True)
class Patterns:
    """What is drawn; computed once."""

    rates: pd.DataFrame
    """``by, group, value, low, high, n, persons``."""
    persons: pd.DataFrame
    """From :func:`tumortrace.benchmark.error_patterns.concentration`."""
    votes: pd.DataFrame
    """From :func:`tumortrace.evaluation.disagreement.rescues`; empty where there is no vote."""


def render(errors: Errors) -> None:
    """Draw the view Patterns: error rates by group, by fold and by person, and what the ensemble corrects."""
    if errors.rows.empty:
        st.html(style.note("No predictions of this model are at hand.", "info", "Nothing to count."))
        return
    found = _patterns(errors.stamp, errors)
    _rates(errors, found)
    _persons(errors, found.persons)
    _votes(errors, found.votes)


@st.cache_resource(max_entries=8, show_spinner="Counting errors ...")
def _patterns(stamp: str, _errors: Errors) -> Patterns:
    rates = _counted(_errors)
    folds = error_patterns.by_fold(_errors.rows)
    if len(folds) > 1:
        rates = pd.concat([rates, folds.assign(by="fold")], ignore_index=True)
    votes = []
    if benchmark_document.ENSEMBLE in _errors.titles:
        members = [
            name
            for name in _errors.titles
            if name
            not in (benchmark_document.ENSEMBLE, *benchmark_document.BASELINES, *benchmark_document.case_context())
        ]
        votes = rescues(_errors.every, benchmark_document.ENSEMBLE, members)
    columns = ["model", "n", "wrong", "mended", "ruined", "kept", "persons", "p_value"]
    return Patterns(rates, error_patterns.concentration(_errors.rows), pd.DataFrame(votes, columns=columns))


def _counted(errors: Errors) -> pd.DataFrame:
    """The benchmark's own counts where it has them; otherwise the same from the manifest."""
    source = errors.source
    if source.run_id is None:
        every = records_frame(benchmark_document.read_document().failures.error_rates)
        if len(every):
            held = every[(every["model"] == source.report.model) & (every["protocol"] == errors.protocol)]
            if len(held) and int(held.loc[held["by"] == "class", "n"].sum()) == errors.rows["slice_id"].nunique():
                return held.drop(columns=["model", "protocol"])
    figshare = source.published
    truth = errors.dataset.manifest if errors.dataset is not None else splits.frozen_figshare()
    if errors.dataset is not None:
        facts = error_patterns.manifest_facts(truth, figshare=figshare)
    else:
        facts = pd.DataFrame(index=truth["slice_id"].astype("string"))
        facts = facts.reindex(columns=["plane", "size", "side", "height", "contrast", "slices"])
    lines = error_analysis.error_rates(errors.rows, truth, facts)
    return pd.DataFrame(lines, columns=["model", "protocol", "by", "group", "value", "low", "high", "n", "persons"])


def _rates(errors: Errors, found: Patterns) -> None:
    names = error_analysis.GROUPS | {"fold": "Test fold"}
    overall = float((~errors.rows["correct"]).mean())
    unit = errors.source.report.slice.interval("accuracy").unit
    st.subheader("Error rates", anchor=False)
    st.caption(
        f"{errors.titles[errors.name]}, protocol {errors.protocol}, n = {errors.rows['slice_id'].nunique():,} slices; "
        f"95 % intervals by bootstrap over {unit}s. Dashed: all slices. Groups differ in more than what they are named "
        "after: these are descriptions, not causes."
    )
    highs = pd.to_numeric(found.rates["high"]).max()
    most = None if pd.isna(highs) else min(1.0, 1.05 * float(highs))
    kinds = [by for by in names if (found.rates["by"] == by).any()]
    for start in range(0, len(kinds), 2):
        for column, by in zip(plots.columns(f"errors_rates_{start}"), kinds[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{names[by]}**")
                held = found.rates[found.rates["by"] == by]
                plots.show_figure(
                    groups.error_rates(held, overall, most), f"errors_{errors.source.key}_{by}", NOTES.get(by)
                )
    absent = [names[by] for by in names if by not in kinds]
    if absent:
        st.caption(f"Not known for these slices, or only one group: {', '.join(absent).lower()}.")
    tables.download(found.rates, "errors_by_group")


def _persons(errors: Errors, persons: pd.DataFrame) -> None:
    st.subheader("The few persons who make most errors", anchor=False)
    worst = persons[persons["errors"] > 0]
    if worst.empty:
        st.caption("No error of a known person.")
        return
    left, right = plots.columns("errors_persons", [7, 5])
    with left:
        figure, key = charts.persons(worst.head(SHOWN)), f"persons_{errors.source.key}"
        st.plotly_chart(
            figure, width="stretch", key=key, on_select=lambda: _clicked(errors, key), selection_mode="points",
            config={"displayModeBar": False}, alt=theme.alt_text(figure),
        )  # fmt: skip
        st.caption("A click on a bar shows the person's mistakes. Plain counts over all seeds, no interval.")
    with right:
        people = worst["person_id"].tolist()
        counts = dict(zip(people, worst["errors"].astype(int), strict=True))
        chosen = st.selectbox(
            "Show the mistakes of", people, index=None, placeholder="choose a person", key="errors_person",
            format_func=lambda name: f"{name} ({counts[name]:,})", on_change=lambda: _go(errors, "errors_person"),
            help="The same as a click on a bar.",
        )  # fmt: skip
        del chosen
        plots.show_figure(
            charts.concentration(persons), f"concentration_{errors.source.key}",
            "Errors come in heads, which is why every interval here draws whole persons.",
        )  # fmt: skip
    tables.download(persons, "errors_by_person")


def _clicked(errors: Errors, key: str) -> None:
    points = plot_clicks.points_of(key)
    if points:
        _mistakes_of(errors, str(points[0].get("customdata")))


def _go(errors: Errors, key: str) -> None:
    if st.session_state.get(key):
        _mistakes_of(errors, str(st.session_state[key]))


def _mistakes_of(errors: Errors, person: str) -> None:
    ids = errors.rows.loc[(errors.rows["person_id"] == person).fillna(False), "patient_id"].dropna().unique()
    address.choose(address.PATIENT, str(ids[0]) if len(ids) == 1 else f"{PERSON}{person}")
    matrix.choose(matrix.MISTAKES)
    for name in (state.ERRORS_TAG, state.ERRORS_CONFIDENCE):
        st.session_state.pop(name, None)
    address.choose(address.VIEW, "mistakes")


def _votes(errors: Errors, votes: pd.DataFrame) -> None:
    st.subheader("What the ensemble mends, and what it ruins", anchor=False)
    if votes.empty:
        st.caption("There is no vote of several models on these slices.")
        return
    named = votes.assign(model=[errors.titles[name] for name in votes["model"]])
    left, right = plots.columns("errors_votes")
    with left:
        plots.show_figure(
            charts.rescues(named), f"rescues_{errors.protocol}",
            "Slices that a model gets wrong and the vote right (mended), and the other way round (ruined).",
        )  # fmt: skip
    with right:
        lines = [_vote_line(line) for line in named.to_dict("records")]
        head = ["Model", "Wrong", "Mended\nof how many persons", "Ruined", "p\nMcNemar, too small"]
        tables.show_table("What the vote mends and ruins", head, lines, wrap=True)
        st.caption(
            f"Protocol {errors.protocol}, n = {int(votes['n'].max()):,} predictions. McNemar takes slices for "
            "independent, which those of one head are not. The slices themselves are under Two models."
        )
        most = str(votes.sort_values("mended", kind="stable")["model"].iloc[-1])
        st.button(
            f"See the slices it mends of {errors.titles[most]}", icon=":material/compare_arrows:", key="errors_mended",
            on_click=_beside_vote, args=(most,),
        )  # fmt: skip
    tables.download(votes, "errors_vote")


def _beside_vote(member: str) -> None:
    address.choose(address.MODEL, benchmark_document.ENSEMBLE)
    address.choose(address.COMPARE, member)
    st.session_state[state.ERRORS_OUTCOME] = "only first"
    address.choose(address.VIEW, "compare")


def _vote_line(line: dict[Any, Any]) -> Line:
    p = "< 0.001" if line["p_value"] < 0.001 else f"{line['p_value']:.3f}"
    mended = tables.Cell(f"{line['mended']:,}", f"{line['persons']:,} persons", strong=True)
    return Line([str(line["model"]), f"{line['wrong']:,}", mended, f"{line['ruined']:,}", p])
