"""A home folder in every state a page may find it in, made without training anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import streamlit as st
from PIL import Image
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from tests.processes import SCRIPT_S
from tumortrace import paths, processes, runs
from tumortrace.config import parse_config
from tumortrace.constants import CLASSES
from tumortrace.data.manifest import conform
from tumortrace.evaluation.report import make_report, write_report
from tumortrace.runs.run import Run

APP = str(Path(__file__).resolve().parents[2] / "app.py")
PAGES = {
    "home": "app.py",
    "dataset": "pages/1_Dataset.py",
    "train": "pages/2_Train.py",
    "results": "pages/3_Results.py",
    "errors": "pages/4_Errors.py",
    "classify": "pages/5_Classify.py",
    "present": "pages/6_Present.py",
}
SIDE = 48
PERSONS = 15
SLICES_A_PERSON = 2
Open = Callable[..., AppTest]


@pytest.fixture(scope="session", autouse=True)
def components_found_once() -> Iterator[None]:
    """Each AppTest asks every installed package for its components anew: nine tenths of the time of a page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and nothing shipped."""
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path / "artifacts"))
    st.cache_data.clear()
    st.cache_resource.clear()
    return tmp_path / "home"


@pytest.fixture
def open_page() -> Open:
    """Open a page as a first visit to a fresh server."""

    def open_it(key: str, **query: str) -> AppTest:
        test = AppTest.from_file(APP, default_timeout=SCRIPT_S)
        test.query_params.update(query)
        if key != "home":
            test.switch_page(PAGES[key])
        return test.run()

    return open_it


@pytest.fixture
def phantoms(home: Path) -> str:
    """A small synthetic dataset in place: 15 patients with two slices each, five official folds."""
    folder = paths.data() / "phantom"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for person in range(PERSONS):
        for position in range(SLICES_A_PERSON):
            number = person * SLICES_A_PERSON + position + 1
            pixels = rng.integers(0, 200, (SIDE, SIDE), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
            rows.append(
                {
                    "slice_id": str(number), "label": person % 3, "patient_id": f"P{person:02d}",
                    "series_id": f"P{person:02d}-axial", "position": position, "official_fold": person // 3 % 5 + 1,
                    "source": f"{number}.png", "height": SIDE, "width": SIDE, "area_px": 100 + person,
                    "outline": "10,10 20,10 20,20 10,20",
                }
            )  # fmt: skip
    conform(pd.DataFrame(rows)).to_parquet(folder / "manifest.parquet")
    facts = {"kind": "synthetic", "origin": "made up", "attribution": "", "fingerprint": "f" * 64, "report": {}}
    processes.write_json(folder / "dataset.json", facts)
    return "phantom"


@pytest.fixture
def make_run(phantoms: str) -> Callable[..., Run]:
    """Make a run folder in a state, with two epochs of metrics."""

    def make(state: str, epochs_done: int = 2, **status: object) -> Run:
        config = parse_config(
            {"dataset": phantoms, "model": {"name": "cnn3d"}, "preprocess": {"size": 32}, "optim": {"epochs": 4}}
        )
        run = runs.create(config)
        metrics = pd.DataFrame(
            {
                "epoch": range(1, epochs_done + 1), "step": range(10, 10 * epochs_done + 1, 10), "train_loss": 0.9,
                "train_accuracy": 0.6, "val_loss": 1.0, "val_accuracy": 0.5, "val_macro_f1": 0.5, "lr": 0.001,
                "images_per_second": 120.0, "epoch_seconds": 1.0, "memory_mb": 300.0,
            }
        )  # fmt: skip
        (run.folder / "metrics" / "version_1").mkdir(parents=True)
        metrics.to_csv(run.folder / "metrics" / "version_1" / "metrics.csv", index=False)
        (run.folder / "log.txt").write_text("first line\nthe last line of the log\n")
        values = {
            "state": state, "epoch": epochs_done, "steps": 10, "step": 5, "seconds": 2.0, "starts": 1, "device": "cpu",
            "loss": 0.9, "images_per_second": 120.0, "eta_seconds": 2.0, "memory_bytes": 2**28,
            "counts": {"train": 20, "validation": 4, "test": 6},
        }  # fmt: skip
        run.write_status(run.status.model_copy(update=values | status))
        return run

    return make


@pytest.fixture
def running(make_run: Callable[..., Run]) -> Run:
    """A run whose process lives: this one."""
    return make_run("running", pid=os.getpid(), pid_started=psutil.Process().create_time())


@pytest.fixture
def crashed(make_run: Callable[..., Run]) -> Run:
    """A run that says it is running, and whose process is gone; it left a checkpoint."""
    run = make_run("running", pid=2**22 - 1, pid_started=1.0)
    (run.folder / "checkpoint.ckpt").write_bytes(b"checkpoint")
    return run


@pytest.fixture
def finished(make_run: Callable[..., Run], phantoms: str) -> Run:
    """A run that predicted its test fold: every second slice right."""
    from tumortrace.data import datasets

    run = make_run("finished", epochs_done=4, eta_seconds=None)
    manifest = datasets.open_dataset(phantoms).manifest
    rows = manifest[manifest["official_fold"] == 1]
    shares = np.full((len(rows), len(CLASSES)), 0.1)
    for place, label in enumerate(rows["label"].astype(int)):
        shares[place, label if place % 2 else (label + 1) % 3] = 0.8
    predictions = pd.DataFrame(
        {"model": "cnn3d", "protocol": "official", "seed": 0, "fold": 1, "slice_id": rows["slice_id"].astype(str)}
    ).assign(**{f"p_{name}": shares[:, place] for place, name in enumerate(CLASSES)})
    predictions.to_parquet(run.folder / "predictions.parquet", index=False)
    write_report(make_report(predictions, manifest, synthetic=True, replicates=50), run.folder / "report.json")
    return run


@pytest.fixture
def words() -> Callable[[AppTest], str]:
    """Everything a reader could read on the page."""

    def read(test: AppTest) -> str:
        kinds = ("markdown", "caption", "title", "subheader", "code", "html")
        parts = [element.value for kind in kinds for element in test.get(kind)]
        parts += [f"{element.label} {element.value}" for element in test.metric]
        parts += [element.label for kind in ("button", "page_link", "expander") for element in test.get(kind)]
        return "\n".join(map(str, parts))

    return read
