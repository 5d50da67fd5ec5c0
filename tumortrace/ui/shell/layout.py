"""The frame around every page: configuration, navigation, dataset, legend, running jobs, errors, small print.

A page begins with ``with layout.page("train") as view:`` and is complete in itself, so the first visit to a new server
may be to any of them. Streamlit's built-in navigation is switched off in ``.streamlit/config.toml``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import streamlit as st

from tumortrace.config import model_title
from tumortrace.constants import ATTRIBUTION, NOT_FOR_CLINICAL_USE, SLICES
from tumortrace.data import identity
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DatasetDamaged, TumorTraceError
from tumortrace.runs.run import LIVE
from tumortrace.scheduling import queue
from tumortrace.ui.shell import cache, models, presentation_style, state, style


@dataclass(frozen=True)
class PageInfo:
    """What the frame needs to know of a page."""

    path: str
    title: str
    icon: str
    lead: str
    shows_slices: bool = False
    shows_results: bool = False


PAGES: Final = {
    "home": PageInfo(
        "app.py",
        "Home",
        ":material/home:",
        "Which tumour is on this MRI slice, how sure may we be, and why?",
        shows_results=True,
    ),
    "dataset": PageInfo(
        "pages/1_Dataset.py",
        "Dataset",
        ":material/photo_library:",
        "Every slice with its patient, its fold and the radiologist's outline.",
        shows_slices=True,
    ),
    "train": PageInfo(
        "pages/2_Train.py",
        "Train",
        ":material/model_training:",
        "Configure a run, start it as a process of its own, and watch it learn.",
    ),
    "results": PageInfo(
        "pages/3_Results.py",
        "Results",
        ":material/analytics:",
        "How good the models are, on which slices, and how sure we may be of the figure.",
        shows_results=True,
    ),
    "errors": PageInfo(
        "pages/4_Errors.py",
        "Errors",
        ":material/troubleshoot:",
        "Every slice a model got wrong, and what it looked at when it did.",
        shows_results=True,
    ),
    "classify": PageInfo(
        "pages/5_Classify.py",
        "Classify",
        ":material/image_search:",
        "Give one or more slices to the models and see their probabilities and where they looked.",
        shows_results=True,
    ),
}


CONTENT: Final = "content"
"""Anchor of every page's title. (The link that skips the navigation is Streamlit's own.)"""
TOUR: Final = "pages/6_Present.py"
"""The guided tour has a stage instead of a frame; the home page leads to it."""


@dataclass(frozen=True)
class View:
    """What the frame found out before the page began."""

    dataset: Dataset | None


@contextmanager
def page(key: str) -> Iterator[View]:
    """Draw the frame of a page around what its body draws.

    Args:
        key: A key of :data:`PAGES`.

    Yields:
        The dataset chosen in the sidebar, None where nothing is imported. A :class:`TumorTraceError` raised inside is
        drawn as one box.
    """
    info = PAGES[key]
    st.set_page_config(page_title=f"{info.title} · TumorTrace", page_icon=":material/neurology:", layout="wide")
    st.html(style.CSS + presentation_style.BOARDS)
    dataset: Dataset | None = None
    with errors():
        dataset = _sidebar()
    st.title("TumorTrace" if key == "home" else info.title, anchor=CONTENT)
    with errors():
        st.html(f'<p class="tt-lead">{info.lead}</p>')
        if info.shows_slices and dataset is not None and dataset.synthetic:
            synthetic_banner()
        if key != "train":  # that page says more
            _broken()
        yield View(dataset)
    clinical = [NOT_FOR_CLINICAL_USE] if info.shows_results else []
    st.html(style.footer([*clinical, f"Data: {ATTRIBUTION}"]))
    models.warm_up()
    _dispatcher()


@contextmanager
def stage() -> Iterator[View]:
    """The frame of the guided tour: large type, no sidebar, nothing beside what is shown.

    Yields:
        The dataset of the session, or the first that is imported.
    """
    st.set_page_config(
        page_title="Present · TumorTrace", page_icon=":material/neurology:", layout="wide",
        initial_sidebar_state="collapsed",
    )  # fmt: skip
    st.html(style.CSS + presentation_style.BOARDS + presentation_style.STAGE)
    with errors():
        names = cache.dataset_names()
        kept = st.session_state.get(state.DATASET)
        name = kept if kept in names else next(filter(_sound, names), None)
        yield View(None if name is None else cache.dataset(name))
    _broken()
    st.html(style.footer([NOT_FOR_CLINICAL_USE]))
    models.warm_up()
    _dispatcher()


@contextmanager
def errors() -> Iterator[None]:
    """Draw an expected error as one box; fragments need it anew, for they run without their page."""
    try:
        yield
    except TumorTraceError as error:
        st.html(style.error_box(error))


def synthetic_banner(what: str = "These slices are synthetic") -> None:
    """Say that what shows is made up."""
    text = "They are drawn by a program to try the app with; no figure about them says anything about real tumours."
    st.html(style.note(text, "synthetic", f"{what}."))


def not_clinical() -> None:
    """The sentence that stands wherever results show."""
    st.caption(f":material/info: {NOT_FOR_CLINICAL_USE}")


def _sidebar() -> Dataset | None:
    with st.sidebar:
        st.html('<div class="tt-brand">TumorTrace<small>brain tumours on MRI slices</small></div>')
        for info in PAGES.values():
            st.page_link(info.path, label=info.title, icon=info.icon, width="stretch")
        _running()
        st.divider()
        dataset = _choose_dataset()
        st.caption("Classes")
        st.html(style.legend())
    return dataset


@st.cache_resource(show_spinner=False)
def _dispatcher() -> None:
    """The thread that starts waiting runs, once a server; drawing a page starts none."""
    if models.on_a_server():
        threading.Thread(target=queue.keep_dispatching, args=(threading.Event(),), name="queue", daemon=True).start()


def _broken() -> None:
    """A short note of the runs that are missing here because they cannot be read."""
    names = [error.run_id for error in cache.unreadable_runs()]
    if names:
        shown = f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
        many = "A run" if len(names) == 1 else f"{len(names):,} runs"
        st.html(style.note(f"{shown}. The Train page says why, and what to do.", "warn", f"{many} cannot be read:"))


def _choose_dataset() -> Dataset | None:
    names = cache.dataset_names()
    if not names:
        st.caption("Dataset")
        st.markdown(":material/database_off: nothing imported yet")
        return None
    if st.session_state.get(state.DATASET) not in names:
        st.session_state[state.DATASET] = next(filter(_sound, names), names[0])
    if len(names) == 1:
        name = names[0]
        st.caption("Dataset")
        st.markdown(f":material/database: **{name}**")
    else:
        name = st.selectbox("Dataset", names, key=state.DATASET, persist_state="session")
    with errors():
        return _opened(name)
    return None


def _sound(name: str) -> bool:
    try:
        cache.dataset(name)
    except DatasetDamaged:
        return False
    return True


def _opened(name: str) -> Dataset:
    dataset = cache.dataset(name)
    if dataset.synthetic:
        st.badge("synthetic slices", icon=":material/science:", color="orange")
    elif identity.is_published(dataset):
        part = len(dataset.manifest)
        whole = part == SLICES
        st.caption(f"{part:,} real slices, CC BY 4.0" if whole else f"{part:,} of {SLICES:,} slices, CC BY 4.0")
    return dataset


def _running() -> None:
    if any(row.state in LIVE or row.state == "queued" for row in cache.run_rows()):
        # The badge keeps itself up to date only while there is something to wait for.
        st.fragment(_running_badge, run_every=5.0)()


def _running_badge() -> None:
    rows = cache.run_rows()
    live = [row for row in rows if row.state in LIVE]
    waiting = sum(row.state == "queued" for row in rows)
    if not live:
        st.badge("no run is running", icon=":material/check:", color="gray")
        return
    noun = "run" if len(live) == 1 else "runs"
    more = f", {waiting} waiting" if waiting else ""
    st.badge(f"{len(live)} {noun} running{more}", icon=":material/progress_activity:", color="blue")
    for row in live[:3]:
        st.caption(f"{model_title(row.model)} · epoch {row.epoch} of {row.epochs}")
