"""The map of the slices and the picture of the folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumortrace.charts import embedding, splits, theme
from tumortrace.constants import CLASSES


def points(count: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.uniform(-1, 1, count).round(4), "y": rng.uniform(-1, 1, count).round(4),
            "slice_id": [str(place) for place in range(count)],
            "patient_id": [f"MR{place:06d}" for place in range(count)],
            "class_name": [CLASSES[place % 3] for place in range(count)],
            "group": [f"fold {place % 2 + 1}" for place in range(count)],
        }
    )  # fmt: skip


def drawn(figure) -> list:
    return [trace for trace in figure.data if trace.customdata is not None]


@pytest.mark.parametrize(
    "figure",
    [
        embedding.by_group(points(), {"fold 1": "#000000", "fold 2": "#FFFFFF"}, "fold"),
        embedding.by_person(points()),
        embedding.by_person(points(), "fold 1"),
        embedding.by_value(points().assign(value=[None, *np.linspace(0, 0.1, 59)]), "Tumour area"),
    ],
)
def test_every_colouring_draws_each_slice_once_with_the_symbol_of_its_class(figure) -> None:
    found = {}
    for trace in drawn(figure):
        symbols = trace.marker.symbol
        symbols = [symbols] * len(trace.x) if isinstance(symbols, str) else symbols
        found |= {data[0]: (data[1], symbol) for data, symbol in zip(trace.customdata, symbols, strict=True)}
    assert sum(len(trace.x) for trace in drawn(figure)) == len(found) == 60
    assert all(theme.CLASS_SYMBOLS[name] == symbol for name, symbol in found.values())
    named = {trace.name for trace in figure.data if trace.customdata is None}
    assert named == set(CLASSES), "the legend says which symbol is which class"
    assert "60 slices" in theme.alt_text(figure)


def test_by_class_the_legend_is_the_classes_alone() -> None:
    frame = points()
    figure = embedding.by_group(frame.assign(group=frame["class_name"]), dict(theme.CLASS_COLOURS), "class")
    assert [trace.name for trace in figure.data] == [f"{name} (20)" for name in CLASSES]
    assert [trace.marker.color for trace in figure.data] == list(theme.CLASS_COLOURS.values())


@pytest.mark.parametrize("kind", ["group", "person", "value"])
def test_the_largest_map_stays_under_a_megabyte(kind: str) -> None:
    frame = points(5000)
    figure = {
        "group": lambda: embedding.by_group(frame, {"fold 1": "#000000", "fold 2": "#FFFFFF"}, "fold"),
        "person": lambda: embedding.by_person(frame),
        "value": lambda: embedding.by_value(frame.assign(value=0.1), "Tumour area"),
    }[kind]()
    assert len(figure.to_json()) < 1_000_000


def test_a_person_in_several_folds_is_joined_by_a_line() -> None:
    frame = pd.DataFrame(
        {
            "person_id": ["a", "b", "b", "c"], "class_name": ["glioma", "glioma", "glioma", "pituitary"],
            "fold": [1, 1, 4, 2], "slices": [3, 5, 1, 9], "folds": [1, 2, 2, 1],
        }
    )  # fmt: skip
    figure = splits.persons_by_fold(frame, "official")
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert [list(line.x) for line in lines] == [[1, 1, None]]
    assert [list(line.y) for line in lines] == [[1, 4, None]]
    assert "3 persons" in theme.alt_text(figure)
    assert "1 of them stand in more than one fold" in theme.alt_text(figure)
    assert [list(data) for trace in drawn(figure) for data in trace.customdata][1] == ["b", 1, 5, 2]


def test_without_persons_the_figure_says_so() -> None:
    empty = pd.DataFrame(columns=["person_id", "class_name", "fold", "slices", "folds"])
    assert "does not say whose slices" in theme.alt_text(splits.persons_by_fold(empty, "slice"))
