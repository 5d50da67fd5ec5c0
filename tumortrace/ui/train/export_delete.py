"""What one does with a run besides watching it: take it away as a zip, or delete it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import streamlit as st

from tumortrace import paths, runs
from tumortrace.config import model_title
from tumortrace.errors import RunNotFound, TrainingError, TumorTraceError
from tumortrace.runs import archive
from tumortrace.runs.run import LIVE, Run
from tumortrace.ui.shell import state, style

LARGEST: Final = 400 * 2**20
"""A browser's download passes through the server's memory as a whole; beyond this the command line writes the file."""


def render(run: Run) -> None:
    """Export and Delete, side by side; nothing where the run is gone meanwhile.

    May stand in a fragment that runs every second: the zip is made when it is asked for, and the keys stay.
    """
    try:
        now = run.status.state
    except RunNotFound:
        return
    busy = now in LIVE or now == "queued"
    with st.container(horizontal=True, gap="small", width="content", key=f"actions_{run.id}"):
        if st.button("Export", icon=":material/archive:", key=f"export_{run.id}"):
            st.session_state[state.RUN_DIALOG] = True
            take(run)
        why = f"A run that is {now} cannot be deleted: {'cancel' if now == 'queued' else 'stop'} it first."
        if st.button(
            "Delete", icon=":material/delete:", key=f"delete_{run.id}", disabled=busy, help=why * busy or None
        ):
            st.session_state[state.RUN_DIALOG] = True
            confirm(run)


def open_dialog() -> bool:
    """Whether one is open: the page drawn anew would take it away in the middle of a choice."""
    return bool(st.session_state.get(state.RUN_DIALOG))


def closed() -> None:
    """None is open any more: it was dismissed, or the whole page is drawn."""
    st.session_state.pop(state.RUN_DIALOG, None)


@st.dialog("Export this run", icon=":material/archive:", on_dismiss=closed)
def take(run: Run) -> None:
    """Offer the zip. A dialog stands still while what is behind it is drawn again, and with it the button's file."""
    try:
        busy = is_busy(run)
    except TrainingError as error:
        _no_longer(error)
        return
    st.html(f"<code>{run.id}</code>")
    st.caption(
        "Settings, curves, log, views of the validation slices and, once finished, weights, test rows and report. "
        "A README in it says how to use them. No images of slices are in it."
    )
    whole, weights = archive.size(run, checkpoint=True), archive.size(run)
    extra = whole - weights
    wanted = st.toggle(
        f"With checkpoint, to go on elsewhere (+{megabytes(extra)})" if extra else "With checkpoint (there is none)",
        key=f"{state.EXPORT_CHECKPOINT}{run.id}",
        disabled=not extra,
    )
    checkpoint = bool(wanted and extra)
    size = whole if checkpoint else weights
    if size > LARGEST:
        st.caption(f"{megabytes(size)} are too much for a browser's download. On the machine itself:")
        flag = " --checkpoint" if checkpoint else ""
        st.code(paths.command(f"runs export {run.id} {run.id}.zip{flag}"), language="bash", wrap_lines=True)
        return
    st.download_button(
        f"Download, up to {megabytes(size)}", lambda: zipped(run, checkpoint), f"{run.id}.zip", "application/zip",
        key=f"download_{run.id}", icon=":material/download:", on_click="ignore", type="primary",
    )  # fmt: skip
    if busy:
        st.caption("It is not at its end: the zip holds what is there when it is made.")


def zipped(run: Run, checkpoint: bool) -> bytes:
    """The zip of a run; the file it is made in is removed again."""
    with tempfile.TemporaryDirectory() as folder:
        return archive.export_run(run, Path(folder) / "run.zip", checkpoint=checkpoint).read_bytes()


@st.dialog("Delete this run?", icon=":material/delete:", on_dismiss=closed)
def confirm(run: Run) -> None:
    """Ask, name what is lost, and delete."""
    try:
        config, status, size = run.config, run.status, archive.size_on_disk(run)
    except TrainingError as error:
        _no_longer(error)
        return
    st.html(f"{style.state_chip(status.state)} &nbsp;<code>{run.id}</code>")
    lost = ["settings", "curves", "log"]
    kinds = {"checkpoint.ckpt": "checkpoint", "model.safetensors": "weights", "predictions.parquet": "test rows",
             "report.json": "report"}  # fmt: skip
    lost += [words for name, words in kinds.items() if (run.folder / name).exists()]
    what = f"{model_title(config.model.name)}, {config.protocol} fold {config.fold}"
    what += f", epoch {status.epoch} of {status.epochs}"
    text = f"{', '.join(lost[:-1])} and {lost[-1]} are lost, {megabytes(size)} on disk. There is no way back."
    st.html(style.note(f"{text[:1].upper()}{text[1:]}", "warn", f"{what}."))
    with st.container(horizontal=True):
        if st.button("Delete for good", type="primary", icon=":material/delete_forever:", key=f"delete_sure_{run.id}"):
            _delete(run)
        if st.button("Keep it", key=f"delete_not_{run.id}"):
            st.rerun()


def _delete(run: Run) -> None:
    try:
        runs.delete(run.id)
    except TumorTraceError as error:
        st.html(style.error_box(error))
        return
    if st.session_state.get(state.RUN) == run.id:
        del st.session_state[state.RUN]
    if st.query_params.get(state.RUN) == run.id:
        del st.query_params[state.RUN]
    st.rerun()


def is_busy(run: Run) -> bool:
    """Whether a process is behind it, or soon will be."""
    return run.status.state in LIVE or run.status.state == "queued"


def _no_longer(error: TrainingError) -> None:
    if isinstance(error, RunNotFound):
        st.html(style.note("It was deleted meanwhile.", "info", "The run is gone."))
    else:
        st.html(style.error_box(error))


def megabytes(size: int) -> str:
    """Bytes as people say them."""
    if size < 1e5:
        return f"{size / 1e3:,.0f} kB"
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:,.1f} MB"
