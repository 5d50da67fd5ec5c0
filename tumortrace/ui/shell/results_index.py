"""Whose predictions are on show: the shipped models' or a finished run's, behind one face."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import streamlit as st

from tumortrace import runs
from tumortrace.config import model_title
from tumortrace.constants import FIGSHARE
from tumortrace.data import identity, splits
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DataError
from tumortrace.evaluation import shipped
from tumortrace.evaluation.predictions import join_truth
from tumortrace.evaluation.report import Report
from tumortrace.inference import bundle as bundles
from tumortrace.inference.model_ref import ModelRef
from tumortrace.runs.dataset import DatasetRef
from tumortrace.runs.index import IndexEntry
from tumortrace.runs.run import Run
from tumortrace.ui.shell import benchmark_document, cache, state


@dataclass(frozen=True)
class ResultSource:
    """One model under one protocol, judged."""

    ref: ModelRef
    """Of the benchmark, or a run."""
    title: str
    """For a list to choose from."""
    name: str
    """Short, where protocol and fold stand beside it."""
    report: Report
    dataset_name: str
    """What its dataset is called here, or was called where it was predicted."""
    dataset: Dataset | None
    """Its dataset; None where that one is not at hand, whatever else has its name."""
    published: bool
    """Whether its slices are the published ones."""
    trouble: str = ""
    """Why its dataset is not at hand, or that it was told from the report alone; empty where all is well."""

    @property
    def run_id(self) -> str | None:
        """The run's; None for a model of the benchmark."""
        return self.ref.id if self.ref.kind == "run" else None

    @property
    def key(self) -> str:
        """What addresses, choices and rows hold of it: the run's id, or the reference as it is written."""
        return self.run_id or str(self.ref)

    @property
    def weights(self) -> ModelRef:
        """The weights that can be asked in its place: the run's own, or those that ship under the model's name."""
        return self.ref if self.ref.kind == "run" else ModelRef("shipped", self.ref.id)

    @property
    def synthetic(self) -> bool:
        """Whether the slices behind it are made up."""
        return self.report.synthetic

    def named_report(self) -> Report:
        """The report under the name for people, which tells runs of one model apart."""
        return self.report.model_copy(update={"model": self.name})

    def metrics(self) -> pd.DataFrame:
        """Metrics of the training, a row an epoch; empty where they are not known."""
        if self.run_id is not None:
            return runs.find_run(self.run_id).metrics
        shipped_models = {bundle.name: bundle for bundle in bundles.list_bundles()}
        found = shipped_models.get(self.report.model)
        return pd.DataFrame() if found is None else found.metrics


def result_sources() -> list[ResultSource]:
    """Shipped models (networks, ``person`` before the others; baselines last), then finished runs, newest first."""
    return [*_shipped(), *_of_runs()]


def find_source(key: str) -> ResultSource | None:
    """The source of that key."""
    return next((source for source in result_sources() if source.key == key), None)


def choose_source(found: list[ResultSource], key: str, asked: str | None = None) -> ResultSource:
    """A selectbox of sources; ``asked`` (from the address) is taken once, then the reader's choice holds."""
    by_key = {source.key: source for source in found}
    last = f"{key}{state.ASKED}"
    if asked in by_key and st.session_state.get(last) != asked:
        st.session_state[key] = st.session_state[last] = asked
    elif st.session_state.get(key) not in by_key:
        st.session_state[key] = found[0].key
    chosen = st.selectbox(
        "Model", list(by_key), key=key, format_func=lambda name: by_key[name].title, persist_state="session"
    )
    return by_key[chosen]


def rests_on(report: Report, unit: str = "slice") -> str:
    """What every figure of a report rests on: protocol, folds, n and the unit of its interval."""
    part = report.unit(unit)
    assert part is not None
    many = "folds" if len(report.folds) > 1 else "fold"
    noun = "slices" if unit == "slice" else "patients"
    interval = part.interval("accuracy")
    synthetic = " Synthetic slices." if report.synthetic else ""
    seeds = f", each under {len(report.seeds)} seeds" if len(report.seeds) > 1 else ""
    return (
        f"Protocol {report.protocol}, {many} {', '.join(map(str, report.folds))}; "
        f"n = {counted(report, unit):,} {noun}{seeds}; "
        f"95 % intervals by bootstrap over {interval.clusters:,} {interval.unit}s.{synthetic}"
    )


def counted(report: Report, unit: str) -> int:
    """How many slices or patients stand behind a report, each once however many seeds there are."""
    part = report.unit(unit)
    return 0 if part is None else round(part.metrics.n / len(report.seeds))


def joined(source: ResultSource) -> pd.DataFrame:
    """The prediction rows with the truth beside them; do not change the frame.

    Raises:
        DataError: The run's dataset is no longer imported, or is another one.
    """
    if source.run_id is not None and source.dataset is None:
        # Opened anew for its error, which says which dataset it was and how to get it back.
        _ = runs.find_run(source.run_id).dataset
    fingerprint = "" if source.dataset is None else source.dataset.fingerprint
    return _joined(source.ref, source.report.created, source.dataset_name, fingerprint)


@st.cache_resource(max_entries=16, show_spinner=False)
def _joined(ref: ModelRef, created: str, dataset_name: str, fingerprint: str) -> pd.DataFrame:
    if ref.kind == "benchmark":
        rows = shipped.shipped_predictions()
        mine = (rows["model"] == ref.id) & (rows["protocol"] == ref.protocol)
        return join_truth(rows[mine], splits.frozen_figshare())
    predicted = runs.find_run(ref.id).predictions
    if predicted is None:
        raise DataError("the run has no predictions", value=ref.id, remedy="Choose a finished run.")
    return join_truth(predicted, cache.dataset(dataset_name).manifest)


def _shipped() -> list[ResultSource]:
    here = cache.published_dataset()
    return [
        ResultSource(
            ModelRef("benchmark", report.model, report.protocol),
            f"{model_title(report.model)} · benchmark · {report.protocol}",
            model_title(report.model),
            report,
            FIGSHARE if here is None else here.name,
            here,
            True,
        )
        for report in sorted(_shipped_reports(shipped_stamp()), key=_place)
    ]


def _place(report: Report) -> tuple[bool, int, float]:
    """Networks before baselines, the honest protocol first, then the best."""
    known = benchmark_document.PROTOCOLS
    protocol = known.index(report.protocol) if report.protocol in known else len(known)
    return report.model in benchmark_document.BASELINES, protocol, -(report.slice.interval("macro_f1").value or 0.0)


@st.cache_resource(max_entries=2, show_spinner=False)
def _shipped_reports(stamp: int) -> list[Report]:
    return shipped.shipped_reports()


def shipped_stamp() -> int:
    """Changes whenever the shipped results do."""
    return cache.stamp(cache.artifacts_file("benchmark", "reports.json"))


def _of_runs() -> list[ResultSource]:
    # Hundreds of runs rest on a few datasets: each is looked for once.
    known: dict[DatasetRef, Dataset] = {}
    return [_of_run(entry, entry.report, known) for entry in cache.finished_runs() if entry.report is not None]


def _of_run(entry: IndexEntry, report: Report, known: dict[DatasetRef, Dataset]) -> ResultSource:
    run, config = entry.run, entry.config
    created = datetime.fromtimestamp(entry.status.created).strftime("%d %b %H:%M")
    dataset, trouble = None if entry.dataset is None else known.get(entry.dataset), ""
    if dataset is None:
        dataset, trouble = _dataset_of(run)
        if dataset is not None and entry.dataset is not None:
            known[entry.dataset] = dataset
    name = f"{model_title(config.model.name)} · run of {created}"
    title = f"{name} · {config.protocol} fold {config.fold}"
    called = dataset.name if dataset is not None else entry.dataset_name or "not named"
    published = dataset is not None and identity.is_published(dataset)
    return ResultSource(ModelRef("run", run.id), title, name, report, called, dataset, published, trouble)


def _dataset_of(run: Run) -> tuple[Dataset | None, str]:
    try:
        found = run.dataset
    except DataError as error:
        return None, str(error)
    told = "This run is of an earlier version and keeps no fingerprint of its dataset: its report fits this one."
    return cache.dataset(found.dataset.name), told if found.assumed else ""
