"""The figures of a run that learns: told apart without colour, described, and friendly when empty."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumortrace.charts import learning, theme, training
from tumortrace.constants import CLASSES


def seconds(rows: int = 30) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "epoch": np.arange(1, rows + 1) / 10,
            "loss": np.linspace(1.1, 0.4, rows),
            "lr": 1e-3,
            "images_per_second": 120.0,
            "memory_mb": 300.0,
            "utilisation": 0.8,
        }
    )


def epochs(rows: int = 3) -> pd.DataFrame:
    measured = pd.DataFrame(
        {
            "epoch": range(1, rows + 1),
            "train_loss": 0.9,
            "train_accuracy": 0.6,
            "val_loss": 1.0,
            "val_accuracy": 0.5,
            "val_macro_f1": 0.45,
        }
    )
    return training.tidy_metrics(measured)


def lines(*slices: tuple[str, str]) -> pd.DataFrame:
    rows = [(epoch, slice_id, name, epoch / 10) for slice_id, name in slices for epoch in range(1, 6)]
    return pd.DataFrame(rows, columns=["epoch", "slice_id", "class_name", "probability"])


def test_the_loss_moves_before_the_first_epoch_is_over() -> None:
    figure = learning.loss(epochs(0), seconds(2))
    assert [trace.name for trace in figure.data] == ["single steps"]
    assert list(figure.data[0].x) == [0.1, 0.2]
    assert "now 0.4" in theme.alt_text(figure)


def test_single_steps_lie_behind_the_epochs_and_are_thin() -> None:
    figure = learning.loss(epochs(), seconds())
    assert [trace.name for trace in figure.data] == ["single steps", "train", "validation"]
    assert figure.data[0].line.width < figure.data[1].line.width
    assert "Single training steps" in theme.alt_text(figure)


def test_a_run_without_telemetry_has_its_losses_by_epoch() -> None:
    figure = learning.loss(epochs(), pd.DataFrame({"epoch": []}))
    assert [trace.name for trace in figure.data] == ["train", "validation"]


def test_macro_f1_stands_beside_the_accuracy() -> None:
    figure = learning.scores(epochs())
    assert [trace.name for trace in figure.data] == ["train", "validation", "validation macro-F1"]
    assert len({(trace.line.dash, trace.marker.symbol) for trace in figure.data}) == 3
    assert "macro-F1 ends at 45.0%" in theme.alt_text(figure)


@pytest.mark.parametrize("measure", learning.MEASURES)
def test_a_small_figure_has_one_line_and_says_its_newest_value(measure: str) -> None:
    figure = learning.small(seconds(), measure)
    assert len(figure.data) == 1
    assert figure.layout.height == learning.SMALL
    assert learning.MEASURES[measure][0] in theme.alt_text(figure)
    assert figure.layout.xaxis.title.text == "Epoch"


def test_what_was_not_measured_is_said() -> None:
    for frame in (seconds()[["epoch"]], seconds().assign(utilisation=np.nan)):
        figure = learning.small(frame, "utilisation")
        assert not figure.data
        assert "Not measured" in theme.alt_text(figure)


def test_pins_of_one_class_share_its_colour_and_differ_in_their_markers() -> None:
    figure = learning.true_class(lines(("7", "glioma"), ("8", "glioma"), ("9", "pituitary")))
    first, second, third = figure.data
    assert first.line.color == second.line.color == theme.CLASS_COLOURS["glioma"]
    assert first.marker.symbol != second.marker.symbol
    assert third.line.dash == theme.CLASS_DASHES["pituitary"]
    assert [trace.name for trace in figure.data] == ["7 (glioma)", "8 (glioma)", "9 (pituitary)"]
    assert "slice 7 (glioma) 50.0%" in theme.alt_text(figure)
    assert figure.layout.yaxis.title.text == "Probability"


@pytest.mark.parametrize("truth", ["glioma", None])
def test_one_pin_shows_all_classes_in_order_and_marks_the_true_one(truth: str | None) -> None:
    figure = learning.all_classes(lines(*(("7", name) for name in CLASSES)), "7", truth)
    names = [f"{name} (true)" if name == truth else name for name in CLASSES]
    assert [trace.name for trace in figure.data] == names
    assert [trace.line.color for trace in figure.data] == list(theme.CLASS_COLOURS.values())
    assert ("true class is" in theme.alt_text(figure)) == (truth is not None)


def test_figures_without_rows_say_when_lines_begin() -> None:
    for figure in (learning.true_class(lines()), learning.all_classes(lines(), "7", None)):
        assert "next epoch" in theme.alt_text(figure)


def test_a_figure_of_a_long_run_stays_small() -> None:
    many = [(str(number), CLASSES[number % 3]) for number in range(24)]
    assert len(learning.true_class(lines(*many)).to_json()) < 60_000
