"""Two models on the same slices: whom the one rescues and whom it ruins, in numbers, as a figure and as slices."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

import pandas as pd
import streamlit as st

from tumortrace.charts import confusion as charts
from tumortrace.evaluation.disagreement import confusion_difference, side_by_side
from tumortrace.evaluation.significance import Comparison, compare
from tumortrace.ui.components import plots, tables
from tumortrace.ui.components.tables import Cell, Line
from tumortrace.ui.errors import address, mistakes
from tumortrace.ui.errors.mistakes import Tags
from tumortrace.ui.errors.rows import Errors
from tumortrace.ui.results import pairwise
from tumortrace.ui.shell import benchmark_document, state, style

OUTCOMES: Final = ("only first", "only second", "both wrong")
"""The lists that may be opened, as :func:`~tumortrace.evaluation.disagreement.side_by_side` names them."""


@dataclass(frozen=True)
class Pair:
    """Two models on the slices that both were tested on, under the lowest seed of both."""

    first: str
    second: str
    both: pd.DataFrame
    statistics: Comparison


def render(errors: Errors, tags: Tags) -> None:
    """Draw the view Two models: who is right where the other is wrong."""
    second = choose_models(errors)
    if second is None:
        text = "Under this protocol no other model was tested on these slices."
        st.html(style.note(text, "info", "Nothing to compare with."))
        return
    names = [errors.titles[errors.name], errors.titles[second]]
    st.selectbox(
        f"{names[0]} beside", _others(errors), key=state.ERRORS_COMPARE, persist_state="session",
        format_func=lambda name: errors.titles[name], on_change=address.on_change, args=(address.COMPARE,), width=380,
    )  # fmt: skip
    pair = _pair(errors.stamp, second, errors)
    if pair is None:
        text = f"{names[0]} and {names[1]} were tested on different slices."
        st.html(style.note(text, "info", "Nothing to compare."))
        return
    st.html(f'<p class="tt-said">{escape(_outcome(pair, names))}</p>')
    left, right = plots.columns("compared")
    with left:
        st.markdown("**Who is right**")
        _counts(pair, names)
    with right:
        st.markdown("**Confusion matrices, the first less the second**")
        plots.show_figure(
            charts.difference(confusion_difference(pair.both), *names), f"difference_{errors.source.key}_{second}",
            f"Slices more or fewer in each cell. Blue: {names[0]} does better there, orange: worse.",
        )  # fmt: skip
    _slices(errors, pair, names, tags)


def choose_models(errors: Errors) -> str | None:
    """The model that is compared with, as the address and the session say."""
    others = _others(errors)
    return address.settle(address.COMPARE, others, others[0]) if others else None


def render_slices(errors: Errors) -> pd.DataFrame:
    """The rows of the list that is open, to step through."""
    second = choose_models(errors)
    pair = None if second is None else _pair(errors.stamp, second, errors)
    if pair is None:
        return errors.rows.iloc[:0]
    held = _held(pair)
    keys = held[["slice_id", "seed"]]
    return keys.merge(errors.rows, on=["slice_id", "seed"], how="left")


def _others(errors: Errors) -> list[str]:
    return [name for name in errors.titles if name != errors.name]


@st.cache_resource(max_entries=24, show_spinner=False)
def _pair(stamp: str, second: str, _errors: Errors) -> Pair | None:
    one, other = _errors.rows, _errors.of(second)
    seeds = set(one["seed"]) & set(other["seed"])
    if not seeds:
        return None
    one, other = (frame[frame["seed"] == min(seeds)] for frame in (one, other))
    shared = set(one["slice_id"]) & set(other["slice_id"])
    if not shared:
        return None
    one, other = (frame[frame["slice_id"].isin(shared)].reset_index(drop=True) for frame in (one, other))
    return Pair(_errors.name, second, side_by_side(one, other), compare(one, other))


def _outcome(pair: Pair, names: list[str]) -> str:
    found = pair.statistics
    gap = found.difference
    only = f"{names[0]} alone is right on {found.only_first:,} slices, {names[1]} alone on {found.only_second:,}."
    ends = "no interval" if gap.low is None or gap.high is None else f"{100 * gap.low:+.1f} to {100 * gap.high:+.1f}"
    signed = f"{100 * (gap.value or 0):+.1f} points of accuracy (95 % interval {ends})".replace("-", "\N{MINUS SIGN}")
    return f"{only} {names[0]} less {names[1]}: {signed}."


def _counts(pair: Pair, names: list[str]) -> None:
    found = pair.statistics
    persons = pair.both.groupby("outcome")["person_id"].nunique()

    def cell(outcome: str, count: int, strong: bool = False) -> Cell:
        return Cell(f"{count:,}", f"{int(persons.get(outcome, 0)):,} persons", strong=strong)

    rows = [
        Line(
            [f"{names[0]} right", cell("both right", found.both_right), cell("only first", found.only_first, True)]
        ),
        Line(
            [f"{names[0]} wrong", cell("only second", found.only_second, True), cell("both wrong", found.both_wrong)]
        ),
    ]  # fmt: skip
    tables.show_table("Slices by who is right", ["", f"{names[1]} right", f"{names[1]} wrong"], rows, wrap=True)
    st.markdown(
        f"McNemar's exact test on the {found.only_first + found.only_second:,} slices that one of them alone gets "
        f"right: {pairwise.p_value(found.p_value)}. It takes slices for independent, which those of one head "
        "are not, so its p is too small: quote the interval, which draws whole persons."
    )
    clusters = f"{found.difference.clusters:,} {found.difference.unit}s"
    folds = ", ".join(str(fold) for fold in sorted(pair.both["fold"].unique()))
    st.caption(
        f"Protocol {pair.both['protocol'].iloc[0]}, folds {folds}, n = {found.n:,} slices that both were tested on, "
        f"of {clusters}."
    )


def _slices(errors: Errors, pair: Pair, names: list[str], tags: Tags) -> None:
    found = pair.statistics
    words = _words(pair, names)
    counts = {"only first": found.only_first, "only second": found.only_second, "both wrong": found.both_wrong}
    if st.session_state.get(state.ERRORS_OUTCOME) not in OUTCOMES:
        st.session_state[state.ERRORS_OUTCOME] = OUTCOMES[0]
    st.subheader("Which slices those are", anchor=False)
    chosen = st.segmented_control(
        "List", list(OUTCOMES), key=state.ERRORS_OUTCOME, required=True, persist_state="session", wrap=True,
        format_func=lambda name: f"{words[name]} ({counts[name]:,})", label_visibility="collapsed",
    )  # fmt: skip
    held = _held(pair)
    if held.empty:
        st.html(style.note("No slice is of this kind.", "info", "None."))
        return
    whose = names[1] if chosen == "only first" else names[0]
    st.caption(f"Under each slice stands what {whose} said. The surest mistakes first.")
    if errors.dataset is None:
        mistakes.table(render_slices(errors))
        return
    mistakes.grid(errors.dataset, held, tags, key="_compare")


def _held(pair: Pair) -> pd.DataFrame:
    """The slices of the open list with the prediction that is wrong, the surest first."""
    outcome = st.session_state.get(state.ERRORS_OUTCOME) or OUTCOMES[0]
    held = pair.both[pair.both["outcome"] == outcome]
    if outcome == "only first":
        columns = ["predicted", "predicted_class", "confidence", "correct"]
        held = held.assign(**{name: held[f"{name}_2"] for name in columns})
    return held.sort_values("confidence", ascending=False, kind="stable")


def _words(pair: Pair, names: list[str]) -> dict[str, str]:
    if pair.first == benchmark_document.ENSEMBLE:
        return {"only first": "rescued by the vote", "only second": "ruined by the vote", "both wrong": "wrong in both"}
    if pair.second == benchmark_document.ENSEMBLE:
        return {"only first": "ruined by the vote", "only second": "rescued by the vote", "both wrong": "wrong in both"}
    return {
        "only first": f"{names[0]} right, {names[1]} wrong", "only second": f"{names[1]} right, {names[0]} wrong",
        "both wrong": "both wrong",
    }  # fmt: skip
