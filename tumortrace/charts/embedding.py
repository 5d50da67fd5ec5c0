"""The map of the slices: one point each, coloured by what is asked, its symbol always the class.

Drawn as SVG: at the 5,000 points a map has at most this is quick, and it needs no graphics card.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from tumortrace.charts.theme import CLASS_COLOURS, CLASS_SYMBOLS, NEUTRAL, SERIES, classes_in, new_figure

HEIGHT: Final = 620
SIZES: Final = ((0.0, "#2F9BD8"), (0.5, "#A6609B"), (1.0, "#D5460A"))
"""Small to large; every one of them stands out from the light page and the dark."""
_POINT: Final = 6
_HOVER: Final = (
    "slice %{customdata[0]}<br>%{customdata[1]}<br>patient %{customdata[2]}<br>%{customdata[3]}<extra></extra>"
)


def by_group(frame: pd.DataFrame, colours: dict[str, str], what: str) -> go.Figure:
    """Points coloured by a group that each belongs to.

    Args:
        frame: ``x, y, slice_id, class_name, patient_id, group``.
        colours: Group to colour, in the order of the legend; points of the first are drawn first, below the others.
        what: What the groups are, for the alternative text: ``class``, ``fold``.
    """
    figure = _figure(frame, f"coloured by {what}")
    for group, colour in colours.items():
        part = frame[frame["group"] == group]
        if len(part):
            _add(figure, part, f"{group} ({len(part):,})", colour)
    if set(colours) != set(CLASS_COLOURS):
        _add_symbols(figure, frame)
    return figure


def by_person(frame: pd.DataFrame, chosen: str | None = None) -> go.Figure:
    """Points coloured by person; a few colours take turns, and one person may be picked out.

    Args:
        frame: ``x, y, slice_id, class_name, patient_id, group`` (the person).
        chosen: The person to stand out; the others turn grey.
    """
    figure = _figure(frame, "coloured by person" if chosen is None else f"person {chosen} picked out")
    if chosen is not None:
        mine = frame["group"] == chosen
        _add(figure, frame[~mine], "all others", NEUTRAL, opacity=0.3)
        _add(figure, frame[mine], f"person {chosen} ({int(mine.sum()):,})", SERIES[1], size=_POINT + 4)
    else:
        turns = {person: SERIES[place % len(SERIES)] for place, person in enumerate(dict.fromkeys(frame["group"]))}
        _add(figure, frame, "persons", [turns[person] for person in frame["group"]], legend=False)
    _add_symbols(figure, frame)
    return figure


def by_value(frame: pd.DataFrame, title: str) -> go.Figure:
    """Points coloured by a number; those without one are grey.

    Args:
        frame: ``x, y, slice_id, class_name, patient_id, group`` (words for the hover) and ``value``.
        title: Of the colour bar.
    """
    figure = _figure(frame, f"coloured by {title}")
    without, known = frame[frame["value"].isna()], frame[frame["value"].notna()]
    if len(without):
        _add(figure, without, "unknown", NEUTRAL, opacity=0.4)
    if len(known):
        values = known["value"].astype(float)
        marker = {
            "color": values.round(5).tolist(), "colorscale": [list(stop) for stop in SIZES], "showscale": True,
            "cmin": 0, "cmax": float(values.quantile(0.98)),
            "colorbar": {"title": {"text": title, "side": "right"}, "tickformat": ".0%", "thickness": 14},
        }  # fmt: skip
        _add(figure, known, title, marker, legend=False)
    _add_symbols(figure, frame)
    return figure


def _figure(frame: pd.DataFrame, how: str) -> go.Figure:
    alt = f"Map of {len(frame):,} slices, {how}; slices that look alike to the model lie together."
    figure = new_figure(alt, height=HEIGHT)
    figure.update_layout(
        dragmode="lasso", hovermode="closest", margin={"l": 8, "r": 8, "t": 40, "b": 8},
        legend={"itemsizing": "constant"},
    )  # fmt: skip
    # The axes of t-SNE have no unit and no meaning of their own.
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure


def _add(
    figure: go.Figure, part: pd.DataFrame, name: str, colour: str | list[str] | dict[str, Any], opacity: float = 0.8,
    size: int = _POINT, legend: bool = True,
) -> None:  # fmt: skip
    marker = colour if isinstance(colour, dict) else {"color": colour}
    classes = part["class_name"].astype(str)
    symbols = [CLASS_SYMBOLS[one] for one in classes]
    symbol = symbols[0] if len(set(symbols)) == 1 else symbols
    figure.add_scatter(
        x=part["x"].tolist(), y=part["y"].tolist(), mode="markers", name=name, showlegend=legend,
        marker={**marker, "symbol": symbol, "size": size, "opacity": opacity},
        customdata=part[["slice_id", "class_name", "patient_id", "group"]].astype(str).to_numpy().tolist(),
        hovertemplate=_HOVER, unselected={"marker": {"opacity": 0.15}},
    )  # fmt: skip


def _add_symbols(figure: go.Figure, frame: pd.DataFrame) -> None:
    """Say in the legend which symbol is which class."""
    for name in classes_in(frame):
        marker = {"symbol": CLASS_SYMBOLS[name], "color": NEUTRAL, "size": 9}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=marker, hoverinfo="skip")
