"""The benchmark's figures: described, small, friendly when empty, and true to the numbers they are given."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import pytest

from tumortrace.charts import differences, groups, leaderboard, theme


def models() -> pd.DataFrame:
    return pd.DataFrame(
        [("TraceNet", 0.95, 0.93, 0.97, 3064, False), ("Classical", 0.78, 0.74, 0.81, 3064, True),
         ("ResNet18", None, None, None, 0, False)],
        columns=["model", "value", "low", "high", "n", "baseline"],
    )  # fmt: skip


def published() -> pd.DataFrame:
    return pd.DataFrame({"label": ["A 2019", "B 2020"], "value": [0.96, 0.99], "checked": [True, False]})


def both() -> pd.DataFrame:
    return pd.DataFrame({"model": ["TraceNet", "ResNet18"], "leaky": [0.98, 0.97], "honest": [0.95, 0.9]})


def folds() -> pd.DataFrame:
    return pd.DataFrame(
        {"by": ["fold"] * 3 + ["seed"] * 2, "key": ["1", "2", "3", "0", "1"], "value": [0.9, 0.94, 0.95, 0.93, 0.92]}
    )


def pairs() -> pd.DataFrame:
    lines = [("A", "B", 0.02, 0.01, 0.03), ("B", "A", -0.02, -0.03, -0.01), ("A", "C", 0.01, -0.01, 0.03),
             ("C", "A", -0.01, -0.03, 0.01)]  # fmt: skip
    return pd.DataFrame(lines, columns=["row", "column", "value", "low", "high"])


def variants() -> pd.DataFrame:
    lines = [("crop", "none", -0.03, -0.05, -0.01), ("size", "half", 0.02, 0.01, 0.03),
             ("size", "double", 0, -0.01, 0.01), ("dropout", "0.3", None, None, None)]  # fmt: skip
    return pd.DataFrame(lines, columns=["group", "label", "value", "low", "high"]).astype({"value": object})


def gains() -> pd.DataFrame:
    lines = [(model, kind, 0.02, 0.01, 0.04) for model in ("A", "B") for kind in ("slice", "official")]
    return pd.DataFrame(lines, columns=["model", "kind", "value", "low", "high"])


def rates() -> pd.DataFrame:
    lines = [("glioma", 0.1, 0.05, 0.2, 40), ("pituitary", 0.02, None, None, 30)]
    return pd.DataFrame(lines, columns=["group", "value", "low", "high", "n"]).astype({"low": object})


def scores() -> pd.DataFrame:
    lines = [("Grad-CAM", "A", 0.5, 0.4, 0.6, "method"), ("Grad-CAM", "B", 0.7, 0.6, 0.8, "method"),
             ("Blind", "A", 0.9, 0.8, 0.95, groups.REFERENCE)]  # fmt: skip
    return pd.DataFrame(lines, columns=["method", "model", "value", "low", "high", "kind"])


Make = Callable[[bool], go.Figure]
MADE: dict[str, Make] = {
    "standing": lambda full: leaderboard.standing(_some(models(), full), _some(published(), full), "Accuracy"),
    "two_protocols": lambda full: leaderboard.two_protocols(_some(both(), full), "slice", "person", "Accuracy"),
    "spread": lambda full: leaderboard.spread(_some(folds(), full), "Accuracy"),
    "matrix": lambda full: differences.matrix(_some(pairs(), full), "Accuracy"),
    "forest": lambda full: differences.forest(_some(variants(), full), "Variant less recipe"),
    "side_by_side": lambda full: differences.side_by_side(_some(gains(), full), "Gain"),
    "error_rates": lambda full: groups.error_rates(_some(rates(), full), 0.08, 0.5),
    "localisation": lambda full: groups.localisation(_some(scores(), full), "Pointing game"),
}


def _some(frame: pd.DataFrame, full: bool) -> pd.DataFrame:
    return frame if full else frame.iloc[:0]


def test_every_chart_is_tested() -> None:
    found = {name: value for module in (leaderboard, differences, groups) for name, value in vars(module).items()}
    charts = {
        name
        for name, value in found.items()
        if not name.startswith("_") and getattr(value, "__module__", "") not in ("", theme.__name__)
        if getattr(value, "__annotations__", {}).get("return") == "go.Figure"
    }
    assert charts == set(MADE)


@pytest.mark.parametrize("name", MADE)
def test_a_chart_has_a_sentence_and_is_small(name: str) -> None:
    figure = MADE[name](True)
    assert figure.layout.title.text is None
    assert figure.layout.font.color is None
    alt = theme.alt_text(figure)
    assert alt.endswith(".")
    assert "nan" not in alt.lower()
    assert len(alt.split()) > 4
    assert len(figure.to_json()) < 40_000


@pytest.mark.parametrize("name", MADE)
def test_nothing_to_draw_is_said_kindly(name: str) -> None:
    figure = MADE[name](False)
    assert len(figure.data) == 0
    assert figure.layout.annotations[0].text.replace("<br>", " ") == theme.alt_text(figure)


def test_models_have_whiskers_and_published_figures_none() -> None:
    figure = MADE["standing"](True)
    names = [trace.name for trace in figure.data]
    assert names == [
        "network, with its 95 % interval", "baseline without a network", "published, read at the source",
        "published, not checked",
    ]  # fmt: skip
    assert figure.data[0].error_x.array == pytest.approx((0.02,))
    assert figure.data[0].error_x.arrayminus == pytest.approx((0.02,))
    assert figure.data[2].error_x.array is None
    assert figure.layout.yaxis.ticktext == ("TraceNet", "Classical", "A 2019", "B 2020")
    assert [list(trace.y) for trace in figure.data] == [[0], [1], [2], [3]]
    assert len({trace.marker.symbol for trace in figure.data}) == 4


def test_a_figure_that_is_no_share_is_a_decimal() -> None:
    figure = leaderboard.standing(models(), published().iloc[:0], "Brier score", share=False)
    assert "0.950 (0.930 to 0.970)" in theme.alt_text(figure)
    assert figure.layout.xaxis.tickformat is None


def test_only_what_can_be_told_is_coloured() -> None:
    heat = MADE["matrix"](True).data[0]
    assert heat.x == ("A", "B", "C")
    assert list(heat.z[0]) == [None, 0.02, 0.0]
    assert list(heat.z[1]) == [-0.02, None, None]
    assert "<b>+2.0</b>" in heat.text[0][1]
    assert "+1.0<br>to +3.0" in heat.text[0][1]
    assert "in 1 of 2 pairs" in theme.alt_text(MADE["matrix"](True))


def test_a_forest_tells_better_worse_and_open_apart_without_colour() -> None:
    figure = MADE["forest"](True)
    assert {trace.name: list(trace.x) for trace in figure.data} == {
        "better": [2.0],
        "worse": [-3.0],
        "cannot be told": [0],
    }
    assert len({trace.marker.symbol for trace in figure.data}) == 3
    assert figure.layout.yaxis.ticktext == ("<b>crop</b>: none", "<b>size</b>: half", "<b>size</b>: double")


def test_of_a_loss_less_is_better() -> None:
    figure = differences.forest(variants(), "Log loss", lower_is_better=True, scale=1)
    assert {trace.name: list(trace.x) for trace in figure.data}["better"] == [-0.03]


def test_lines_of_one_model_stand_beside_each_other() -> None:
    first, second = MADE["side_by_side"](True).data
    assert list(first.y) == [-0.25, 0.75]
    assert list(second.y) == [0.25, 1.25]


def test_classes_keep_their_colour_and_a_missing_interval_has_no_whisker() -> None:
    glioma, pituitary = MADE["error_rates"](True).data
    assert glioma.marker.color == theme.CLASS_COLOURS["glioma"]
    assert glioma.error_x.array == pytest.approx((0.1,))
    assert pituitary.error_x.array == (0.0,)


def test_the_best_method_is_named_and_blind_maps_are_grey() -> None:
    figure = MADE["localisation"](True)
    assert "Highest: Grad-CAM of B with 70.0%" in theme.alt_text(figure)
    assert list(figure.data[0].marker.color) == [theme.SERIES[0], theme.NEUTRAL]


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "+1.2"), (-0.004, "\N{MINUS SIGN}0.4"), (-0.0001, "0.0"), (None, "undefined")]
)
def test_a_difference_has_its_sign(value: float | None, text: str) -> None:
    assert theme.signed(value) == text


def test_an_interval_is_two_ends_or_nothing() -> None:
    assert theme.span(0.9, 0.95) == "90.0 to 95.0"
    assert theme.span(-0.01, 0.02, sign=True) == "\N{MINUS SIGN}1.0 to +2.0"
    assert theme.span(None, 0.9) == ""
