"""One slice large: how it looks, where the model that erred looked, what every model says, and the notes on it."""

from __future__ import annotations

from html import escape
from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace.charts import theme
from tumortrace.constants import CLASSES
from tumortrace.evaluation.predictions import PROBABILITIES
from tumortrace.ui.components import plots
from tumortrace.ui.errors import address, notes, slice_context, slice_saliency
from tumortrace.ui.errors.mistakes import Tags
from tumortrace.ui.errors.rows import Errors, voices
from tumortrace.ui.shell import cache, layout, state, style

_TOP: Final = """<script>
document.querySelector('[data-testid="stMain"]')?.scrollTo({top: 0});
</script>"""


def render(errors: Errors, row: pd.Series, listed: pd.DataFrame, tags: Tags) -> None:
    """Everything about one prediction.

    Args:
        errors: The model and those beside it.
        row: Of ``errors.rows``.
        listed: The slices to step through.
        tags: Notes to mark.
    """
    slice_id, seed = str(row["slice_id"]), int(row["seed"])
    # A reader who opens a slice from far down the list begins at its top.
    st.html(f"{_TOP}<span hidden>{escape(slice_id)}</span>", unsafe_allow_javascript=True)
    _steps(listed, slice_id, seed)
    said = "named rightly" if row["correct"] else f"taken for {row['predicted_class']}"
    st.subheader(f"Slice {slice_id}: {row['true_class']} {said}", anchor=False)
    st.caption(_facts(errors, row))
    wish = slice_saliency.controls(errors, row)
    left, right = plots.columns("mistake")
    with left:
        _picture(errors, slice_id)
    with right:
        slice_saliency.render(errors, row, wish)
    left, right = plots.columns("said", [7, 5])
    with left:
        st.markdown("**What each model said**")
        st.html(table(errors, slice_id, seed))
        st.caption(_agreement(row))
    with right:
        notes.render(errors.source.dataset_name, slice_id)
    slice_context.alike(errors, row)
    slice_context.same_patient(errors, row, tags)


def _steps(listed: pd.DataFrame, slice_id: str, seed: int) -> None:
    keys = list(zip(listed["slice_id"].astype(str), listed["seed"].astype(int), strict=True))
    place = keys.index((slice_id, seed)) if (slice_id, seed) in keys else None
    before = keys[place - 1] if place else None
    after = keys[place + 1] if place is not None and place + 1 < len(keys) else None
    with st.container(horizontal=True, vertical_alignment="center", key="steps"):
        st.button("Back to the list", icon=":material/arrow_back:", on_click=address.open_slice, args=(None,))
        st.button(
            "Previous", icon=":material/chevron_left:", disabled=before is None, shortcut="P",
            on_click=address.open_slice, args=before or (None,), key="errors_before",
        )  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", icon_position="right", disabled=after is None, shortcut="N",
            on_click=address.open_slice, args=after or (None,), key="errors_after",
        )  # fmt: skip
        where = "not among those listed" if place is None else f"{place + 1:,} of {len(keys):,} listed"
        st.caption(where)


def _facts(errors: Errors, row: pd.Series) -> str:
    patient = "unknown" if pd.isna(row["patient_id"]) else row["patient_id"]
    person = row["person_id"]
    parts = [f"Patient {patient}"]
    if pd.notna(person) and person != patient:
        parts.append(f"person {person}")
    if pd.notna(row["plane"]):
        parts.append(f"{row['plane']} (estimated)")
    if pd.notna(row["size"]):
        parts.append(f"tumour {100 * row['size']:.1f} % of the slice")
    seed = f", seed {row['seed']}" if len(errors.source.report.seeds) > 1 else ""
    parts.append(f"protocol {row['protocol']}, test fold {row['fold']}{seed}: the network had not seen it")
    return " · ".join(parts)


def _picture(errors: Errors, slice_id: str) -> None:
    dataset = errors.dataset
    if dataset is None or slice_id not in cache.places(dataset):
        st.html(style.note("Import the dataset to see the slice.", "info", "No picture."))
        return
    known = cache.outline_of(dataset, slice_id) is not None
    caption = "The slice, tumour outline in yellow" if known else "The slice; the dataset has no outline of it"
    picture = cache.picture(dataset, slice_id, outline=True)
    st.image(picture, caption=caption, alt=f"{caption}: slice {slice_id}", width="stretch")
    info = layout.PAGES["dataset"]
    st.page_link(
        info.path, label="See it in its series", icon=info.icon, query_params={state.SLICE: slice_id}
    )  # fmt: skip


def _agreement(row: pd.Series) -> str:
    if not pd.notna(row["voices"]) or row["voices"] < 2:
        return "No other model was tested on this slice."
    return (
        f"{int(row['right'])} of {int(row['voices'])} models are right. Disagreement {row['disagreement']:.2f}: 0 "
        "where all say the same, 1 where they could not be further apart; the vote and the majority are not counted."
    )


def table(errors: Errors, slice_id: str, seed: int) -> str:
    """All models' probabilities of a slice as an HTML table; the one on show marked, right and wrong in words."""
    mine = errors.every[(errors.every["slice_id"] == slice_id) & (errors.every["seed"] == seed)]
    lines = {str(line["model"]): line for line in mine.to_dict("records")}
    label = int(next(iter(lines.values()))["label"]) if lines else None
    counted = set(voices(list(lines)))
    heads = "".join(
        f'<th scope="col">{name}{"<small>true class</small>" if place == label else ""}</th>'
        for place, name in enumerate(CLASSES)
    )
    body = "".join(
        _line(errors.titles[name], lines[name], name == errors.name, name in counted)
        for name in errors.titles
        if name in lines
    )
    return (
        '<div class="tt-scroll" role="region" tabindex="0" aria-label="Probabilities by model"><table class="tt-table">'
        f'<thead><tr><th scope="col" class="tt-text">Model</th>{heads}<th scope="col" class="tt-text">Said</th></tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def _line(title: str, line: dict[Any, Any], here: bool, counted: bool) -> str:
    cells = []
    for place, (name, column) in enumerate(zip(CLASSES, PROBABILITIES, strict=True)):
        share = float(line[column])
        strong = " class=tt-strong" if place == int(line["predicted"]) else ""
        fill = f'<i style="width:{share:.1%};background:{theme.CLASS_COLOURS[name]}"></i>'
        cells.append(f'<td{strong}>{share:.1%}<span class="tt-mini" aria-hidden="true">{fill}</span></td>')
    verdict = "✓ right" if line["correct"] else f"✗ {escape(str(line['predicted_class']))}"
    small = "<small>on show</small>" if here else "" if counted else "<small>not counted as a voice</small>"
    look = " class=tt-here" if here else ""
    return (
        f'<tr{look}><th scope="row" class="tt-text tt-wrap">{escape(title)}{small}</th>{"".join(cells)}'
        f'<td class="tt-text">{verdict}</td></tr>'
    )
