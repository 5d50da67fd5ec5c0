"""The Train page's comparison of runs: curves overlaid, settings that differ, best values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tumortrace import runs
from tumortrace.charts import theme
from tumortrace.charts import training as charts
from tumortrace.config import model_title
from tumortrace.errors import RunNotFound
from tumortrace.evaluation.formatting import percent
from tumortrace.runs import compare
from tumortrace.runs.run import LIVE, Run
from tumortrace.ui.components import plots
from tumortrace.ui.shell import layout, state, style
from tumortrace.ui.shell.cache import RunRow

REFRESH_S: Final = 5.0
UNKNOWN: Final = "–"
STAR: Final = "★"
UNMARKED: Final = "No best loss, accuracy or F1 is marked."


def _clock(seconds: float) -> str:
    """To the second, for close figures are compared."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


MEASURES: Final[dict[str, tuple[str, Callable[[pd.DataFrame, str], go.Figure]]]] = {
    "loss": ("Loss", charts.loss_curves),
    "accuracy": ("Accuracy", charts.accuracy_curves),
    "macro_f1": ("Macro F1", charts.macro_f1_curves),
    "learning_rate": ("Learning rate", charts.learning_rate),
    "images_per_second": ("Throughput", charts.throughput),
}
"""Column of the tidy frame to its name and its chart."""
_WHOLE: Final = "{:,.0f}".format
VALIDATED: Final[dict[str, tuple[str, str, Callable[[Any], str]]]] = {
    "val_loss": ("Validation loss", "min", "{:.3f}".format),
    "val_accuracy": ("Validation accuracy", "max", percent),
    "val_macro_f1": ("Validation macro F1", "max", percent),
}
TESTED: Final = {"test_accuracy": "Test accuracy", "test_macro_f1": "Test macro F1"}
COSTS: Final[dict[str, tuple[str, str, Callable[[Any], str]]]] = {
    "seconds": ("Training time", "min", _clock),
    "images_per_second": ("Slices a second", "max", _WHOLE),
    "memory_mb": ("Memory at most", "min", "{:,.0f} MiB".format),
}
"""Columns of :func:`tumortrace.runs.compare.best_values` to their name, what is better, and their format."""
AXES: Final = {"epoch": "Epoch", "step": "Step", "minutes": "Minutes"}


def render(rows: list[RunRow]) -> None:
    """Compare any of these runs; draws nothing where there are none.

    Args:
        rows: The runs to choose from, newest first.
    """
    if not rows:
        return
    st.subheader("Compare runs")
    moving = any(row.state in LIVE for row in rows)
    st.fragment(_body, run_every=REFRESH_S if moving else None)(rows)


def names(rows: list[RunRow]) -> dict[str, str]:
    """A short name for each run, by its id; no two are the same."""
    started = {row.id: datetime.fromtimestamp(row.created) for row in rows}
    form = "%H:%M" if len({when.date() for when in started.values()}) < 2 else "%d %b %H:%M"
    short = {
        row.id: f"{model_title(row.model)} · {row.protocol} {row.fold} · {row.size} px · {started[row.id]:{form}}"
        for row in rows
    }
    # Runs of a sweep start in the same minute; the end of the id is what tells them apart.
    for cut in (lambda run_id: run_id.rpartition("-")[2], str):
        often = Counter(short.values())
        short = {key: f"{name} · {cut(key)}" if often[name] > 1 else name for key, name in short.items()}
    return short


def _body(rows: list[RunRow]) -> None:
    with layout.errors():
        named = names(rows)
        chosen = [facts.run for facts in compare.run_facts(_choose(rows, named))]
        if not chosen:
            st.caption("Choose one run or more.")
            return
        _warn(chosen)
        _curves(chosen, named)
        _settings(chosen, named)
        _values(chosen, named)


def _choose(rows: list[RunRow], named: dict[str, str]) -> list[Run]:
    """The runs asked for, at first the newest two that have curves; those deleted meanwhile are let go."""
    found = {row.id: run for row in rows if (run := _still(row.id)) is not None}
    if state.COMPARE_RUNS not in st.session_state:
        st.session_state[state.COMPARE_RUNS] = _newest(list(found.values()))
    held = [run_id for run_id in st.session_state[state.COMPARE_RUNS] if run_id in found]
    if held != st.session_state[state.COMPARE_RUNS]:
        st.session_state[state.COMPARE_RUNS] = held
    wanted = st.multiselect(
        "Runs", list(found), key=state.COMPARE_RUNS, format_func=lambda run_id: named[run_id],
        placeholder="Choose runs", persist_state="session",
    )  # fmt: skip
    return [found[run_id] for run_id in wanted]


def _still(run_id: str) -> Run | None:
    try:
        return runs.find_run(run_id)
    except RunNotFound:
        return None


def _newest(found: list[Run]) -> list[str]:
    """The newest two with curves; without any, the newest."""
    newest: list[str] = []
    for run in found:
        if len(run.metrics):
            newest.append(run.id)
        if len(newest) == 2:
            break
    return newest or [run.id for run in found[:1]]


def _warn(chosen: list[Run]) -> None:
    unlike = compare.mismatches(chosen)
    words = {"dataset": "datasets", "protocol": "protocols"}
    said = [f"different {words[what]} ({', '.join(values)})" for what, values in unlike.items() if what in words]
    if said:
        text = f"They rest on {' and on '.join(said)}: other slices, other difficulty. {UNMARKED}"
        st.html(style.note(text, "warn", "The figures of these runs do not compare."))
    elif "fold" in unlike:
        text = f"Folds {', '.join(unlike['fold'])} hold different patients, and some are harder. {UNMARKED}"
        st.html(style.note(text, "info", "These runs are tested on different folds."))


def _curves(chosen: list[Run], named: dict[str, str]) -> None:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        measure = st.segmented_control(
            "Measure", list(MEASURES), default="loss", required=True, format_func=lambda name: MEASURES[name][0],
            key=state.COMPARE_MEASURE, persist_state="session",
        )  # fmt: skip
        x = st.segmented_control(
            "Along", list(AXES), default="epoch", required=True, format_func=lambda name: AXES[name],
            key=state.COMPARE_X, persist_state="session", help="Minutes: of training, summed over the epochs.",
        )  # fmt: skip
    tables = {run.id: _table(run, named[run.id]) for run in chosen}
    held = [table.dropna(subset=[measure, x]) for table in tables.values()]
    held = [table for table in held if len(table)]
    if held:
        table = pd.concat(held, ignore_index=True)
        figure = _one_entry_a_run(MEASURES[measure][1](table, x))
        if x == "minutes":
            figure.update_xaxes(title_text="Minutes of training")
        plots.show_figure(figure, f"compare_{measure}_{x}", _lines(measure, len(held)))
    missing = [named[run_id] for run_id, table in tables.items() if table.dropna(subset=[measure, x]).empty]
    if missing:
        st.caption(f"Nothing to draw yet of: {', '.join(missing)}.")


def _table(run: Run, name: str) -> pd.DataFrame:
    """The tidy frame of the charts, with the minutes beside the epochs."""
    metrics = run.metrics
    when = dict(zip(metrics["epoch"], compare.minutes(metrics), strict=True))
    tidy = charts.tidy_metrics(metrics, run=name)
    return tidy.assign(minutes=tidy["epoch"].map(when))


def _lines(measure: str, count: int) -> str:
    if measure in {"learning_rate", "images_per_second"}:
        return "At the end of each epoch." if measure == "learning_rate" else "Slices a second, over each epoch."
    parts = "Macro F1 is measured on the validation part alone." if measure == "macro_f1" else ""
    if not parts:
        parts = "Training: solid, filled marks. Validation: dashed, open marks." if count > 1 else ""
    again = f" Colours begin again after {len(theme.SERIES)} runs." if count > len(theme.SERIES) else ""
    return f"{parts} The validation part is held out of the training part; the test fold is not in these curves.{again}"


def _one_entry_a_run(figure: go.Figure) -> go.Figure:
    """In the legend each run once, to be switched with both of its lines; zoom stays when the figure is drawn again."""
    lines = [line.name for line in figure.data]
    several = any(name and name.endswith(")") for name in lines)
    seen: set[str] = set()
    for line in figure.data if several else ():
        run = re.sub(r" \((train|validation)\)$", "", line.name)
        line.update(legendgroup=run, showlegend=run not in seen, name=run if run not in seen else line.name)
        seen.add(run)
    return figure.update_layout(uirevision="kept", height=380 + 22 * len(seen))


def _settings(chosen: list[Run], named: dict[str, str]) -> None:
    if len(chosen) < 2:
        return
    st.markdown("**Settings that differ**")
    table = compare.different_settings(chosen)
    if table.empty:
        st.caption("None: these runs were asked for the same, down to the seed.")
        return
    shown = table.rename(columns=named).map(lambda value: _plain(_setting(value)))
    shown.index = pd.Index([_plain(str(name)) for name in table.index], name="Setting")
    st.table(shown, border="horizontal", alt="Settings that differ between the chosen runs")


def _setting(value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(text: str) -> str:
    """Text as it stands, where Markdown would read signs in it."""
    return re.sub(r"([\\`*_\[\]<>#$:~|])", r"\\\1", text)


def _values(chosen: list[Run], named: dict[str, str]) -> None:
    st.markdown("**Best values**")
    best = compare.best_values(chosen)
    comparable = not compare.mismatches(chosen)
    shown = pd.DataFrame({named[str(run_id)]: _column(best, str(run_id), comparable) for run_id in best.index})
    st.table(shown, border="horizontal", alt="Best values of the chosen runs, a column a run")
    st.caption(_rests_on(best, len(best) > 1))


def _column(best: pd.DataFrame, run_id: str, comparable: bool) -> dict[str, str]:
    row = {str(column): value for column, value in best.loc[run_id].items()}

    def starred(column: str, text: str, better: str, fair: bool = True) -> str:
        mark = fair and len(best) > 1 and _known(row[column]) and row[column] == getattr(best[column], better)()
        return f"**{text} {STAR}**" if mark else text

    cells = {
        "State": f"{row['state']}, {row['epochs']} of {row['epochs_planned']} epochs",
        "Validation slices": _text(row["validation_n"], _WHOLE),
    }
    for measure, (words, better, form) in VALIDATED.items():
        column = f"best_{measure}"
        text = starred(column, _text(row[column], form), better, comparable)
        if _known(row[column]):
            text += f" at epoch {row[f'{column}_epoch']:.0f}, last {_text(row[f'last_{measure}'], form)}"
        cells[words] = text
    cells["Test slices"] = _text(row["test_n"], _WHOLE)
    for column, words in TESTED.items():
        cells[words] = starred(column, _interval(row, column), "max", comparable)
    whole = set(best["state"]) == {"finished"}
    for column, (words, better, form) in COSTS.items():
        # A run that ended early took less time, and that is no merit.
        cells[words] = starred(column, _text(row[column], form), better, whole or column == "images_per_second")
    return cells | {"Device": _plain(_text(row["device"], str))}


def _rests_on(best: pd.DataFrame, several: bool) -> str:
    parts = [
        "Validation figures: of the part held out inside the training part, which early stopping may look at.",
        "Test figures: of the test fold, predicted once with the final weights; 95 % intervals in brackets"
        + _drawn(best),
        "Slices a second: the median over the run.",
    ]
    if several:
        parts.append(f"{STAR} best of these runs; where intervals overlap, that is no proof of a difference.")
    if (best["synthetic"] == True).any():  # noqa: E712 - None and NaN are neither
        parts.append("Synthetic slices: no figure here says anything about real tumours.")
    return " ".join(parts)


def _drawn(best: pd.DataFrame) -> str:
    known = best.dropna(subset=["test_unit"])
    units = {f"{int(row['test_clusters']):,} {row['test_unit']}s" for _, row in known.iterrows()}
    return f", by bootstrap over {', '.join(sorted(units))}." if units else "."


def _interval(row: dict[str, Any], column: str) -> str:
    text = _text(row[column], percent)
    if not _known(row[f"{column}_low"]):
        return text
    return f"{text} ({100 * row[f'{column}_low']:.1f} to {100 * row[f'{column}_high']:.1f})"


def _text(value: Any, form: Callable[[Any], str]) -> str:
    return form(value) if _known(value) else UNKNOWN


def _known(value: Any) -> bool:
    return value is not None and not pd.isna(value)
