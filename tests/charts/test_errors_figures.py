"""The Errors page's figures: described, small, friendly when empty, clickable, and true to their numbers."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import pytest

from tumortrace.charts import confusion as confusion_charts
from tumortrace.charts import errors, theme
from tumortrace.constants import CLASSES


def confusion() -> pd.DataFrame:
    counts = {"meningioma": (50, 30, 20), "glioma": (10, 190, 0), "pituitary": (0, 0, 0)}
    return pd.DataFrame(
        [
            {"true": true, "predicted": predicted, "count": count, "support": sum(line),
             "share": count / sum(line) if sum(line) else None}
            for true, line in counts.items() for predicted, count in zip(CLASSES, line, strict=True)
        ]
    )  # fmt: skip


def gap() -> pd.DataFrame:
    table = confusion().rename(columns={"count": "first"})
    gaps = [5, -3, -2, 4, -4, 0, 0, 0, 0]
    return table.assign(second=table["first"] - gaps, difference=gaps)


def people() -> pd.DataFrame:
    return pd.DataFrame(
        [("MR1", "glioma", 12, 14), ("100360", "meningioma", 3, 3)],
        columns=["person_id", "true_class", "errors", "n"],
    )


def shares() -> pd.DataFrame:
    return pd.DataFrame({"together": [0.4, 0.7, 1.0, 1.0]})


def votes() -> pd.DataFrame:
    return pd.DataFrame([("TraceNet", 9, 2), ("3D CNN", 30, 0)], columns=["model", "mended", "ruined"])


MADE: dict[str, Callable[[bool], go.Figure]] = {
    "matrix": lambda full: confusion_charts.matrix(_some(confusion(), full), "glioma-meningioma"),
    "difference": lambda full: confusion_charts.difference(_some(gap(), full), "A", "B"),
    "persons": lambda full: errors.persons(_some(people(), full)),
    "concentration": lambda full: errors.concentration(_some(shares(), full)),
    "rescues": lambda full: errors.rescues(_some(votes(), full)),
}


def _some(frame: pd.DataFrame, full: bool) -> pd.DataFrame:
    return frame if full else frame.iloc[:0]


def test_every_chart_is_tested() -> None:
    charts = {
        name
        for name, value in (vars(errors) | vars(confusion_charts)).items()
        if not name.startswith("_") and getattr(value, "__module__", "") not in ("", theme.__name__)
        if getattr(value, "__annotations__", {}).get("return") == "go.Figure"
    }
    assert charts == set(MADE)


@pytest.mark.parametrize("name", MADE)
def test_a_chart_has_a_sentence_and_is_small(name: str) -> None:
    figure = MADE[name](True)
    alt = theme.alt_text(figure)
    assert alt.endswith(".")
    assert "nan" not in alt.lower()
    assert figure.layout.title.text is None
    assert len(figure.to_json()) < 100_000
    empty = MADE[name](False)
    assert len(empty.data) == 0
    assert empty.layout.annotations[0].text.replace("<br>", " ") == theme.alt_text(empty)


def test_every_cell_is_a_mark_that_can_be_clicked_and_names_itself() -> None:
    figure = confusion_charts.matrix(confusion())
    door = figure.data[1]
    assert door.mode == "markers"
    assert door.customdata[1] == "meningioma-glioma"
    assert len(door.customdata) == 9
    assert (door.x[1], door.y[1]) == (1, 0)
    assert figure.layout.hoverdistance == -1, "a click anywhere takes the nearest cell"
    assert "meningioma taken for glioma: 30 of 100" in door.text[1]
    assert not figure.layout.shapes


def test_the_chosen_cell_alone_is_framed() -> None:
    figure = confusion_charts.matrix(confusion(), "glioma-meningioma")
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.y0) == pytest.approx((-0.48, 0.52))
    assert not confusion_charts.matrix(confusion(), "no-such").layout.shapes


def test_errors_and_right_answers_have_different_sides_of_the_scale() -> None:
    heat = confusion_charts.matrix(confusion()).data[0]
    assert heat.z[0][1] == -1, "the commonest mistake in full"
    assert heat.z[1][1] > 0
    assert heat.z[2][2] == 0, "a class without slices is neither"
    assert "undefined" in heat.text[2][0]
    right = confusion().assign(count=lambda table: table["count"] * (table["true"] == table["predicted"]))
    assert "No prediction is wrong" in theme.alt_text(confusion_charts.matrix(right))


def test_a_difference_is_blue_where_the_first_does_better() -> None:
    heat = confusion_charts.difference(gap(), "A", "B").data[0]
    assert heat.z[0][0] == 1, "more named rightly"
    assert heat.z[0][1] > 0, "fewer mistakes"
    assert heat.z[1][0] < 0, "more mistakes"
    assert heat.z[1][1] < 0
    assert "<b>\N{MINUS SIGN}3</b>" in heat.text[0][1]
    assert "30 against 33" in heat.text[0][1]
    assert "<b>0</b>" in heat.text[2][2]


def test_a_persons_bar_names_the_person_and_has_the_colour_of_the_class() -> None:
    figure = errors.persons(people())
    bars = {bar.name: bar for bar in figure.data}
    assert bars["glioma"].customdata == ("MR1",)
    assert bars["glioma"].marker.color == theme.CLASS_COLOURS["glioma"]
    assert bars["glioma"].text == ("12 of 14",)


def test_half_of_the_errors_is_found() -> None:
    assert theme.alt_text(errors.concentration(shares())) == "2 of 4 persons make half of the errors."
    none = pd.DataFrame({"together": [0.0, 0.0]})
    assert len(errors.concentration(none).data) == 0


def test_what_a_vote_ruins_stands_to_the_left() -> None:
    ruined, mended = errors.rescues(votes()).data
    assert list(ruined.x) == [-2, 0]
    assert list(mended.x) == [9, 30]
    assert ruined.text == ("2", "0")
