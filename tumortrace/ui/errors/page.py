"""The Errors page: a model and a protocol, four views of its errors, and any slice of them large.

The address holds what matters: ``?view=&model=&protocol=&cell=&slice=&compare=``. Only the view that is open runs.
"""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from tumortrace.config import model_title
from tumortrace.ui.errors import address, compare, matrix, mistakes, notes, patterns, slice_detail
from tumortrace.ui.errors.mistakes import Tags
from tumortrace.ui.errors.rows import Errors, load_errors
from tumortrace.ui.shell import address as shared_address
from tumortrace.ui.shell import benchmark_document, layout, state, style
from tumortrace.ui.shell.results_index import ResultSource

VIEWS: Final = {"mistakes": "Mistakes", "patterns": "Patterns", "compare": "Two models", "notes": "Notes"}


def render(found: list[ResultSource]) -> None:
    """Draw the Errors page: the choice of model and view, and the view.

    Args:
        found: Shipped models and finished runs, at least one.
    """
    layout.not_clinical()
    source, view = _choose(found)
    if source.synthetic:
        layout.synthetic_banner("This model was tested on synthetic slices")
    tags = notes.tags_of(source.dataset_name)
    if view == "notes":
        _say_dropped()
        notes.render_list(source.dataset_name)
        return
    errors = load_errors(source, found)
    address.settle(address.CELL, matrix.CELLS, matrix.MISTAKES)
    address.settle(address.PATIENT, [None, *errors.patients], None)
    if view == "compare":
        compare.choose_models(errors)
    row = _asked(errors)
    _say_dropped()
    if row is not None:
        listed = compare.render_slices(errors) if view == "compare" else mistakes.listed(errors, tags)
        slice_detail.render(errors, row, listed, tags)
    else:
        _section(view, errors, tags)


def _section(view: str, errors: Errors, tags: Tags) -> None:
    if errors.rows.empty:
        text = "Its report ships without the rows it was made from; run the benchmark, or restore artifacts/."
        st.html(style.note(text, "warn", "No predictions of this model are at hand."))
    elif view == "patterns":
        patterns.render(errors)
    elif view == "compare":
        compare.render(errors, tags)
    else:
        mistakes.render(errors, tags)


def _choose(found: list[ResultSource]) -> tuple[ResultSource, str]:
    _old_link()
    by_place = {(_model_key(one), one.report.protocol): one for one in found}
    titles = {_model_key(one): model_title(one.report.model) if one.run_id is None else one.title for one in found}
    shipped = benchmark_document.in_order(
        key for key in titles if key in {one.report.model for one in found if not one.run_id}
    )
    models = [*shipped, *(key for key in titles if key not in shipped)]
    # The best under the most honest protocol is the first of the sources.
    model = address.settle(address.MODEL, models, _model_key(found[0])) or models[0]
    tested = [name for name in benchmark_document.PROTOCOLS if (model, name) in by_place]
    protocol = address.settle(address.PROTOCOL, tested, tested[0]) or tested[0]
    if address.VIEW not in st.query_params and {state.SLICE, address.CELL} & set(st.query_params):
        # A link to a slice or a cell means the mistakes, whatever this session looked at last.
        st.session_state[state.ERRORS_VIEW] = "mistakes"
    view = address.settle(address.VIEW, list(VIEWS), "mistakes") or "mistakes"
    first, second, third = st.columns([3, 2, 4], vertical_alignment="bottom")
    first.selectbox(
        "Model", models, key=state.ERRORS_MODEL, format_func=lambda name: titles[name], persist_state="session",
        on_change=_model_told,
    )  # fmt: skip
    second.segmented_control(
        "Protocol", tested, key=state.ERRORS_PROTOCOL, required=True, persist_state="session",
        on_change=address.on_change, args=(address.PROTOCOL,),
        help="Which folds: person is the honest one, official compares with the literature, slice leaks.",
    )  # fmt: skip
    third.segmented_control(
        "View", list(VIEWS), key=state.ERRORS_VIEW, required=True, format_func=lambda name: VIEWS[name],
        persist_state="session", on_change=address.on_change, args=(address.VIEW, state.SLICE, address.SEED),
    )  # fmt: skip
    return by_place[model, protocol], view


def _model_key(source: ResultSource) -> str:
    return source.ref.id


def _old_link() -> None:
    """A model and its protocol in one, as sources are named elsewhere."""
    asked = shared_address.benchmark_model(address.MODEL)
    if asked is not None and asked.protocol is not None:
        st.query_params[address.MODEL] = asked.id
        st.query_params[address.PROTOCOL] = asked.protocol


def _model_told() -> None:
    # Another model may not know the protocol or stand beside itself; a slice stays open, to see how the other did.
    address.on_change(address.MODEL, address.PROTOCOL, address.COMPARE)


def _asked(errors: Errors) -> pd.Series | None:
    asked = address.asked_slice()
    if asked is None:
        return None
    row = errors.place(*asked)
    if row is None:
        held = errors.rows[errors.rows["slice_id"] == asked[0]]
        row = None if held.empty else held.iloc[0]
    if row is None:
        address.wish(f"slice {asked[0][:40]} of {errors.titles.get(errors.name, errors.name)}, {errors.protocol}")
        address.open_slice(None)
    return row


def _say_dropped() -> None:
    gone = address.dropped()
    if gone:
        text = f"{', '.join(gone)} is not here, or no longer; what is nearest is shown."
        st.html(style.note(text, "warn", "The address asks for something that is not there."))
