"""The colours can be told apart by everyone, on both backgrounds."""

from __future__ import annotations

import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import plotly.io as pio
import pytest

from tests.processes import ROOT
from tumortrace.charts import theme
from tumortrace.constants import CLASSES
from tumortrace.ui.shell import presentation_style

# Machado, Oliveira and Fernandes 2009, severity 1; acts on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
APP = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
BACKGROUNDS = [
    APP[mode][name] for mode in ("light", "dark") for name in ("backgroundColor", "secondaryBackgroundColor")
]
"""What charts stand on: page and panel."""
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    share = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2: (L1 + 0.05) / (L2 + 0.05)."""
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / (TO_XYZ @ np.ones(3))
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_contrast_by_hand() -> None:
    assert contrast("#FFFFFF", "#000000") == pytest.approx(1.05 / 0.05)


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("colour", [*theme.CLASS_COLOURS.values(), *theme.SERIES])
def test_colours_stand_out_from_the_page(colour: str, background: str) -> None:
    assert contrast(colour, background) >= 3


@pytest.mark.parametrize("sight", BLINDNESS)
@pytest.mark.parametrize("pair", list(combinations(CLASSES, 2)))
def test_classes_stay_apart_for_colour_blind_eyes(pair: tuple[str, str], sight: str) -> None:
    one, other = (lab(np.asarray(BLINDNESS[sight]) @ linear(theme.CLASS_COLOURS[name])) for name in pair)
    # A difference of 2.3 is just noticeable; 20 is another colour.
    assert np.linalg.norm(one - other) > 20


def test_the_colour_of_a_class_is_written_down_once() -> None:
    """What is drawn in a class's colour takes it from the theme, so that nothing else can borrow it by accident."""
    root = Path(theme.__file__).parents[1]
    for path in [*root.rglob("*.py"), *(root.parent / "pages").glob("*.py")]:
        if path != Path(theme.__file__):
            text = path.read_text(encoding="utf-8").lower()
            assert not [name for name, colour in theme.CLASS_COLOURS.items() if colour.lower() in text], path


@pytest.mark.parametrize(("colour", "background"), [("#5546c2", "#FFFFFF"), ("#9d90ff", "#0F171F")])
def test_the_bars_of_a_board_stand_out_and_are_no_class(colour: str, background: str) -> None:
    assert colour in presentation_style.BOARDS
    assert contrast(colour, background) >= 3
    assert colour not in theme.CLASS_COLOURS.values()


def test_every_class_has_its_own_colour_marker_dash_and_pattern() -> None:
    for look in (theme.CLASS_COLOURS, theme.CLASS_SYMBOLS, theme.CLASS_DASHES, theme.CLASS_PATTERNS):
        assert tuple(look) == CLASSES
        assert len(set(look.values())) == len(CLASSES)


def test_the_template_leaves_text_colours_to_the_page() -> None:
    layout = pio.templates[theme.TEMPLATE].layout
    assert layout.font.color is None
    assert layout.font.size == 14
    assert layout.xaxis.tickfont.color is None
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"


def test_importing_the_theme_changes_no_default_of_plotly() -> None:
    assert pio.templates.default != theme.TEMPLATE


def test_many_runs_share_the_colours_in_turn() -> None:
    names = [f"run {number}" for number in range(9)]
    colours = theme.colour_of(names)
    assert list(colours) == names
    assert colours["run 0"] == colours["run 7"]
