"""Pinned slices of a run: any slice, followed epoch by epoch until it is unpinned."""

from __future__ import annotations

from html import escape
from typing import Final

import numpy as np
import streamlit as st

from tumortrace.charts import learning as charts
from tumortrace.constants import CLASSES
from tumortrace.data.datasets import Dataset
from tumortrace.runs import snapshots
from tumortrace.runs.run import LIVE, Run
from tumortrace.ui.components import plots
from tumortrace.ui.shell import cache, state, style
from tumortrace.ui.train import epochs
from tumortrace.ui.train.epochs import VALIDATION, Epoch

TILE: Final = 128
_BETWEEN: Final = " · "
_RULES: Final = (
    "A validation slice has been followed since epoch 1; a training or test slice is followed from the next epoch on. "
    "A test slice is watched only: it decides nothing."
)


def pinned(run: Run, dataset: Dataset | None) -> None:
    """Choose slices to follow, and see how the probability of their true class went.

    Args:
        run: Any run.
        dataset: What it learns from; None shows numbers alone.
    """
    truth = epochs.labels(dataset)
    newest = epochs.newest(run)
    held = snapshots.pins(run)
    _choose(run, newest, truth, held)
    st.caption(_RULES)
    if not held:
        return
    _lines(run, held, truth)
    with st.container(horizontal=True, gap="small", key="tiles-pinned"):
        for slice_id in held:
            _tile(run, dataset, newest, slice_id, truth.get(slice_id))


def button(run: Run, slice_id: str) -> None:
    """The line under a picture that names the slice and pins it."""
    held = snapshots.pins(run)
    full = len(held) >= snapshots.MAX_PINS
    st.button(
        f"Slice {slice_id}", icon=":material/push_pin:", type="tertiary", key=f"pin_{run.id}_{slice_id}",
        help="Pinned already" if slice_id in held else "Pin this slice", disabled=slice_id in held or full,
        on_click=snapshots.pin, args=(run, slice_id),
    )  # fmt: skip


def verdict(label: int | None, said: int) -> str:
    """The true class, and whether the model is right, in words."""
    if label is None:
        return f'<div class="tt-mistake" style="margin-bottom:.25rem">Says <b>{CLASSES[said]}</b></div>'
    words = "<b>Right</b>" if label == said else f"<b>Wrong</b>: says {CLASSES[said]}"
    return f'<div class="tt-mistake" style="margin-bottom:.25rem">{style.class_chip(label)}<br>{words}</div>'


def _choose(run: Run, newest: Epoch | None, truth: dict[str, int], held: list[str]) -> None:
    ranked = [] if newest is None else epochs.surest_mistakes(newest, truth)
    options = [_label(newest, slice_id, truth) for slice_id in ranked if newest is not None and slice_id not in held]
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    asked = left.selectbox(
        "Slice to pin", options, index=None, key=f"{state.LEARNING_CANDIDATE}{run.id}", accept_new_options=True,
        placeholder="Choose a validation slice, or type the id of any slice",
        help="Validation slices, the surest mistakes first. Any other slice of the dataset: type its id.",
    )  # fmt: skip
    # Labels change with every epoch, the id they begin with does not.
    slice_id = None if asked is None else asked.split(_BETWEEN)[0].strip()
    problem = None if slice_id is None else _problem(slice_id, truth, held, newest)
    right.button(
        "Pin", icon=":material/push_pin:", key=f"pin_chosen_{run.id}", width="stretch",
        disabled=slice_id is None or problem is not None, on_click=_pin_chosen, args=(run, slice_id),
    )  # fmt: skip
    if problem:
        st.caption(problem)


def _pin_chosen(run: Run, slice_id: str) -> None:
    snapshots.pin(run, slice_id)
    st.session_state[f"{state.LEARNING_CANDIDATE}{run.id}"] = None


def _label(newest: Epoch, slice_id: str, truth: dict[str, int]) -> str:
    shares = newest.shares(slice_id) or []
    said = int(np.argmax(shares))
    sure = f"{CLASSES[said]} {shares[said]:.0%}"
    if slice_id not in truth:
        return _BETWEEN.join((slice_id, f"says {sure}"))
    right = truth[slice_id] == said
    return _BETWEEN.join(
        (slice_id, CLASSES[truth[slice_id]], f"right, {shares[said]:.0%}" if right else f"wrong: {sure}")
    )


def _problem(slice_id: str, truth: dict[str, int], held: list[str], newest: Epoch | None) -> str | None:
    if slice_id in held:
        return f"Slice {slice_id} is pinned."
    if len(held) >= snapshots.MAX_PINS:
        return f"{snapshots.MAX_PINS} slices are pinned, and no more fit. Unpin one first."
    if slice_id not in truth and (newest is None or slice_id not in newest.place):
        return f"The dataset has no slice {slice_id}."
    return None


def _lines(run: Run, held: list[str], truth: dict[str, int]) -> None:
    known = [slice_id for slice_id in held if slice_id in truth]
    one = st.pills(
        "All three classes of one slice", held, format_func=lambda slice_id: f"Slice {slice_id}",
        key=f"{state.LEARNING_PIN}{run.id}", persist_state="session",
    )  # fmt: skip
    table = epochs.history(run, held)
    if one is not None:
        label = truth.get(one)
        figure = charts.all_classes(table[table["slice_id"] == one], one, None if label is None else CLASSES[label])
        plots.show_figure(figure, f"pin_{run.id}", f"The three probabilities of slice {one}.")
        return
    if not known:
        st.caption("The true classes are unknown without the dataset: choose one slice to see its probabilities.")
        return
    names = {slice_id: CLASSES[truth[slice_id]] for slice_id in known}
    table = table[table["class_name"] == table["slice_id"].map(names)]
    plots.show_figure(charts.true_class(table), f"pin_{run.id}", "Probability of the true class, a line a slice.")


def _tile(run: Run, dataset: Dataset | None, newest: Epoch | None, slice_id: str, label: int | None) -> None:
    shares = None if newest is None else newest.shares(slice_id)
    with st.container(width=TILE, gap="xxsmall"):
        if dataset is not None and label is not None and dataset.image_path(slice_id).exists():
            st.image(cache.thumbnail(dataset, slice_id, TILE * 3 // 2), width=TILE, alt=f"Slice {slice_id}")
        st.html(_pin_text(run, newest, slice_id, label, shares))
        st.button(
            "Unpin", icon=":material/keep_off:", type="tertiary", key=f"unpin_{run.id}_{slice_id}",
            on_click=snapshots.unpin, args=(run, slice_id), help=f"Follow slice {slice_id} no longer",
        )  # fmt: skip


def _pin_text(run: Run, newest: Epoch | None, slice_id: str, label: int | None, shares: list[float] | None) -> str:
    part = None if newest is None else newest.part(slice_id)
    where = "" if part in (None, VALIDATION) else f" ({escape(str(part))})"
    head = f'<div class="tt-mistake">Slice {escape(slice_id)}{where}</div>'
    if shares is None:
        live = run.status.state in LIVE
        later = "Followed from the next epoch on." if live else "Not followed while the run lived."
        chip = "" if label is None else f"{style.class_chip(label)}<br>"
        return f'{head}<div class="tt-mistake">{chip}{later}</div>'
    return head + verdict(label, int(np.argmax(shares)))
