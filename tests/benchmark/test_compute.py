"""From a command to the files of artifacts/benchmark/, on phantoms."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tumortrace import paths
from tumortrace.benchmark import artifacts, plan
from tumortrace.cli import main
from tumortrace.data.phantom import make_phantom
from tumortrace.errors import ConfigError, DataError
from tumortrace.evaluation import published
from tumortrace.evaluation.predictions import COLUMNS
from tumortrace.evaluation.report import make_reports, read_reports
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.evaluation.results_records import CalibrationFigure
from tumortrace.evaluation.shipped import shipped_predictions, shipped_reports
from tumortrace.runs.run import Run
from tumortrace.scheduling import worker
from tumortrace.training.trainer import train

RUN = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path / "artifacts"))
    return tmp_path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preset of two networks, one epoch, two folds; the ablation of one factor."""
    quick = plan.PRESETS["cpu"]
    short = {"preprocess.size": 32, "optim.epochs": 1, "optim.batch_size": 16, "model.hflip_tta": False}
    recipes = {name: quick.recipes[name] | short for name in ("tracenet", "cnn3d")}
    ablations = {"cnn3d": {"dropout: none": {"model.dropout": 0.0}}}
    tiny = replace(
        quick,
        recipes=recipes,
        slice_folds=(),
        ablation_folds=(1,),
        ablations=ablations,
        ablation={},
        models={},
        sample=2,
    )
    monkeypatch.setitem(plan.PRESETS, "cpu", tiny)
    monkeypatch.setattr(plan, "FOLDS", (1, 2))


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first run is trained in a process of its own; the others here, one at a time, without a start of torch each.

    Returns:
        The ids of the runs in the order of their trainings.
    """
    in_a_process, one_at_a_time, ids = worker._train, threading.Lock(), list[str]()

    def start(run: Run, *given: Any) -> int:
        with one_at_a_time:
            ids.append(run.id)
            return in_a_process(run, *given) if len(ids) == 1 else int(not train(run))

    monkeypatch.setattr(worker, "_train", start)
    return ids


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("small")
def test_one_command_trains_and_writes_every_figure_and_goes_on_after_a_stop(one_process: list[str]) -> None:
    make_phantom(persons=15, size=48)
    words = ["benchmark", "--set", "dataset=phantom", "--jobs", "2"]
    first = RUN.invoke(main.app, [*words, "--part", "shipped", "--part", "ablations", "--json"])
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["missing"] > 0
    assert json.loads(first.stdout)["folder"] is None, "no fold is finished by all its models"
    again = RUN.invoke(main.app, words)
    assert isinstance(again.exception, ConfigError)
    assert "--resume" in str(again.exception)
    whole = RUN.invoke(main.app, [*words, "--resume", "--json"])
    assert whole.exit_code == 0, whole.output
    assert json.loads(whole.stdout)["missing"] == 0
    assert len(one_process) == len(set(one_process)), "a finished run is not trained again"

    rows, found = shipped_predictions(), published.results()
    assert tuple(rows.columns) == COLUMNS
    assert set(rows["protocol"]) == {"official", "person"}
    networks = {"tracenet", "cnn3d", "ensemble"}
    assert set(rows["model"]) == networks | {f"{name}_exam" for name in networks} | {"classical", "majority"}
    written = json.loads((paths.artifacts() / "benchmark" / "results.json").read_text())
    assert "figures" not in written, "they stand in the reports"
    assert ResultsDocument.model_validate(written) == found
    assert found.synthetic is True
    assert found.missing == []
    for name in ("comparisons", "spread", "calibration", "leakage", "ablations", "localisation", "votes", "compute"):
        assert getattr(found, name), name
    assert found.failures.error_rates
    assert {line.method for line in found.localisation if line.model == "tracenet"} >= {
        "gradcam", "gradcam++", "hirescam", "layercam", "eigencam", "scorecam", "outline", "even", "centre",
    }  # fmt: skip
    with np.load(paths.artifacts() / "benchmark" / "saliency.npz", allow_pickle=False) as maps:
        assert maps["predicted"].shape[1:] == (32, 32)
        assert len(maps["slice_id"]) == len(maps["model"]) == len(maps["true"])
    from tumortrace.data import datasets, splits

    anew = make_reports(rows, splits.table_for(datasets.open_dataset("phantom")), synthetic=True)
    before = {(report.model, report.protocol): report.slice for report in shipped_reports()}
    assert {(report.model, report.protocol): report.slice for report in anew} == before, "figures follow from the rows"

    # What the runs left beside the figures is enough to make them again.
    shutil.rmtree(paths.runs())
    later = RUN.invoke(main.app, [*words, "--no-train", "--json"])
    assert json.loads(later.stdout)["missing"] == 0
    pd.testing.assert_frame_equal(shipped_predictions(), rows)
    assert published.results().model_copy(update={"created": ""}) == found.model_copy(update={"created": ""})


@pytest.mark.usefixtures("small")
def test_a_dry_run_lists_every_run_and_writes_nothing(home: Path) -> None:
    listed = json.loads(RUN.invoke(main.app, ["benchmark", "--dry-run", "--json"]).stdout)
    assert len(listed["runs"]) == 2 * (2 + 2 + 1) + 2
    assert not any(one["finished"] for one in listed["runs"])
    assert not (home / "artifacts").exists()


def test_what_cannot_be_done_is_said_in_one_sentence() -> None:
    nothing = RUN.invoke(main.app, ["benchmark", "--no-train"])
    assert nothing.exit_code == 1
    assert "0 of" in nothing.output
    assert "no figures yet" in nothing.output
    for words, said in (
        (["--part", "everything"], "no such part"),
        (["--model", "vgg"], "no such model"),
        (["--set", "epochs"], "SETTING=VALUE"),
        (["--jobs", "none"], "no number of jobs"),
    ):
        found = RUN.invoke(main.app, ["benchmark", *words])
        assert said in str(found.exception), words


def test_the_document_is_a_line_a_record_and_has_no_nan() -> None:
    line = {"model": "a", "protocol": "person", "tempered": False, "metric": "ece", "high": None}
    lines = [
        line | {"value": np.float32(0.5), "low": float("nan"), "n": np.int64(3)},
        line | {"value": 1, "low": np.float64("inf"), "n": 4},
    ]
    document = ResultsDocument(calibration=[CalibrationFigure.model_validate(one) for one in lines])
    text = artifacts._lines(document.model_dump(mode="json", by_alias=True))
    assert json.loads(text)["calibration"] == [
        line | {"value": 0.5, "low": None, "n": 3}, line | {"value": 1, "low": None, "n": 4},
    ]  # fmt: skip
    assert json.loads(text)["votes"] == []
    assert len([one for one in text.splitlines() if '"value"' in one]) == 2


def test_what_ships_is_read_back_or_said_to_be_broken(home: Path) -> None:
    assert not published.results()
    assert published.literature().empty
    assert shipped_predictions().empty
    assert shipped_reports() == []
    folder = home / "artifacts" / "benchmark"
    folder.mkdir(parents=True)
    (folder / "results.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        published.results()
    (folder / "reports.json").write_text("{}")
    with pytest.raises(DataError, match="holds no reports"):
        read_reports(folder / "reports.json")


def test_the_literature_names_its_protocol_and_the_swapped_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUMORTRACE_ARTIFACTS")
    table = published.literature()
    assert tuple(table.columns) == published.COLUMNS
    assert set(table["kind"]) <= {"slice", "official", "person", "unknown", "other"}
    milestone = table[table["source"].str.contains("milestone")]
    assert milestone["accuracy"].tolist() == [0.87]
    assert "swapped" in milestone["other"].iloc[0]
    assert isinstance(table, pd.DataFrame)
