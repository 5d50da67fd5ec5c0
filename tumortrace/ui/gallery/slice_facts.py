"""What is known of one slice, in a table; unknown stays unknown."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from tumortrace.constants import PIXEL_SPACING_MM, PROTOCOLS
from tumortrace.data.datasets import Dataset
from tumortrace.data.query import Table
from tumortrace.ui.gallery import rows
from tumortrace.ui.gallery import table as gallery_table
from tumortrace.ui.shell import style

UNKNOWN = "unknown"
_FULL_WIDTH = 512
_WIDTHS = (256, 512)
"""The published ones; a slice of another size was scaled by somebody."""


def unit_of(chosen: Dataset) -> str:
    """The unit of areas: mm² where the size of a pixel is known, else pixels."""
    return "mm²" if rows.spacing_known(chosen) else "px"


def render(chosen: Dataset, table: Table, row: pd.Series) -> None:
    """The heading, the class, and the table."""
    st.subheader(f"Slice {row['slice_id']}")
    st.html(style.class_chip(int(row["label"])))
    doubt = doubted(chosen, str(row["slice_id"]))
    if doubt:
        st.html(style.note(doubt, "warn", "Label in doubt."))
    lines = facts(chosen, table, row)
    shown = pd.DataFrame({"": list(lines), "value": list(lines.values())})
    st.table(shown, hide_index=True, hide_header=True, border="horizontal", alt=f"Facts of slice {row['slice_id']}")


def facts(chosen: Dataset, table: Table, row: pd.Series) -> dict[str, str]:
    """Name to what is known, as text."""
    length = row["series_length"]
    return {
        "Patient": _text(row["patient_id"]),
        "Person": _text(row["person_id"]),
        "Series": _text(row["series_id"]),
        "Place in it": UNKNOWN if pd.isna(row["place"]) else f"{int(row['place'])} of {int(length)} (estimated)",
        "Plane": UNKNOWN if pd.isna(row["plane"]) else f"{row['plane']}{'' if chosen.synthetic else ' (estimated)'}",
        "Size": f"{row['width']} × {row['height']} px",
        "Tumour area": _area(chosen, row),
        "Tumour's box": _box(chosen, row),
        "Outline and mask": UNKNOWN if pd.isna(row["outline_iou"]) else f"IoU {float(row['outline_iou']):.3f}",
        **{f"Fold ({name})": _text(row[name]) for name in PROTOCOLS},
        "Models that err": _errors(row),
        "Source": _text(row["source"]),
        "SHA-256": UNKNOWN if pd.isna(row["sha256"]) else f"{str(row['sha256'])[:16]}…",
    }


def doubted(chosen: Dataset, slice_id: str) -> str:
    """What confident learning would rather call it, by protocol; empty where it doubts the label under none."""
    said = [
        f"under {protocol} rather {line.suggested} (quality {line.quality:.3f})"
        for protocol, lines in gallery_table.suspects(chosen).items()
        for line in lines
        if line.slice_id == slice_id
    ]
    return f"Confident learning says: {'; '.join(said)}. A hint to look, not a finding." if said else ""


def _text(value: Any) -> str:
    return UNKNOWN if pd.isna(value) else str(value)


def _spacing(chosen: Dataset, row: pd.Series) -> float | None:
    if not rows.spacing_known(chosen) or int(row["width"]) not in _WIDTHS:
        return None
    return PIXEL_SPACING_MM * _FULL_WIDTH / float(row["width"])


def _area(chosen: Dataset, row: pd.Series) -> str:
    if pd.isna(row["area_px"]):
        return UNKNOWN
    pixels, spacing = int(row["area_px"]), _spacing(chosen, row)
    share = pixels / (int(row["width"]) * int(row["height"]))
    said = f"{pixels:,} px, {share:.1%} of the slice"
    return said if spacing is None else f"{pixels * spacing**2:,.0f} mm² ({said})"


def _box(chosen: Dataset, row: pd.Series) -> str:
    if pd.isna(row["box_x0"]):
        return UNKNOWN
    left, top, right, bottom = (int(row[f"box_{name}"]) for name in ("x0", "y0", "x1", "y1"))
    said = f"{right - left} × {bottom - top} px at column {left}, row {top}"
    spacing = _spacing(chosen, row)
    if spacing is None:
        return said
    return f"{(right - left) * spacing:.0f} × {(bottom - top) * spacing:.0f} mm ({said})"


def _errors(row: pd.Series) -> str:
    return "none has judged it" if pd.isna(row["errors"]) else f"{int(row['errors'])}, of those that judged it"
