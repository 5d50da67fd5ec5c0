"""Reports and the frames drawn from them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tumortrace.errors import DataError
from tumortrace.evaluation import tables
from tumortrace.evaluation.formatting import METRIC_NAMES, UNDEFINED, decimal, percent, with_interval
from tumortrace.evaluation.report import (
    ROC_POINTS,
    Report,
    make_report,
    make_reports,
    read_report,
    read_reports,
    write_report,
    write_reports,
)

Make = Callable[..., pd.DataFrame]
SHARES = [(0.8, 0.1, 0.1), (0.3, 0.6, 0.1), (0.1, 0.7, 0.2), (0.2, 0.5, 0.3), (0.2, 0.3, 0.5), (0.1, 0.5, 0.4)]
LABELS = [0, 0, 1, 1, 1, 2]


@pytest.fixture
def report(make_rows: Make, make_truth: Make) -> Report:
    truth = make_truth(LABELS, ["A", "B", "C", "C", "D", "E"])
    return make_report(make_rows(SHARES), truth, synthetic=True, replicates=50)


@pytest.fixture
def nameless(make_rows: Make, make_truth: Make) -> Report:
    """Patients unknown, and glioma never predicted."""
    return make_report(make_rows([(0.8, 0.1, 0.1), (0.6, 0.3, 0.1)]), make_truth([0, 1]), replicates=20)


def test_a_report_says_what_it_rests_on(report: Report) -> None:
    assert (report.model, report.protocol, report.folds, report.seeds) == ("resnet18", "official", [1], [0])
    assert (report.n_slices, report.n_patients, report.n_persons) == (6, 5, 5)
    assert report.synthetic
    assert report.slice.metrics.n == 6
    assert report.patient is not None
    assert report.patient.metrics.n == 5


def test_the_patient_level_is_the_mean_over_slices(report: Report) -> None:
    # A right; B glioma, wrong; C right; D pituitary, wrong; E glioma, wrong
    assert report.unit("patient").metrics.accuracy == pytest.approx(2 / 5)
    assert report.unit("slice").metrics.accuracy == pytest.approx(3 / 6)


def test_unknown_patients_leave_the_patient_level_undefined(nameless: Report) -> None:
    assert nameless.patient is None
    assert nameless.n_patients is None
    assert nameless.slice.interval("accuracy").unit == "slice"
    assert tables.classification_table(nameless, "patient").empty
    assert tables.confusion_frame(nameless, "patient").empty
    assert tables.leaderboard_frame([nameless], unit="patient").empty
    assert {line["unit"] for line in tables.figures(nameless)} == {"slice"}


def test_a_report_comes_back_from_json_as_it_was(report: Report, nameless: Report, tmp_path: Path) -> None:
    for number, one in enumerate((report, nameless)):
        path = tmp_path / f"{number}.json"
        write_report(one, path)
        assert read_report(path) == one
    write_reports([report, nameless], tmp_path / "all.json")
    assert read_reports(tmp_path / "all.json") == [report, nameless]
    assert list(json.loads((tmp_path / "all.json").read_text())) == ["reports"]


@pytest.mark.parametrize("content", [None, "{", "[]", '{"model": "x"}', '{"reports": [1]}'])
def test_what_is_no_report_is_refused_with_a_remedy(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match="benchmark --resume"):
        read_report(path)
    with pytest.raises(DataError, match="benchmark --resume"):
        read_reports(path)


def test_folds_and_seeds_are_pooled(make_rows: Make, make_truth: Make) -> None:
    truth = make_truth(LABELS, ["A", "B", "C", "C", "D", "E"])
    rows = make_rows(SHARES)
    rows["fold"] = [1, 1, 2, 2, 3, 3]
    pooled = make_report(pd.concat([rows, rows.assign(seed=1)]), truth, replicates=20)
    assert (pooled.folds, pooled.seeds) == ([1, 2, 3], [0, 1])
    assert pooled.n_slices == 6
    assert pooled.slice.metrics.n == 12
    assert pooled.slice.interval("accuracy").clusters == 5


def test_several_models_make_several_reports_but_not_one(make_rows: Make, make_truth: Make) -> None:
    truth = make_truth(LABELS)
    rows = pd.concat([make_rows(SHARES, model=name) for name in ("resnet18", "cnn3d")])
    assert [one.model for one in make_reports(rows, truth, replicates=10)] == ["cnn3d", "resnet18"]
    assert make_reports(rows.iloc[:0], truth) == []
    with pytest.raises(DataError, match="Use make_reports"):
        make_report(rows, truth)
    with pytest.raises(DataError, match="Predict the test fold first"):
        make_report(rows.iloc[:0], truth)


def test_a_unit_of_another_name_is_refused(report: Report) -> None:
    with pytest.raises(DataError, match="Use slice or patient"):
        report.unit("person")


def test_long_roc_curves_are_thinned_without_losing_their_shape(make_rows: Make, make_truth: Make) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 3000)
    logits = rng.normal(0, 1, (3000, 3)) + 1.5 * np.eye(3)[labels]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    report = make_report(make_rows(shares), make_truth(labels), replicates=10)
    frame = tables.roc_frame(report)
    for _, curve in frame.groupby("class_name"):
        assert len(curve) <= ROC_POINTS
        assert curve[["fpr", "tpr"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]
        assert curve["fpr"].is_monotonic_increasing
        assert np.trapezoid(curve["tpr"], curve["fpr"]) == pytest.approx(curve["auc"].iloc[0], abs=0.003)


def test_the_classification_table_reads_like_the_one_people_know(report: Report) -> None:
    table = tables.classification_table(report).set_index("name")
    assert list(table.index) == ["meningioma", "glioma", "pituitary", "accuracy", "macro avg", "weighted avg"]
    assert table["support"].tolist() == [2, 3, 1, 6, 6, 6]
    assert table.loc["glioma", ["precision", "recall", "f1"]].tolist() == pytest.approx([1 / 2, 2 / 3, 4 / 7])
    assert table.loc["accuracy"].tolist() == [None, None, 0.5, 6]
    assert table.loc["macro avg", "f1"] == pytest.approx(26 / 63)


def test_undefined_stays_none_in_tables(nameless: Report) -> None:
    table = tables.classification_table(nameless).set_index("name")
    assert table.loc["glioma", "precision"] is None
    assert table.loc["glioma", "f1"] == 0
    assert table.loc["macro avg", "precision"] is None
    assert table.loc["pituitary", "recall"] is None
    cells = tables.confusion_frame(nameless).set_index(["true", "predicted"])
    assert cells.loc[("pituitary", "pituitary"), "share"] is None


def test_shares_of_a_confusion_row_add_up_to_one(report: Report) -> None:
    frame = tables.confusion_frame(report)
    assert frame.groupby("true")["share"].sum().tolist() == pytest.approx([1, 1, 1])
    assert frame["count"].sum() == 6


def test_the_flat_list_holds_every_figure_of_both_units_and_is_json(report: Report) -> None:
    flat = tables.figures(report)
    json.dumps(flat, allow_nan=False)
    # 12 of all classes (ECE among them) and 5 of each of 3 classes, for slices and for patients
    assert len(flat) == 2 * (12 + 18) == len({(f["unit"], f["metric"], f["class"]) for f in flat})
    found = [f for f in flat if (f["unit"], f["metric"], f["class"]) == ("slice", "recall", "glioma")]
    assert found[0]["value"] == pytest.approx(2 / 3)
    assert found[0]["n"] == 3
    assert {f["metric"] for f in flat} == set(METRIC_NAMES)


def test_a_support_is_counted_once_however_many_seeds_there_are(make_rows: Make, make_truth: Make) -> None:
    shares = [(0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)]
    rows = pd.concat([make_rows(shares), make_rows(shares).assign(seed=1)])
    flat = tables.figures(make_report(rows, make_truth([0, 1, 2]), replicates=5))
    found = {(f["metric"], f["class"]): f for f in flat if f["unit"] == "slice"}
    assert found["support", "glioma"]["value"] == 1
    assert found["accuracy", None]["n"] == 3


def test_the_leaderboard_keeps_the_order_given(report: Report, nameless: Report) -> None:
    frame = tables.leaderboard_frame([nameless, report], metric="recall", class_name="glioma")
    assert frame["value"].tolist() == [0, pytest.approx(2 / 3)]
    assert frame["synthetic"].tolist() == [False, True]
    assert tables.folds_text([1, 2, 3, 4, 5]) == "1-5"
    assert tables.folds_text([1, 3]) == "1, 3"
    assert tables.folds_text([2]) == "2"


def test_figures_are_written_one_way(report: Report, nameless: Report) -> None:
    assert percent(0.9412) == "94.1\N{NO-BREAK SPACE}%"
    assert percent(None) == decimal(None) == UNDEFINED
    assert decimal(0.94123) == "0.941"
    interval = report.slice.interval("accuracy").model_copy(update={"low": 0.25, "high": 0.75})
    assert with_interval(interval) == "50.0\N{NO-BREAK SPACE}% (25.0 to 75.0)"
    no_ends = interval.model_copy(update={"low": None, "high": None})
    assert with_interval(no_ends) == "50.0\N{NO-BREAK SPACE}%"
    assert with_interval(nameless.slice.interval("precision", "glioma")) == UNDEFINED


def test_reading_reports_imports_nothing_heavy() -> None:
    code = (
        "import sys, "
        "tumortrace.evaluation.tables, tumortrace.evaluation.significance, tumortrace.evaluation.formatting,"
        " tumortrace.charts.results, tumortrace.charts.dataset, tumortrace.charts.training, tumortrace.charts.errors;"
        "print([name for name in ('torch', 'streamlit', 'sklearn', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
