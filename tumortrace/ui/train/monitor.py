"""The Train page's view of runs: one run live, and the list of all.

The pages only read run folders and ask for a stop; training lives in processes of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace import paths, processes, runs
from tumortrace.config import model_title
from tumortrace.errors import RunUnreadable
from tumortrace.runs import diagnostics
from tumortrace.runs.run import LIVE, Run, Status
from tumortrace.scheduling import jobs, queue
from tumortrace.training.forecast import duration, sentence
from tumortrace.ui.shell import layout, state, style
from tumortrace.ui.shell.cache import RunRow
from tumortrace.ui.train import export_delete, validation_tiles

REFRESH_S: Final = 1.5
MOVING: Final = LIVE | {"queued"}
"""States that change by themselves."""
NEWEST: Final = 60
"""Runs in the list; to be watched or compared, every run can be chosen."""
SAID: Final = 5
"""Runs that cannot be read of which it is said why."""
REMEDIES: Final = {
    "crashed": "The process is gone. Resume goes on from the last checkpoint where there is one.",
    "failed": "The log below says more. Change what it names and start anew, or try the same settings again.",
    "stopped": "It was stopped on request. Resume goes on from where it stood.",
    "cancelled": "It was taken out of the queue before it began.",
}


def choose_run(rows: list[RunRow]) -> str | None:
    """The run to watch: the one asked for in the address, a live one, or the newest."""
    if not rows:
        return None
    ids = [row.id for row in rows]
    asked = st.session_state.pop(state.STARTED, None)
    if asked in ids:
        st.session_state[state.RUN] = asked
    asked = st.query_params.get(state.RUN)
    live = [row.id for row in rows if row.state in LIVE] or [row.id for row in rows if row.state == "queued"]
    by_itself = (live or ids)[0]
    if st.session_state.get(state.RUN) not in ids:
        st.session_state[state.RUN] = asked if asked in ids else by_itself
    by_id = {row.id: row for row in rows}
    chosen: str = st.selectbox(
        "Run", ids, key=state.RUN, format_func=lambda run_id: title(by_id[run_id]), persist_state="session",
        on_change=_to_address,
    )  # fmt: skip
    if chosen != (asked or by_itself):
        _to_address()
    return chosen


def _to_address() -> None:
    # A reload, and a link, show the same run.
    st.query_params[state.RUN] = str(st.session_state[state.RUN])


def title(row: RunRow) -> str:
    """A run's title for people: model, protocol and fold, size, state, and when it was made."""
    started = datetime.fromtimestamp(row.created).strftime("%d %b %H:%M")
    return f"{model_title(row.model)} · {row.protocol} fold {row.fold} · {row.size} px · {row.state} · {started}"


def render(run_id: str) -> None:
    """One run, refreshed by itself only while it lives."""
    export_delete.closed()
    live = runs.find_run(run_id).status.state in MOVING
    st.fragment(_panel, run_every=REFRESH_S if live else None)(run_id, live)


def _panel(run_id: str, was_live: bool) -> None:
    with layout.errors():
        run = runs.find_run(run_id)
        processes.reap()
        status = run.status
        if was_live and status.state not in MOVING and not export_delete.open_dialog():
            # The rest of the page (list, badge, buttons) speaks of a live run: draw it all again.
            st.rerun()
        _head(run, status)
        _numbers(run, status)
        if status.state in REMEDIES:
            _trouble(run, status)
        if status.state not in {"queued", "cancelled"}:
            validation_tiles.render(run)
        _small_print(run, status)


def _head(run: Run, status: Status) -> None:
    left, right = st.columns([3, 2], vertical_alignment="center")
    left.html(f"{style.state_chip(status.state)} &nbsp;<code>{run.id}</code>")
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        if status.state in LIVE:
            asked = run.stop_requested()
            label = "Stopping ..." if asked else "Stop"
            if st.button(label, icon=":material/stop_circle:", disabled=asked, key=f"stop_{run.id}"):
                jobs.stop(run.id)
                st.rerun()
        elif status.state == "queued":
            if st.button("Cancel", icon=":material/close:", key=f"cancel_{run.id}"):
                queue.cancel(run.id)
                st.rerun()
        elif run.resumable or run.restartable:
            label, icon = ("Resume", "resume") if run.resumable else ("Start again", "replay")
            if st.button(label, icon=f":material/{icon}:", key=f"resume_{run.id}", type="primary"):
                jobs.resume(run.id)
                st.rerun()
        if status.state == "finished":
            path = layout.PAGES["results"].path
            st.page_link(path, label="See its results", icon=":material/analytics:", query_params={"model": run.id})
        export_delete.render(run)
    if status.state in LIVE:
        st.progress(progress(status), text=_doing(status))
        taking(run, status)
    elif status.state == "queued":
        order = [run.id for run in queue.waiting()]
        place = f"place {order.index(run.id) + 1} of {len(order)}" if run.id in order else "waiting"
        st.progress(0.0, text=f"In the queue, {place}: it starts by itself once its device is free")


def taking(run: Run, status: Status) -> None:
    """How long the run takes on this machine, from its first steps on; a warning where its preset promised less."""
    said = sentence(status, may_stop_early=bool(run.config.patience))
    if said and status.advice:
        st.html(style.note(said, "warn"))
    elif said:
        st.caption(said)


def progress(status: Status) -> float:
    """Share of the run that is done, between 0 and 1; while preparing, of the slices."""
    within = status.step / status.steps if status.steps else 0.0
    if status.state == "preparing":
        return min(1.0, within)
    return min(1.0, (status.epoch + within) / status.epochs) if status.epochs else 0.0


def _doing(status: Status) -> str:
    if status.state == "created":
        return "Starting the process ..."
    left = "" if status.eta_seconds is None else f", about {duration(status.eta_seconds)} left"
    if status.state == "preparing":
        slices = f": {status.step:,} of {status.steps:,} slices" if status.steps else " slices and weights ..."
        return f"Preparing{slices}{left}"
    if status.epoch >= status.epochs:
        return f"Predicting the validation and test slices{left}"
    return f"Epoch {status.epoch + 1} of {status.epochs}, step {status.step:,} of {status.steps:,}{left}"


def _numbers(run: Run, status: Status) -> None:
    if status.state in {"queued", "cancelled"}:
        return
    measured = run.metrics
    last = measured.iloc[-1].to_dict() if len(measured) else {}
    memory = "–" if status.memory_bytes is None else f"{status.memory_bytes / 2**20:,.0f} MiB"
    cells = [
        ("Epochs done", f"{status.epoch} / {status.epochs}"),
        ("Training loss", _number(status.loss if status.state in LIVE else last.get("train_loss", status.loss))),
        ("Training accuracy", _percent(last.get("train_accuracy"))),
        ("Validation accuracy", _percent(last.get("val_accuracy"))),
        ("Validation macro-F1", _percent(last.get("val_macro_f1"))),
        ("Slices a second", _whole(status.images_per_second or last.get("images_per_second"))),
        ("Time left" if status.state in LIVE else "Time", duration(_clock(status))),
        ("Device", _device(status)),
        ("Memory, at most", memory),
    ]
    st.html(style.figures(cells))


def _clock(status: Status) -> float | None:
    return status.eta_seconds if status.state in LIVE else status.seconds


def _device(status: Status) -> str:
    return status.device or "–"


def _trouble(run: Run, status: Status) -> None:
    kind = "warn" if status.state in {"stopped", "cancelled"} else "error"
    what = diagnostics.diagnose_crash(status, run.config) if status.state == "crashed" else status.error or ""
    st.html(style.note(f"{what} {REMEDIES[status.state]}".strip(), kind, f"This run is {status.state}."))
    if status.state in {"failed", "crashed"}:
        st.caption("The end of its log")
        st.code(run.log_tail() or "The log is empty.", language=None, wrap_lines=True)


def _small_print(run: Run, status: Status) -> None:
    config = run.config
    parts = [f"dataset {run.dataset_name or 'not named'}", f"{config.protocol} fold {config.fold}"]
    parts += [f"{count:,} {name}" for name, count in status.counts.items()]
    if status.precision:
        parts.append(f"precision {status.precision}")
    if status.starts > 1:
        parts.append(f"started {status.starts} times")
    st.caption(" · ".join(parts))
    with st.expander("Log and settings"):
        st.code(run.log_tail(15) or "The log is empty.", language=None, wrap_lines=True)
        st.json(config.model_dump(), expanded=False)


def broken(errors: list[RunUnreadable]) -> None:
    """Each run that cannot be read, and what to do; nothing where all can."""
    if not errors:
        return
    many = "1 run cannot be read" if len(errors) == 1 else f"{len(errors)} runs cannot be read"
    said = " ".join(map(str, errors[:SAID]))
    st.html(style.note(f"{said} {_rest(len(errors), SAID)}".rstrip(), "warn", f"{many}."))


def _rest(count: int, shown: int) -> str:
    """Where a list of runs is cut off, how long it is and where it is whole."""
    return f"{shown} of {count:,} runs; all with `{paths.command('runs list')}`." if count > shown else ""


def listing(rows: list[RunRow]) -> None:
    """The newest runs with their states."""
    if rest := _rest(len(rows), NEWEST):
        st.caption(rest)
    rows = rows[:NEWEST]
    table = pd.DataFrame(
        {
            "State": [row.state for row in rows],
            "Model": [model_title(row.model) for row in rows],
            "Dataset": [row.dataset or "default" for row in rows],
            "Protocol": [f"{row.protocol}, fold {row.fold}" for row in rows],
            "Size": [row.size for row in rows],
            "Epochs": [f"{row.epoch} / {row.epochs}" for row in rows],
            "Started": [datetime.fromtimestamp(row.created) for row in rows],
            "Time": [duration(row.seconds) for row in rows],
            "Run": [row.id for row in rows],
        }
    )
    config = {
        "Size": st.column_config.NumberColumn(format="%d px"),
        "Started": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
    }
    st.dataframe(table, hide_index=True, column_config=config, width="stretch", alt="All runs with their states")


def _known(value: Any) -> bool:
    return value is not None and not pd.isna(value)


def _percent(value: Any) -> str:
    return f"{value:.1%}" if _known(value) else "–"


def _number(value: Any) -> str:
    return f"{value:.3f}" if _known(value) else "–"


def _whole(value: Any) -> str:
    return f"{value:,.0f}" if _known(value) else "–"
