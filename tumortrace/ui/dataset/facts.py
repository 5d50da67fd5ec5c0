"""The facts at the top of the Dataset page: how much there is of what, where it is from, and under which licence."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tumortrace.constants import ARTICLE_URL, ATTRIBUTION, CLASSES, PROTOCOLS
from tumortrace.data import identity
from tumortrace.data.datasets import Dataset
from tumortrace.data.manifest import FOLLOW_UP_RULE, person_of
from tumortrace.ui.shell import style


def render(chosen: Dataset, rows: pd.DataFrame) -> None:
    """The figures and the source.

    Args:
        chosen: The dataset.
        rows: From :func:`tumortrace.ui.gallery.rows.rows_of`.
    """
    with_folds = [name for name in PROTOCOLS if rows[name].notna().any()]
    folds = max((int(rows[name].nunique()) for name in with_folds), default=0)
    planes = rows["plane"].dropna().unique().tolist()
    drawn = "synthetic" if chosen.synthetic else "by radiologists"
    known = "known, for they are drawn" if chosen.synthetic else "estimated, not published"
    persons, rule = _joined(rows)
    classes = rows["class_name"].value_counts()
    with st.container(key="facts"):
        st.html(
            style.figures(
                [
                    ("Slices", f"{len(rows):,}"),
                    ("Patients", count(rows["patient_id"]), "ids as published"),
                    ("Persons", count(rows["person_id"]), persons),
                    ("Classes", f"{len(classes)}", ", ".join(f"{classes[n]:,}" for n in CLASSES if n in classes)),
                    ("Planes", f"{len(planes)}" if planes else "unknown", known if planes else "not told"),
                    ("Folds", f"{folds}" if folds else "none", ", ".join(with_folds) or "needs patient ids"),
                    ("Series", count(rows["series_id"]), "neighbours, estimated"),
                    ("With outline", f"{int(rows['outline'].notna().sum()):,}", drawn),
                ]
            )
        )
    st.caption(" ".join(filter(None, (source(chosen), rule, _left_out(chosen)))))


def _joined(rows: pd.DataFrame) -> tuple[str, str]:
    """How patients became persons: in few words, and the rule where one was used."""
    known = rows[rows["patient_id"].notna() & rows["person_id"].notna()]
    if (known["patient_id"] == known["person_id"]).all():
        return "one a patient id", ""
    if (known["patient_id"].map(person_of) == known["person_id"]).all():
        return "follow-up exams joined by a rule", f"Persons by a rule of this app: {FOLLOW_UP_RULE}."
    return "exams joined by the source", ""


def _left_out(chosen: Dataset) -> str:
    """What the import did not take, counted; empty where it took everything."""
    report = chosen.info.get("report") or {}
    kinds = {
        "unreadable": ("left out or unreadable", "left out or unreadable"),
        "duplicates": ("exact duplicate", "exact duplicates"),
        "conflicts": ("picture under conflicting labels", "pictures under conflicting labels"),
        "outline_disagreements": ("outline that disagrees with its mask", "outlines that disagree with their masks"),
    }
    counts = {key: len(report.get(key) or []) for key in kinds}
    said = [f"{many:,} {kinds[key][many > 1]}" for key, many in counts.items() if many]
    return f"The import noted: {', '.join(said)}; Quality lists each." if said else ""


def source(chosen: Dataset) -> str:
    """Where the slices are from, and what they may be used for."""
    if identity.is_published(chosen):
        whose, licence = ATTRIBUTION.split(", figshare")[0], "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)"
        doi = ARTICLE_URL.removeprefix("https://doi.org/")
        return f"Source: {whose}, figshare, [doi {doi}]({ARTICLE_URL}). Licence: {licence}: use it, name the author."
    if chosen.synthetic:
        return "Source: drawn by this program. No licence applies, and nothing about real tumours follows from them."
    said = str(chosen.info.get("attribution") or "").strip()
    return f"Source: {said}" if said else "Source and licence are not recorded: whoever imported the slices knows them."


def count(column: pd.Series) -> str:
    """How many different ones; unknown where none is known."""
    return f"{column.nunique():,}" if column.notna().any() else "unknown"
