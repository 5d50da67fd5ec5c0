"""How a figure is put on a page: at full width, with its sentence for those who cannot see it."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from tumortrace.charts import theme

_CONFIG: Final = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"]}


def columns(key: str, spec: int | list[int] = 2) -> list[Any]:
    """Columns that stand under one another where the window is narrow; ``key`` is unique on the page."""
    with st.container(key=f"pair-{key}"):
        return list(st.columns(spec, gap="medium"))


def show_figure(figure: Any, key: str, caption: str | None = None) -> None:
    """Draw a plotly figure.

    Args:
        figure: From :mod:`tumortrace.charts`; carries its own alternative text.
        key: Unique on the page, so that a figure that changes is redrawn in place.
        caption: What the figure rests on: protocol, folds, n.
    """
    st.plotly_chart(figure, width="stretch", key=f"plot_{key}", config=_CONFIG, alt=theme.alt_text(figure))
    if caption:
        st.caption(caption)
