"""The Train page's queue: what waits, in which order, and how many jobs run per device."""

from __future__ import annotations

from typing import Final

import streamlit as st

from tumortrace.config import model_title
from tumortrace.errors import RunUnreadable
from tumortrace.hardware import slots
from tumortrace.runs.run import Run
from tumortrace.scheduling import queue
from tumortrace.ui.shell import layout, state, style

REFRESH_S: Final = 2.0


def render() -> None:
    """The queue, refreshed by itself while something waits."""
    waiting = [run.id for run in queue.waiting()]
    st.subheader("Queue")
    st.fragment(_body, run_every=REFRESH_S if waiting else None)(waiting)


def _body(waited: list[str]) -> None:
    with layout.errors():
        waiting = queue.waiting()
        if set(waited) - {run.id for run in waiting}:
            # The rest of the page speaks of what waits and what runs.
            st.rerun()
        left, right = st.columns([4, 2], vertical_alignment="center")
        with left:
            places = ", ".join(slots())
            st.caption(f"Devices here: {places}. A run starts by itself once its device is free, first in, first out.")
        with right:
            _setting()
        if not waiting:
            st.html(style.note("A run started while its device is busy waits here.", "info", "Nothing waits."))
        for place, run in enumerate(waiting):
            _row(place, len(waiting), run)


def _setting() -> None:
    if state.QUEUE_PER_DEVICE not in st.session_state:
        st.session_state[state.QUEUE_PER_DEVICE] = queue.read_queue().per_device
    st.number_input(
        "Jobs per device", 1, queue.MOST_PER_DEVICE, key=state.QUEUE_PER_DEVICE, on_change=_set,
        persist_state="session",
        help="How many runs may train on one device at once. Each is then slower, and memory is shared.",
    )  # fmt: skip


def _set() -> None:
    queue.set_per_device(int(st.session_state[state.QUEUE_PER_DEVICE]))


def _row(place: int, count: int, run: Run) -> None:
    try:
        config = run.config
        text = f"{model_title(config.model.name)} · {config.protocol} fold {config.fold} · {config.preprocess.size} px"
    except RunUnreadable:
        text = "It cannot be read, and waits in vain: see the note at the top."
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"waiting_{run.id}"):
        st.html(f"<b>{place + 1}.</b> {text} &nbsp;<code>{run.id}</code>", width="stretch")
        for name, icon, to, off in (
            ("up", "arrow_upward", place - 1, place == 0),
            ("down", "arrow_downward", place + 1, place == count - 1),
        ):
            st.button(
                "", icon=f":material/{icon}:", key=f"queue_{name}_{run.id}", disabled=off, on_click=queue.move,
                args=(run.id, to), help=f"Move {name}",
            )  # fmt: skip
        st.button(
            "Cancel", icon=":material/close:", key=f"queue_cancel_{run.id}", on_click=queue.cancel, args=(run.id,),
            help="Take it out of the queue; its folder stays",
        )  # fmt: skip
