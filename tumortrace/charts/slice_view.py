"""One slice to zoom and pan: an encoded picture under an outline that stays sharp at any zoom."""

from __future__ import annotations

import base64

import plotly.graph_objects as go

from tumortrace.charts.theme import new_figure

OUTLINE: str = "#ffd43b"
"""Yellow stands out from grey tissue and is none of the class colours."""
HEIGHT: int = 600


def slice_figure(
    png: bytes,
    size: tuple[int, int],
    alt: str,
    outline: list[tuple[float, float]] | None = None,
    view: tuple[float, float, float] | None = None,
    revision: str = "",
) -> go.Figure:
    """The slice, with its outline.

    Args:
        png: The picture; encoded it is a tenth of the array of numbers.
        size: Width and height of the slice in pixels.
        alt: What it shows.
        outline: Points (x, y) in pixels of the slice.
        view: Middle (x, y) and zoom (1 shows all of it).
        revision: As long as it stays the same, what the reader zoomed to with the mouse stays as well.
    """
    width, height = size
    figure = new_figure(alt, height=HEIGHT)
    figure.add_trace(
        go.Image(
            source=f"data:image/png;base64,{base64.b64encode(png).decode()}",
            hovertemplate="column %{x}, row %{y}<extra></extra>",
        )
    )
    if outline:
        closed = [*outline, outline[0]]
        figure.add_scatter(
            x=[round(x, 1) for x, _ in closed], y=[round(y, 1) for _, y in closed], mode="lines", hoverinfo="skip",
            line={"color": OUTLINE, "width": 2}, showlegend=False, name="outline",
        )  # fmt: skip
    x, y, zoom = view or ((width - 1) / 2, (height - 1) / 2, 1.0)
    half = max(width, height) / 2 / zoom
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    figure.update_xaxes(range=[x - half, x + half], constrain="domain", **hidden)
    figure.update_yaxes(range=[y + half, y - half], scaleanchor="x", constrain="domain", **hidden)
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 0, "b": 0}, plot_bgcolor="#000000", dragmode="pan", uirevision=revision,
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "#98A0A8", "activecolor": "#7765E8"},
    )  # fmt: skip
    return figure
