"""How every chart looks: one colour, one marker and one dash per class, everywhere.

The colours come from the Okabe-Ito palette (its blue a little purer), with a contrast of at least 3:1 on the light and
the dark page, and stay apart for colour-blind eyes of all three kinds (both are tested). Marker, dash and pattern
repeat what the colour says.

Text and axis colours are left alone, so that the page's light or dark theme sets them.
"""

from __future__ import annotations

from collections.abc import Hashable
from textwrap import wrap
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from tumortrace.constants import CLASSES

CLASS_COLOURS: Final = {"meningioma": "#2F68D8", "glioma": "#D55E00", "pituitary": "#009E73"}
CLASS_SYMBOLS: Final = {"meningioma": "circle", "glioma": "diamond", "pituitary": "square"}
CLASS_DASHES: Final = {"meningioma": "solid", "glioma": "dash", "pituitary": "dot"}
CLASS_PATTERNS: Final = {"meningioma": "", "glioma": "/", "pituitary": "."}
NEUTRAL: Final = "#808890"
"""For what belongs to no class: the diagonal, a missing value."""
SERIES: Final = ("#2F68D8", "#D55E00", "#009E73", "#A6609B", "#A07800", "#4A7FA8", "#808890")
"""For models and runs, in order; after the last they begin again."""
SEQUENTIAL: Final = ((0.0, "#EAF2F8"), (0.5, "#6FA8CF"), (1.0, "#084C7C"))
"""Little to much, for heatmaps."""
DIVERGING: Final = ((0.0, "#F2A868"), (0.5, "#F1F3F5"), (1.0, "#93B9F2"))
"""Below zero to above it, for differences; light throughout, so that the text on it stays readable."""
BETTER: Final = "#2F68D8"
WORSE: Final = "#D55E00"
"""For differences that can be told; one that cannot is :data:`NEUTRAL`."""

TEMPLATE: Final = "tumortrace"
FONT_SIZE: Final = 14
PERCENT: Final = ".0%"
PERCENT_EXACT: Final = ".1%"
PERCENT_FINE: Final = ".3~p"
"""Per cent with as many digits as a narrow axis needs: two ticks never read the same."""
DECIMAL: Final = ".3f"
COUNT: Final = ",d"
"""Number formats of axes and hover texts, in d3's language."""
CLEAR: Final = "rgba(0,0,0,0)"
GRID: Final = "rgba(128,136,144,0.25)"


def _template() -> go.layout.Template:
    axis = {"automargin": True, "gridcolor": GRID, "zeroline": False, "title": {"standoff": 12}}
    return go.layout.Template(
        layout={
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
            "font": {"size": FONT_SIZE},
            "margin": {"l": 64, "r": 24, "t": 32, "b": 56},
            "colorway": list(SERIES),
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"font": {"size": FONT_SIZE}},
        }
    )


pio.templates[TEMPLATE] = _template()


def new_figure(alt: str, *, x: str = "", y: str = "", height: int = 380) -> go.Figure:
    """An empty figure in the house's style.

    Args:
        alt: A sentence that says what the figure shows, for those who do not see it; kept in ``layout.meta["alt"]``.
        x: Title of the horizontal axis.
        y: Title of the vertical axis.
        height: In pixels.
    """
    # All at once: layout by layout, plotly takes eight times as long, and a page has many figures.
    return go.Figure(
        layout={
            "template": TEMPLATE,
            "height": height,
            # Set here as well as in the template: Streamlit's theme replaces what only the template says.
            "font": {"size": FONT_SIZE},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
            "meta": {"alt": alt},
            "xaxis": _axis(x),
            "yaxis": _axis(y),
        }
    )


def _axis(title: str) -> dict[str, Any]:
    return {"tickfont": {"size": FONT_SIZE - 1}, "title": {"text": title or None, "font": {"size": FONT_SIZE}}}


def enlarged(figure: go.Figure, size: int = 19) -> go.Figure:
    """Enlarge a figure's type for a projector; changes the figure and returns it."""
    figure.update_layout(font={"size": size}, legend={"font": {"size": size}}, height=440)
    figure.update_xaxes(tickfont={"size": size - 1}, title_font={"size": size})
    figure.update_yaxes(tickfont={"size": size - 1}, title_font={"size": size})
    return figure


def empty_figure(message: str, *, height: int = 240) -> go.Figure:
    """What stands where there is nothing to draw yet: the message, and no axes."""
    figure = new_figure(message, height=height)
    figure.update_layout(xaxis={"visible": False}, yaxis={"visible": False})
    figure.add_annotation(
        text="<br>".join(wrap(message, 36)),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": FONT_SIZE + 2},
    )
    return figure


def alt_text(figure: go.Figure) -> str:
    """The sentence that describes a figure of this package."""
    meta: Any = figure.layout.meta
    return str(meta["alt"])


def bar_marker(name: str) -> dict[str, Any]:
    """A class's bars: its colour, and a light pattern that tells them apart in grey as well."""
    pattern = {"shape": CLASS_PATTERNS[name], "fillmode": "overlay", "fgcolor": "#FFFFFF", "fgopacity": 0.35}
    return {"color": CLASS_COLOURS[name], "pattern": pattern | {"solidity": 0.12, "size": 8}}


def classes_in(frame: pd.DataFrame, column: str = "class_name") -> list[str]:
    """The classes a frame holds, in the house's order."""
    held = set(frame[column])
    return [name for name in CLASSES if name in held]


def colour_of(names: list[str]) -> dict[str, str]:
    """A colour for each model or run, in the order given."""
    return {name: SERIES[place % len(SERIES)] for place, name in enumerate(dict.fromkeys(names))}


def undefined(value: object) -> bool:
    """Whether a cell of a frame holds no figure (None or NaN)."""
    return value is None or bool(pd.isna(value))  # type: ignore[call-overload]


def shown(value: object, form: str = ".1%") -> str:
    """A figure as text: ``94.1%``, or ``undefined``."""
    return "undefined" if undefined(value) else format(float(value), form)  # type: ignore[arg-type]


def signed(value: object, digits: int = 1, scale: float = 100) -> str:
    """A difference as text, in points unless scaled otherwise: ``+1.2``, ``−0.4``, or ``undefined``.

    Args:
        value: The difference; None or NaN where there is none.
        digits: After the point.
        scale: What it is multiplied by; 100 turns shares into points.
    """
    if undefined(value):
        return "undefined"
    text = f"{scale * float(value):+.{digits}f}"  # type: ignore[arg-type]
    flat = float(text) == 0
    return text[1:] if flat else text.replace("-", "\N{MINUS SIGN}")


def span(low: object, high: object, digits: int = 1, scale: float = 100, sign: bool = False) -> str:
    """Two ends of an interval as text: ``92.0 to 95.8``; empty where there are none.

    Args:
        low: Lower end.
        high: Upper end.
        digits: After the point.
        scale: What both are multiplied by.
        sign: Whether they are differences, with their sign.
    """
    if undefined(low) or undefined(high):
        return ""
    if sign:
        return f"{signed(low, digits, scale)} to {signed(high, digits, scale)}"
    return f"{scale * float(low):.{digits}f} to {scale * float(high):.{digits}f}"  # type: ignore[arg-type]


def whiskers(lines: list[dict[Hashable, Any]], colour: str = NEUTRAL, width: float = 6) -> dict[str, Any]:
    """Error bars from ``value`` to ``low`` and ``high``; of no length where one of them is undefined.

    Args:
        lines: Records of a frame.
        colour: Of the whiskers.
        width: Of their ends, in pixels.
    """
    up, down = [], []
    for line in lines:
        known = not any(undefined(line[name]) for name in ("value", "low", "high"))
        up.append(float(line["high"]) - float(line["value"]) if known else 0.0)
        down.append(float(line["value"]) - float(line["low"]) if known else 0.0)
    return {
        "type": "data",
        "symmetric": False,
        "array": up,
        "arrayminus": down,
        "thickness": 2,
        "width": width,
        "color": colour,
    }


def number_rows(figure: go.Figure, rows: float) -> None:
    """Rows numbered from 0 at the top, half a row of air around them."""
    figure.layout.yaxis.update(range=[rows - 0.4, -0.6], showgrid=False, zeroline=False)


def lines_between(rows: int) -> list[dict[str, Any]]:
    """Faint lines between numbered rows, as shapes: set at once, for each one added alone takes plotly long."""
    line = {"color": NEUTRAL, "width": 0.5, "dash": "dot"}
    return [
        {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "y0": place - 0.5, "y1": place - 0.5, "line": line}
        for place in range(1, rows)
    ]
