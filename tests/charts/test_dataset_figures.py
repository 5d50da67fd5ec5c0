"""The figures of the Dataset page: small at any number of rows, and every mark says where it leads."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from tumortrace.charts import dataset, slice_view, theme, tumour_positions
from tumortrace.constants import CLASSES, FOLDS
from tumortrace.data import counts
from tumortrace.data.planes import PLANES

RNG = np.random.default_rng(0)
LARGEST = 1_000_000
CELLS = 16


def rows(count: int) -> pd.DataFrame:
    """Slices of patients with about thirteen each."""
    patients = [f"MR{number // 13:06d}" for number in range(count)]
    return pd.DataFrame(
        {
            "slice_id": [str(number + 1) for number in range(count)], "patient_id": patients,
            "class_name": [CLASSES[int(name[2:]) % 3] for name in patients], "plane": RNG.choice(PLANES, count),
            "fold": RNG.choice(FOLDS, count), "area": RNG.lognormal(6, 1, count),
        }
    )  # fmt: skip


def maps() -> dict[tuple[str, str], np.ndarray]:
    return {(name, plane): RNG.random((64, 64)).astype(np.float32) for name in CLASSES for plane in PLANES}


def bright() -> pd.DataFrame:
    edges = np.linspace(0, 1, 41)
    parts = [
        pd.DataFrame({"class_name": name, "low": edges[:-1], "high": edges[1:], "share": RNG.random(40) / 40})
        for name in CLASSES
    ]
    return pd.concat(parts)


def made(table: pd.DataFrame) -> dict[str, Callable[[], go.Figure]]:
    patients = counts.patients(table)
    return {
        "class_counts": lambda: dataset.class_counts(counts.counted(table, ["class_name"])),
        "class_by_plane": lambda: dataset.class_by_plane(counts.counted(table, ["plane", "class_name"])),
        "class_by_fold": lambda: dataset.class_by_fold(counts.counted(table, ["fold", "class_name"])),
        "slices_per_patient": lambda: dataset.slices_per_patient(counts.binned_patients(patients)),
        "class_by_patient": lambda: dataset.class_by_patient(counts.largest(patients)),
        "tumour_area": lambda: dataset.tumour_area(counts.area_boxes(table), counts.area_points(table), "mm²"),
        "tumour_places": lambda: tumour_positions.tumour_places(maps(), dict.fromkeys(maps(), 300), CELLS),
        "brightness": lambda: tumour_positions.brightness(bright(), "inside"),
    }


TABLES = {count: rows(count) for count in (3064, 100_000)}
NAMES = list(made(TABLES[3064]))
NOTHING: dict[str, Callable[[], go.Figure]] = {
    "class_counts": lambda: dataset.class_counts(pd.DataFrame(columns=["class_name", "count"])),
    "class_by_plane": lambda: dataset.class_by_plane(pd.DataFrame()),
    "class_by_fold": lambda: dataset.class_by_fold(pd.DataFrame()),
    "slices_per_patient": lambda: dataset.slices_per_patient(pd.DataFrame()),
    "class_by_patient": lambda: dataset.class_by_patient(pd.DataFrame()),
    "tumour_area": lambda: dataset.tumour_area(pd.DataFrame(), pd.DataFrame()),
    "tumour_places": lambda: tumour_positions.tumour_places({}, {}, CELLS),
    "brightness": lambda: tumour_positions.brightness(pd.DataFrame(), "inside"),
}


def test_every_chart_is_tested() -> None:
    found = {**vars(dataset), **vars(tumour_positions)}
    charts = {
        name
        for name, value in found.items()
        if not name.startswith("_") and getattr(value, "__module__", "") not in ("", theme.__name__)
        if getattr(value, "__annotations__", {}).get("return") == "go.Figure"
    }
    assert charts == set(NAMES) == set(NOTHING)


@pytest.mark.parametrize("count", TABLES)
@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_small_has_a_sentence_and_no_title(name: str, count: int) -> None:
    figure = made(TABLES[count])[name]()
    assert len(figure.to_json()) < LARGEST
    assert figure.layout.title.text is None
    assert figure.layout.template.layout.font.size == theme.FONT_SIZE
    alt = theme.alt_text(figure)
    assert alt.endswith(".")
    assert "nan" not in alt.lower()


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_to_draw_is_said_kindly(name: str) -> None:
    figure = NOTHING[name]()
    assert len(figure.data) == 0
    assert figure.layout.annotations[0].text.replace("<br>", " ") == theme.alt_text(figure)


@pytest.mark.parametrize("name", NAMES)
def test_every_mark_that_can_be_clicked_says_where_it_leads(name: str) -> None:
    figure = made(TABLES[3064])[name]()
    clickable = [trace for trace in figure.data if trace.type in ("bar", "scatter")]
    assert clickable
    for trace in clickable:
        assert len(trace.customdata) == len(trace.x)
        assert all(isinstance(part, str | int | float) for part in trace.customdata[0])
    json.dumps(figure.to_plotly_json()["layout"]["meta"])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "tumour_places"])
def test_the_colour_of_a_class_is_the_same_in_every_figure(name: str) -> None:
    for trace in made(TABLES[3064])[name]().data:
        colour = (
            trace.line.color
            if trace.type == "box" or getattr(trace, "mode", "") == "lines+markers"
            else trace.marker.color
        )
        assert colour == theme.CLASS_COLOURS[trace.name or trace.x[0]]


def test_classes_stand_in_the_houses_order() -> None:
    figure = dataset.class_counts(pd.DataFrame({"class_name": ["pituitary", "glioma"], "count": [930, 1426]}))
    assert [trace.name for trace in figure.data] == ["glioma", "pituitary"]


def test_heat_maps_have_a_marker_for_every_cell_of_every_panel() -> None:
    figure = made(TABLES[3064])["tumour_places"]()
    markers = [trace for trace in figure.data if trace.type == "scatter"]
    assert len(markers) == len(CLASSES) * len(PLANES)
    assert len({tuple(mark[:4]) for trace in markers for mark in trace.customdata}) == 9 * CELLS**2


def test_a_slice_keeps_its_middle_and_zoom() -> None:
    figure = slice_view.slice_figure(b"png", (200, 100), "A slice.", [(1, 1), (5, 1), (5, 5)], (50, 20, 4), "a")
    assert figure.layout.xaxis.range == (25, 75)
    assert figure.layout.yaxis.range == (45, -5)
    assert figure.data[1].x == (1, 5, 5, 1)
    assert len(slice_view.slice_figure(b"png", (200, 100), "A slice.").data) == 1
