"""Step 3 of the guided tour: a network learns while the room looks on.

The run is an ordinary one (the preset ``demo`` on phantoms, started through :mod:`tumortrace.scheduling.jobs`), so it
is on the Train page too, outlives the tour, and can be stopped and kept.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from tumortrace import processes, runs
from tumortrace.charts import learning as charts
from tumortrace.charts import theme, training
from tumortrace.config import parse_config, presets
from tumortrace.config.fields import nest
from tumortrace.constants import PHANTOM
from tumortrace.data.datasets import Dataset
from tumortrace.evaluation.formatting import percent, with_interval
from tumortrace.runs.run import LIVE, Run, Status
from tumortrace.scheduling import jobs
from tumortrace.training.forecast import duration
from tumortrace.ui.components import plots
from tumortrace.ui.shell import cache, layout, state, style
from tumortrace.ui.train import monitor

REFRESH_S: Final = 1.0
ENDED: Final = {
    "crashed": "The process is gone; train again.",
    "failed": "It failed; the Train page has its log.",
    "stopped": "It was stopped; train again, or resume it on the Train page.",
    "cancelled": "It was taken out of the queue.",
}


def render(dataset: Dataset | None) -> None:
    """The run that learns, or the button that starts one."""
    run_id = watched()
    if run_id is None:
        st.html(
            '<p class="tt-stage-text">Nothing has been trained here yet. The button draws some two hundred slices, '
            "and teaches them to a network that knows photographs.</p>"
        )
        _button("Train it now")
        return
    moving = runs.find_run(run_id).status.state in monitor.MOVING
    st.fragment(_panel, run_every=REFRESH_S if moving else None)(run_id, moving)
    if not moving:
        _button("Train again")
    st.html('<p class="tt-stage-small">Drawn slices: how well they are told apart says nothing of real tumours.</p>')


def watched() -> str | None:
    """The run of this tour; else the newest that learns on phantoms, one that moves before the others."""
    rows = [row for row in cache.run_rows() if row.dataset == PHANTOM]
    ids = [row.id for row in rows]
    kept = st.session_state.get(state.TOUR_RUN)
    if kept in ids:
        return str(kept)
    moving = [row.id for row in rows if row.state in monitor.MOVING]
    finished = [row.id for row in rows if row.state == "finished"]
    return next(iter([*moving, *finished, *ids]), None)


def start() -> str:
    """Draw phantoms where there are none, and put a run of the preset in the queue; its id."""
    if PHANTOM not in cache.dataset_names():
        from tumortrace.data.phantom import make_phantom

        make_phantom(name=PHANTOM)
    run = jobs.start(parse_config(nest({**presets.find_preset(presets.DEMO).values, "dataset": PHANTOM})))
    return run.id


def _button(label: str) -> None:
    if st.button(label, type="primary", icon=":material/play_arrow:", key="tour_train"):
        with st.spinner("Drawing slices, starting the process ..."), layout.errors():
            st.session_state[state.TOUR_RUN] = start()
            st.rerun()


def _panel(run_id: str, was_moving: bool) -> None:
    with layout.errors():
        run = runs.find_run(run_id)
        processes.reap()
        status = run.status
        if was_moving and status.state not in monitor.MOVING:
            st.rerun()
        _head(run, status)
        st.html(style.figures(_cells(run, status)))
        left, right = plots.columns("stage-curves")
        table = training.tidy_metrics(run.metrics, run=run.id)
        with left:
            st.subheader("Loss: how wrong it is")
            plots.show_figure(theme.enlarged(charts.loss(table, run.telemetry)), f"tour_loss_{run_id}")
        with right:
            st.subheader("Accuracy: how often it is right")
            plots.show_figure(theme.enlarged(charts.scores(table)), f"tour_scores_{run_id}")


def _head(run: Run, status: Status) -> None:
    if status.state in LIVE:
        text = f"Epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}" if status.epochs else "Starting ..."
        text = {"created": "Starting the process ...", "preparing": "Preparing the slices ..."}.get(status.state, text)
        if status.epochs and status.epoch >= status.epochs:
            text = "Predicting the slices that were held out"
        left = "" if status.eta_seconds is None else f", about {duration(status.eta_seconds)} left"
        st.progress(monitor.progress(status), text=f"{text}{left}")
        monitor.taking(run, status)
    elif status.state == "queued":
        st.progress(0.0, text="It waits until the device is free: another run is learning on it.")
    elif status.state in ENDED:
        st.html(style.note(ENDED[status.state], "warn", f"This run is {status.state}."))


def _cells(run: Run, status: Status) -> list[tuple[str, ...]]:
    measured = run.metrics
    last = measured.iloc[-1].to_dict() if len(measured) else {}
    cells: list[tuple[str, ...]] = [
        ("Epochs done", f"{status.epoch} of {status.epochs}"),
        ("Right in training", _share(last.get("train_accuracy"))),
        ("Right on held-out slices", _share(last.get("val_accuracy"))),
        ("Slices a second", "–" if not status.images_per_second else f"{status.images_per_second:,.0f}"),
        ("Time", duration(status.seconds)),
    ]
    report = run.report if status.state == "finished" else None
    if report:
        found = report.slice.interval("accuracy")
        ends = with_interval(found).partition(" (")[2].rstrip(")")
        cells.append(("On test persons", percent(found.value), f"95 % interval {ends}, n = {found.n:,} slices"))
    return cells


def _share(value: object) -> str:
    return "–" if theme.undefined(value) else theme.shown(value, ".0%")
