"""One slice to look into: window and level, outline, zoom and pan. Runs alone when one of its sliders moves."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from tumortrace.charts import slice_view
from tumortrace.charts.theme import alt_text
from tumortrace.data.datasets import Dataset
from tumortrace.explain.overlay import outline_points
from tumortrace.imaging import window
from tumortrace.ui.components import plots
from tumortrace.ui.shell import images, layout, state

AUTOMATIC: Final = "Automatic"
FULL: Final = "Full range"
TUMOUR: Final = "Tumour"
BY_HAND: Final = "By hand"
DEEPEST: Final = 8.0
_CONFIG: Final = {
    "displaylogo": False, "scrollZoom": True, "displayModeBar": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}  # fmt: skip


@st.fragment
def render(chosen: Dataset, row: pd.Series) -> None:
    """The picture and its controls.

    Args:
        chosen: The dataset.
        row: A row of its table.
    """
    with layout.errors():
        pixels = chosen.pixels(str(row["slice_id"]))
        _begin(chosen, row, pixels)
        spot = st.container()  # the controls stand under the picture, and are read before it is drawn
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="view_first"):
            _presets(row)
            outlined = st.toggle(
                "Outline", value=True, key=state.GALLERY_OUTLINE, persist_state="session", disabled=_blank(row)
            )
        first, second, third = plots.columns("view", 3)
        level, width = _window(first, second, pixels)
        x, y, zoom = _place(third, row)
        png = images.encode(window.windowed(pixels, level, width))
        points = outline_points(str(row["outline"])) if outlined and not _blank(row) else None
        size = (int(pixels.shape[1]), int(pixels.shape[0]))
        alt = f"Slice {row['slice_id']}, {row['class_name']}" + (", tumour outlined in yellow" if points else "")
        figure = slice_view.slice_figure(png, size, alt, points, (x, y, zoom), f"{row['slice_id']}/{x}/{y}/{zoom}")
        with spot:
            st.plotly_chart(figure, width="stretch", key="plot_slice", config=_CONFIG, alt=alt_text(figure), theme=None)
            st.caption(f"{alt}. Drag to move it, turn the wheel to zoom, double-click for all of it.")


def _blank(row: pd.Series) -> bool:
    return bool(pd.isna(row["outline"]))


def _preset(name: str, chosen: Dataset | None, row: pd.Series, pixels: window.Pixels) -> tuple[int, int]:
    """Level and width of a preset."""
    if name == FULL:
        top = window.top_of(pixels)
        return top // 2, top
    mask = chosen.mask(str(row["slice_id"])) if name == TUMOUR and chosen is not None else None
    if mask is not None and mask.any():
        return window.between(np.asarray(pixels)[mask], 2, 98)
    return window.between(pixels)


def _begin(chosen: Dataset, row: pd.Series, pixels: window.Pixels) -> None:
    """Another slice than before: its own window, unless the reader set one; and the tumour in the middle."""
    kept, top = st.session_state, window.top_of(pixels)
    new = kept.get(state.VIEW_OF) != (chosen.name, row["slice_id"])
    kept.setdefault(state.VIEW_PRESET, AUTOMATIC)
    asked = kept[state.VIEW_PRESET]
    if asked != BY_HAND and (new or kept.get(state.VIEW_SET) != asked):
        kept[state.VIEW_LEVEL], kept[state.VIEW_WIDTH] = _preset(asked, chosen, row, pixels)
        kept[state.VIEW_SET] = asked
    kept[state.VIEW_LEVEL] = min(max(int(kept.get(state.VIEW_LEVEL, top // 2)), 0), top)
    kept[state.VIEW_WIDTH] = min(max(int(kept.get(state.VIEW_WIDTH, top)), 1), top)
    if new:
        kept[state.VIEW_OF] = (chosen.name, row["slice_id"])
        kept[state.VIEW_X], kept[state.VIEW_Y] = _middle(row)


def _middle(row: pd.Series) -> tuple[int, int]:
    """Of the tumour's box in per cent of width and height; of the slice where there is none."""
    if pd.isna(row["box_x0"]):
        return 50, 50
    across = (int(row["box_x0"]) + int(row["box_x1"])) / 2 / int(row["width"])
    down = (int(row["box_y0"]) + int(row["box_y1"])) / 2 / int(row["height"])
    return round(100 * across), round(100 * down)


def _presets(row: pd.Series) -> None:
    options = [AUTOMATIC, FULL, *([] if _blank(row) else [TUMOUR]), BY_HAND]
    if st.session_state[state.VIEW_PRESET] not in options:
        st.session_state[state.VIEW_PRESET] = AUTOMATIC
    st.segmented_control(
        "Window", options, required=True, key=state.VIEW_PRESET, persist_state="session",
        help="Automatic: all but the darkest and brightest half per cent. Tumour: what lies inside the outline.",
    )  # fmt: skip


def _window(first: Any, second: Any, pixels: window.Pixels) -> tuple[int, int]:
    top = window.top_of(pixels)
    level = first.slider(
        "Level (middle grey)", 0, top, key=state.VIEW_LEVEL, persist_state="session", on_change=_by_hand
    )
    width = second.slider("Width (black to white)", 1, top, key=state.VIEW_WIDTH, persist_state="session",
                          on_change=_by_hand)  # fmt: skip
    return level, width


def _by_hand() -> None:
    st.session_state[state.VIEW_PRESET] = st.session_state[state.VIEW_SET] = BY_HAND


def _place(third: Any, row: pd.Series) -> tuple[float, float, float]:
    """What is in the middle of the picture, in pixels of the slice, and the zoom."""
    zoom = third.slider(
        "Zoom towards the tumour", 1.0, DEEPEST, step=0.5, format="%.1f times", key=state.VIEW_ZOOM,
        persist_state="session",
    )  # fmt: skip
    wide, high = int(row["width"]), int(row["height"])
    if zoom == 1:
        return (wide - 1) / 2, (high - 1) / 2, 1.0
    left, right = plots.columns("view_middle")
    x = left.slider("Middle: across (%)", 0, 100, key=state.VIEW_X, persist_state="session")
    y = right.slider("Middle: down (%)", 0, 100, key=state.VIEW_Y, persist_state="session")
    return wide * x / 100, high * y / 100, float(zoom)
