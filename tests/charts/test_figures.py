"""Every chart: titled axes, no title, a sentence for those who do not see it, small, and friendly when empty."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from tumortrace.charts import results, scores, theme, training
from tumortrace.constants import CLASSES

RNG = np.random.default_rng(0)


def metrics(epochs: int = 12) -> pd.DataFrame:
    falling = np.exp(-np.arange(epochs) / 5)
    return pd.DataFrame(
        {
            "epoch": np.arange(1, epochs + 1),
            "step": np.arange(1, epochs + 1) * 30,
            "train_loss": falling,
            "train_accuracy": 1 - falling,
            "val_loss": falling + 0.1,
            "val_accuracy": 0.9 - 0.8 * falling,
            "val_macro_f1": 0.8 - 0.8 * falling,
            "lr": 1e-3 * falling,
            "images_per_second": 400.0,
        }
    )


def confusion() -> pd.DataFrame:
    lines = []
    for true, counts in zip(CLASSES, ([50, 30, 20], [10, 180, 10], [0, 0, 0]), strict=True):
        support = sum(counts)
        for predicted, count in zip(CLASSES, counts, strict=True):
            lines.append((true, predicted, count, count / support if support else None, support))
    return pd.DataFrame(lines, columns=["true", "predicted", "count", "share", "support"])


def board() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("resnet18", "person", "1-5", 0.91, 0.88, 0.94, 3064, False),
            ("cnn3d", "official", "1", 0.83, None, None, 600, True),
            ("inception_v3", "person", "1-5", None, None, None, 0, False),
        ],
        columns=["model", "protocol", "folds", "value", "low", "high", "n", "synthetic"],
    )


def curve() -> pd.DataFrame:
    points = np.linspace(0, 1, 200)
    return pd.concat(
        [pd.DataFrame({"class_name": name, "fpr": points, "tpr": points**0.3, "auc": 0.77}) for name in CLASSES]
    )


def recall_curve() -> pd.DataFrame:
    points = np.linspace(0, 1, 200)
    return pd.concat(
        [pd.DataFrame({"class_name": name, "recall": points, "precision": 1 - points**4}) for name in CLASSES]
    )


def areas() -> pd.DataFrame:
    lines = [(name, "auc", 0.77, 0.7, 0.85) for name in CLASSES[:2]] + [(CLASSES[2], "auc", 0.5, None, None)]
    return pd.DataFrame(lines, columns=["class_name", "metric", "value", "low", "high"])


def bins() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "low": [0.0, 0.5],
            "high": [0.5, 1.0],
            "n": [0, 40],
            "confidence": [None, 0.9],
            "accuracy": [None, 0.8],
        }
    )


MADE: dict[str, Callable[[], go.Figure]] = {
    "loss_curves": lambda: training.loss_curves(training.tidy_metrics(metrics(), "a")),
    "accuracy_curves": lambda: training.accuracy_curves(training.tidy_metrics(metrics()), x="step"),
    "macro_f1_curves": lambda: training.macro_f1_curves(training.tidy_metrics(metrics()), x="step"),
    "learning_rate": lambda: training.learning_rate(training.tidy_metrics(metrics())),
    "throughput": lambda: training.throughput(training.tidy_metrics(metrics())),
    "confusion_matrix": lambda: results.confusion_matrix(confusion()),
    "roc_curves": lambda: results.roc_curves(curve()),
    "reliability": lambda: results.reliability(bins(), 0.1),
    "precision_recall_curves": lambda: results.precision_recall_curves(recall_curve(), areas()),
    "leaderboard": lambda: scores.leaderboard(board()),
}
EMPTY: dict[str, Callable[[], go.Figure]] = {
    "loss_curves": lambda: training.loss_curves(training.tidy_metrics(pd.DataFrame({"epoch": []}))),
    "accuracy_curves": lambda: training.accuracy_curves(pd.DataFrame()),
    "macro_f1_curves": lambda: training.macro_f1_curves(pd.DataFrame()),
    "learning_rate": lambda: training.learning_rate(pd.DataFrame()),
    "throughput": lambda: training.throughput(pd.DataFrame()),
    "confusion_matrix": lambda: results.confusion_matrix(confusion().iloc[:0]),
    "roc_curves": lambda: results.roc_curves(curve().iloc[:0]),
    "reliability": lambda: results.reliability(bins().iloc[:1]),
    "precision_recall_curves": lambda: results.precision_recall_curves(recall_curve().iloc[:0]),
    "leaderboard": lambda: scores.leaderboard(board().iloc[2:]),
}


def test_every_chart_is_tested() -> None:
    found = {name: value for module in (training, results, scores) for name, value in vars(module).items()}
    charts = {
        name
        for name, value in found.items()
        if not name.startswith("_") and getattr(value, "__module__", "") not in ("", theme.__name__)
        if getattr(value, "__annotations__", {}).get("return") == "go.Figure"
    }
    assert charts == set(MADE) == set(EMPTY)


@pytest.mark.parametrize("name", MADE)
def test_a_chart_has_no_title_but_a_sentence_and_is_small(name: str) -> None:
    figure = MADE[name]()
    assert figure.layout.title.text is None
    assert figure.layout.template.layout.font.size == theme.FONT_SIZE
    assert figure.layout.font.color is None
    alt = theme.alt_text(figure)
    assert alt.endswith(".")
    assert len(alt.split()) > 4
    assert "nan" not in alt.lower()
    assert len(figure.to_json()) < 100_000
    assert len(figure.data) > 0


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_to_draw_is_said_kindly(name: str) -> None:
    figure = EMPTY[name]()
    assert len(figure.data) == 0
    assert figure.layout.annotations[0].text.replace("<br>", " ") == theme.alt_text(figure)
    assert figure.layout.xaxis.visible is False


@pytest.mark.parametrize("name", MADE)
def test_the_colour_of_a_class_is_the_same_in_every_chart(name: str) -> None:
    for trace in MADE[name]().data:
        for known in CLASSES:
            if (trace.name or "").startswith(known):
                colour = trace.line.color if trace.type == "scatter" else trace.marker.color
                assert colour == theme.CLASS_COLOURS[known]


def test_a_confusion_cell_shows_the_count_and_the_share_of_its_row() -> None:
    figure = results.confusion_matrix(confusion())
    heat = figure.data[0]
    assert heat.z[1][1] == 0.9
    assert "<b>180</b>" in heat.text[1][1]
    assert heat.text[1][1].endswith("90.0%")
    assert heat.y[1] == "glioma<br>n = 200"
    assert figure.layout.xaxis.title.text == "Predicted class"
    assert figure.layout.yaxis.title.text == "True class"
    assert "<b>90.0%</b>" in results.confusion_matrix(confusion(), normalise=True).data[0].text[1][1]


def test_a_class_without_support_has_no_share() -> None:
    heat = results.confusion_matrix(confusion()).data[0]
    assert list(heat.z[2]) == [None, None, None]
    assert heat.text[2][2].endswith("undefined")


def test_the_leaderboard_leaves_out_what_is_undefined_and_names_the_synthetic() -> None:
    figure = scores.leaderboard(board())
    lines = figure.layout.yaxis.categoryarray
    assert lines == ("resnet18<br>person, folds 1-5", "cnn3d<br>official, fold 1, synthetic")
    assert "synthetic" in theme.alt_text(figure)


def test_an_area_has_its_interval_in_the_legend_where_there_is_one() -> None:
    for figure, short in (
        (results.roc_curves(curve(), areas()), "AUC"),
        (results.precision_recall_curves(recall_curve(), areas()), "AP"),
    ):
        names = [trace.name for trace in figure.data if trace.name != "chance"]
        assert names[1] == f"glioma, {short} 0.770 (0.700 to 0.850)"
        assert names[2] == f"pituitary, {short} 0.500"


def test_matrices_of_several_models_share_one_scale_of_colour() -> None:
    drawn = [results.confusion_matrix(confusion(), of=name, narrow=True) for name in ("A", "B")]
    assert {(figure.data[0].zmin, figure.data[0].zmax) for figure in drawn} == {(0, 1)}
    assert len({figure.data[0].colorscale for figure in drawn}) == 1
    assert [theme.alt_text(figure)[:23] for figure in drawn] == ["Confusion matrix of A. ", "Confusion matrix of B. "]


def test_the_area_stands_in_the_legend() -> None:
    names = [trace.name for trace in results.roc_curves(curve()).data]
    assert names == ["chance", *(f"{name}, AUC 0.770" for name in CLASSES)]


def test_empty_bins_are_not_drawn() -> None:
    observed = results.reliability(bins(), 0.1).data[1]
    assert observed.x == (0.9,)
    assert observed.name == "observed, ECE 10.0%"


def test_metrics_without_validation_become_training_rows_alone() -> None:
    wide = metrics().drop(columns=["val_loss", "val_accuracy", "val_macro_f1"])
    tidy = training.tidy_metrics(wide, "a")
    assert set(tidy["part"]) == {"train"}
    assert len(tidy) == len(wide)
    assert tuple(tidy.columns) == training.COLUMNS


def test_tidy_metrics_keep_every_value() -> None:
    wide = metrics()
    tidy = training.tidy_metrics(wide, "a")
    held = tidy[tidy["part"] == "validation"]
    assert held["loss"].tolist() == wide["val_loss"].tolist()
    assert held["macro_f1"].tolist() == wide["val_macro_f1"].tolist()
    assert held["images_per_second"].isna().all()
    assert tidy[tidy["part"] == "train"]["learning_rate"].tolist() == wide["lr"].tolist()


def test_several_runs_keep_their_colour_and_parts_their_dash() -> None:
    both = pd.concat([training.tidy_metrics(metrics(), name) for name in ("a", "b")])
    looks = [(trace.name, trace.line.color, trace.line.dash) for trace in training.loss_curves(both).data]
    first, second = theme.SERIES[:2]
    assert looks == [
        ("a (train)", first, "solid"),
        ("a (validation)", first, "dash"),
        ("b (train)", second, "solid"),
        ("b (validation)", second, "dash"),
    ]
