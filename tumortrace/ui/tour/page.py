"""The guided tour: six steps from the problem to a classified slice, in large type, without the sidebar.

It is a page of its own rather than a mode of the home page: its address can be sent, its frame has no sidebar, and the
home page stays as light as it is. ``/Present?present=3`` is the third step; arrow keys, dots and buttons move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Final

import streamlit as st

from tumortrace.data.datasets import Dataset
from tumortrace.ui.shell import layout, state
from tumortrace.ui.tour import data, failure, live, prediction, results


@dataclass(frozen=True)
class Step:
    """One of the six steps of the tour."""

    title: str
    lead: str
    note: str
    """What whoever presents may say; one sentence."""
    draw: Callable[[Dataset | None], None]


STEPS: Final = (
    Step(
        "Which tumour is it?",
        "Three tumours, one kind of picture: a slice through a head after contrast agent. Their treatment differs.",
        "Ask the room to guess before you go on: on a single slice, experts hesitate as well.",
        data.problem,
    ),
    Step(
        "Test on people the model has never met",
        "Slices of one head look alike. Whoever trains on some and tests on the others measures memory, not skill.",
        "If you remember one thing of this tour: ask of every medical AI figure how the patients were split.",
        data.split,
    ),
    Step(
        "Watch a model learn",
        "A network that knows photographs learns to tell three kinds of drawn tumours, here, on this machine.",
        "The loss falls while it learns; what counts is the dashed line, slices that are held out.",
        live.render,
    ),
    Step(
        "How good are they?",
        "One number a model, and how far it may be off: every figure comes with its 95 % interval.",
        "Where two bars overlap widely, do not call one model better; the paragraph below says what can be told.",
        results.render,
    ),
    Step(
        "Where do they fail?",
        "Not everywhere alike: the models have a weak class, and their surest mistakes teach the most.",
        "Point at the bright spot: that is where the network looked when it went wrong.",
        failure.render,
    ),
    Step(
        "A slice, classified",
        "First whether it may be judged at all; then the answer, how sure, and where the model looked.",
        "This is not for clinical use: it knows three tumours, and not what a healthy brain is.",
        prediction.render,
    ),
)


def render(dataset: Dataset | None) -> None:
    """The step that the address asks for, and the bar that leads on."""
    place = current()
    step = STEPS[place - 1]
    st.title(step.title, anchor="content")
    st.html(f'<p class="tt-stage-lead">{escape(step.lead)}</p>')
    with layout.errors():
        step.draw(dataset)
    _bar(place, step)


def current() -> int:
    """The step, from 1; what is no step is the first, and the address then says so."""
    asked = st.query_params.get(state.PRESENT, "1")
    if asked.isascii() and asked.isdigit() and 1 <= int(asked) <= len(STEPS):
        return int(asked)
    st.query_params[state.PRESENT] = "1"
    return 1


def _bar(place: int, step: Step) -> None:
    with st.container(key="tour-bar"):
        if st.session_state.get(state.TOUR_NOTES):
            st.html(f'<p class="tt-speaker" role="note"><b>Say:</b> {escape(step.note)}</p>')
        with st.container(
            key="tour-nav", horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            with st.container(horizontal=True, width="content", vertical_alignment="center"):
                if st.button("Exit", icon=":material/close:", key="tour_exit", type="tertiary", shortcut="Esc"):
                    st.switch_page(layout.PAGES["home"].path)
                st.toggle("Speaker's note", key=state.TOUR_NOTES, persist_state="session")
            with st.container(key="tour-dots", horizontal=True, width="content", gap="xsmall"):
                for number, one in enumerate(STEPS, start=1):
                    st.button(
                        f"{number}", key=f"tour_{number}", on_click=_go, args=(number,),
                        type="primary" if number == place else "secondary",
                        help=f"Step {number} of {len(STEPS)}: {one.title}",
                    )  # fmt: skip
            with st.container(horizontal=True, width="content"):
                st.button(
                    "Back", icon=":material/arrow_back:", key="tour_back", shortcut="Left", disabled=place == 1,
                    on_click=_go, args=(place - 1,),
                )  # fmt: skip
                if place < len(STEPS):
                    st.button(
                        "Next", icon=":material/arrow_forward:", key="tour_next", type="primary", shortcut="Right",
                        on_click=_go, args=(place + 1,),
                    )  # fmt: skip
                elif st.button("Explore the app", icon=":material/home:", key="tour_end", type="primary"):
                    st.switch_page(layout.PAGES["home"].path)


def _go(place: int) -> None:
    st.query_params[state.PRESENT] = str(place)
