"""The benchmark's document as the Results page reads it: cached by its file, every part there or said to be missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import pandas as pd
import streamlit as st

from tumortrace import paths
from tumortrace.config import CONTEXT, PreprocessSettings, model_title, parse_config, titles
from tumortrace.config.fields import nest
from tumortrace.constants import PROTOCOL_NOTES
from tumortrace.evaluation import published
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.ui.shell import address, cache, layout, state, style

PROTOCOLS: Final = ("person", "official", "slice")
"""The honest one first."""
MAJORITY: Final = "majority"
BASELINES: Final = ("classical", MAJORITY)
"""Baselines that train no network: what any model has to beat."""
ENSEMBLE: Final = "ensemble"
FILES: Final = {
    "results.json": ("comparisons, leakage, failures and the like", "application/json"),
    "reports.json": ("every figure of each model", "application/json"),
    "predictions.parquet": ("a row a model, fold and slice", "application/octet-stream"),
    "ablations.parquet": ("the same for the ablations", "application/octet-stream"),
    "localisation.parquet": ("a row a model, slice and saliency method", "application/octet-stream"),
    "literature.csv": ("published figures", "text/csv"),
}


def read_document() -> ResultsDocument:
    """The shipped results; a file that cannot be read is said to be so, and the page goes on without it."""
    with layout.errors():
        return _read(cache.stamp(cache.artifacts_file("benchmark", "results.json")))
    return ResultsDocument()


@st.cache_resource(max_entries=2, show_spinner=False)
def _read(stamp: int) -> ResultsDocument:
    return published.results()


def preprocessing(model: str) -> PreprocessSettings | None:
    """How the benchmark's networks of that name saw a slice; None where it trained none."""
    recipe = read_document().recipes.get(model)
    return None if recipe is None else parse_config(nest(recipe)).preprocess


def literature() -> pd.DataFrame:
    """Published figures; do not change the frame."""
    return _literature(cache.stamp(cache.artifacts_file("benchmark", "literature.csv")))


@st.cache_resource(max_entries=2, show_spinner=False)
def _literature(stamp: int) -> pd.DataFrame:
    return published.literature()


def case_context() -> tuple[str, ...]:
    """Slices judged with the rest of their exam: another question, so they are not ranked with the others."""
    return tuple(name for name in titles() if name.endswith(CONTEXT))


def in_order(models: Iterable[str]) -> list[str]:
    """Each model once: the ensemble, the networks, others by name, and the baselines last."""
    known = [ENSEMBLE, *(name for name in titles() if name not in (ENSEMBLE, *BASELINES))]

    def place(name: str) -> tuple[int, str]:
        if name in BASELINES:
            return len(known) + 1 + BASELINES.index(name), name
        return (known.index(name) if name in known else len(known)), name

    return sorted(set(models), key=place)


def titled(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The frame with the names of models replaced by those for people."""
    return frame.assign(**{name: [model_title(str(model)) for model in frame[name]] for name in columns})


def choose_protocol(available: Iterable[str]) -> str:
    """The protocol of the section; kept over sections and in the address. :func:`explain` says what it measures.

    Args:
        available: Those that have figures; the first of them in the order of honesty is taken on a first visit.
    """
    held = set(available)
    first = next((name for name in PROTOCOLS if name in held), PROTOCOLS[0])
    return address.choose("Protocol", PROTOCOLS, state.PROTOCOL, first, str)


def explain(protocol: str) -> None:
    """What a protocol measures, in its sentence."""
    st.caption(f"**Protocol {protocol}.** {PROTOCOL_NOTES[protocol]}")


def command(bench: ResultsDocument) -> str:
    """What makes the missing figures."""
    preset = bench.preset
    return paths.command(f"benchmark --preset {preset if preset in ('cpu', 'full') else 'cpu'} --resume")


def missing(
    bench: ResultsDocument, title: str, text: str = "The command below trains what is missing and computes it."
) -> None:
    """Say what is not there, and which command makes it.

    Args:
        bench: For its preset.
        title: What is missing, as a sentence.
        text: The rest.
    """
    st.html(style.note(text, "info", title))
    st.code(command(bench), language="bash", wrap_lines=True)


def unfinished(bench: ResultsDocument) -> str:
    """How many runs of the plan are not in the figures, by what they are for; empty where none is missing."""
    parts = Counter(line.part for line in bench.missing)
    if not parts:
        return ""
    many = "runs of the plan are" if parts.total() > 1 else "run of the plan is"
    return f"{parts.total()} {many} not finished: " + ", ".join(f"{part} {n}" for part, n in parts.items()) + "."


def files() -> None:
    """Everything the page draws from, to be taken along."""
    found = {name: cache.artifacts_file("benchmark", name) for name in FILES}
    found = {name: path for name, path in found.items() if path.is_file()}
    if not found:
        return
    with st.expander("Download the data behind this page", icon=":material/database:"):
        for name, path in found.items():
            what, mime = FILES[name]
            st.download_button(
                f"{name} · {what}, {path.stat().st_size / 2**20:.1f} MiB", path.read_bytes, name, mime,
                key=f"file_{name}", type="tertiary", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
