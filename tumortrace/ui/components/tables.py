"""Tables of figures with their intervals under them, and the same figures as a file.

A canvas grid cannot set the interval small under its figure, so these are plain HTML tables: they scroll sideways in a
narrow window, and a screen reader reads their row and column heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from tumortrace.charts import theme
from tumortrace.evaluation.formatting import decimal, percent


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a small note under it (a line break begins another), and how it looks."""

    text: str
    note: str = ""
    link: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Line:
    """One row; the first cell is its head."""

    cells: Sequence[Cell | str]
    faint: bool = False
    """Something to compare with rather than a result."""


@dataclass(frozen=True)
class Group:
    """A row across the whole table that names those below it."""

    title: str


def share(value: Any, low: Any = None, high: Any = None, strong: bool = False) -> Cell:
    """A share in per cent with its interval under it."""
    return Cell(percent(_known(value)), theme.span(low, high), strong=strong)


def number(value: Any, low: Any = None, high: Any = None, digits: int = 3) -> Cell:
    """A decimal with its interval under it."""
    return Cell(decimal(_known(value), digits), theme.span(low, high, digits, 1))


def points(value: Any, low: Any, high: Any, digits: int = 1, scale: float = 100) -> Cell:
    """A difference with its interval under it, bold where the interval leaves out zero."""
    clear = not (theme.undefined(low) or theme.undefined(high)) and (float(low) > 0 or float(high) < 0)
    return Cell(
        theme.signed(value, digits, scale), theme.span(low, high, digits, scale, sign=True), strong=clear
    )  # fmt: skip


def show_table(
    alt: str, head: Sequence[str], rows: Sequence[Line | Group], *, text: Sequence[int] = (0,), wrap: bool = False
) -> None:
    """Draw a table.

    Args:
        alt: What it shows, for those who do not see it.
        head: Column heads; a line break is a second, small line.
        rows: From the top.
        text: Columns that hold words, set to the left; the others hold figures.
        wrap: Whether row heads may wrap.
    """
    heads = "".join(f'<th scope="col"{_left(place, text)}>{_head(name)}</th>' for place, name in enumerate(head))
    body = "".join(_row(row, len(head), text, wrap) for row in rows)
    st.html(
        f'<div class="tt-scroll" role="region" tabindex="0" aria-label="{escape(alt)}">'
        f'<table class="tt-table" aria-label="{escape(alt)}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def download(frame: pd.DataFrame | Callable[[], pd.DataFrame], name: str) -> None:
    """The button that saves a table's raw numbers as ``tumortrace_<name>.csv``.

    Args:
        frame: The numbers, or what makes them; made when the button is pressed.
        name: Of the file; unique on the page.
    """

    def made() -> str:
        table = frame() if callable(frame) else frame
        return table.to_csv(index=False)

    st.download_button(
        f"tumortrace_{name}.csv", made, f"tumortrace_{name}.csv", "text/csv", key=f"csv_{name}", type="tertiary",
        icon=":material/download:", on_click="ignore", help="The numbers of this table, not rounded.",
    )  # fmt: skip


def _row(row: Line | Group, width: int, text: Sequence[int], wrap: bool) -> str:
    if isinstance(row, Group):
        return f'<tr class="tt-group"><th colspan="{width}" scope="rowgroup">{escape(row.title)}</th></tr>'
    cells = [cell if isinstance(cell, Cell) else Cell(cell) for cell in row.cells]
    parts = [f'<th scope="row" class="tt-text{" tt-wrap" if wrap else ""}">{_cell(cells[0])}</th>']
    for place, cell in enumerate(cells[1:], start=1):
        names = ["tt-text"] if place in text else []
        names += ["tt-strong"] if cell.strong else []
        looks = f' class="{" ".join(names)}"' if names else ""
        parts.append(f"<td{looks}>{_cell(cell)}</td>")
    return f"<tr{' class=tt-faint' if row.faint else ''}>{''.join(parts)}</tr>"


def _cell(cell: Cell) -> str:
    said = escape(cell.text)
    if cell.link:
        said = f'<a href="{escape(cell.link)}" target="_blank" rel="noopener">{said}</a>'
    return said + "".join(f"<small>{escape(note)}</small>" for note in cell.note.split("\n") if note)


def _head(name: str) -> str:
    first, _, second = name.partition("\n")
    return escape(first) + (f"<small>{escape(second)}</small>" if second else "")


def _left(place: int, text: Sequence[int]) -> str:
    return ' class="tt-text"' if place in text else ""


def _known(value: Any) -> float | None:
    return None if theme.undefined(value) else float(value)
