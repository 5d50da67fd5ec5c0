"""The Classify page's parts: where pictures come from, which models are asked, and what they answer.

An upload is read from memory, judged and forgotten with the session; nothing of it is written to disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import streamlit as st

from tumortrace.data.catalog import CLASSES, FIGSHARE
from tumortrace.data.store import Dataset
from tumortrace.errors import InputError
from tumortrace.explain import overlay
from tumortrace.imaging.read import SUFFIXES, read_image
from tumortrace.ui import judges, loaders, pictures, state, style
from tumortrace.ui.judges import Judge, Pixels

EXAMPLES_A_CLASS: Final = 3
WARNING: Final = (
    "The models know three tumours and nothing else: no healthy brain, no other disease, no other kind of picture. "
    "Whatever you give them gets a tumour name, and often a sure one."
)


@dataclass(frozen=True)
class Picture:
    """Something to be judged."""

    title: str
    pixels: Pixels
    truth: int | None = None
    origin: str = ""


def choose_judges(every: list[Judge]) -> list[Judge]:
    """The models to ask: the shipped ones, or the newest run where none is shipped."""
    by_key = {judge.key: judge for judge in every}
    shipped = [judge.key for judge in every if judge.shipped]
    kept = [key for key in st.session_state.get(state.CLASSIFY_MODELS, []) if key in by_key]
    if state.CLASSIFY_MODELS not in st.session_state or kept != st.session_state[state.CLASSIFY_MODELS]:
        st.session_state[state.CLASSIFY_MODELS] = kept or shipped or [every[0].key]
    chosen = st.multiselect(
        "Models", list(by_key), key=state.CLASSIFY_MODELS, format_func=lambda key: by_key[key].title,
        persist_state="session",
    )  # fmt: skip
    return [by_key[key] for key in chosen]


def uploads() -> list[Picture]:
    """The uploaded pictures that could be read; a sentence for each that could not."""
    files = st.file_uploader(
        "PNG or JPEG, one axial, coronal or sagittal slice each",
        type=list(SUFFIXES),
        accept_multiple_files=True,
        key=state.CLASSIFY_FILES,
        help="Kept in memory for this session only; never written to disk.",
    )
    found = []
    for file in files or []:
        try:
            found.append(Picture(file.name, read_image(file.getvalue(), file.name), origin="uploaded"))
        except InputError as error:
            refuse(file.name, error)
    return found


def refuse(name: str, error: InputError) -> None:
    """Say in a sentence why a picture is not judged."""
    st.html(style.note(f"{error.what[:1].upper()}{error.what[1:]}. {error.remedy}", "error", f"{name}:"))


def examples(dataset: Dataset, unseeing: list[Judge]) -> list[Picture]:
    """A few slices to choose from, of the test fold of ``unseeing`` where there is one; the chosen one."""
    ids, where = _candidates(dataset, unseeing, int(st.session_state.get(state.CLASSIFY_DRAW, 0)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(where)
        st.button("Show others", icon=":material/shuffle:", on_click=_draw_again, key="classify_others")
    labels = {str(row["slice_id"]): int(row["label"]) for row in dataset.manifest.to_dict("records")}
    with st.container(horizontal=True, gap="small", key="tiles"):
        for slice_id in ids:
            with st.container(width=92, gap=None):
                picture = loaders.thumbnail(dataset, slice_id, 168)
                st.image(picture, width=92, alt=f"Slice {slice_id}, {CLASSES[labels[slice_id]]}")
                st.html(style.class_chip(labels[slice_id]))
                st.button(
                    f"Slice {slice_id}", key=f"example_{slice_id}", type="tertiary", on_click=_take, args=(slice_id,)
                )
    chosen = st.session_state.get(state.CLASSIFY_EXAMPLE)
    if chosen not in labels:
        chosen = ids[0]
    return [Picture(f"Slice {chosen}", dataset.pixels(chosen), labels[chosen], where)]


def _candidates(dataset: Dataset, unseeing: list[Judge], draw: int) -> tuple[list[str], str]:
    rows = dataset.manifest
    where = f"Slices of the dataset {dataset.name}; a model trained on it may have seen them."
    if unseeing:
        judge = unseeing[0]
        table = loaders.folds(dataset)
        held = (table[judge.protocol] == judge.fold).fillna(False).to_numpy(dtype=bool)
        if held.any():
            rows = rows[held]
            named = " and ".join(filter(None, [", ".join(one.title for one in unseeing[:-1]), unseeing[-1].title]))
            have = "has" if len(unseeing) == 1 else "have"
            where = f"Slices of the test fold ({judge.protocol} fold {judge.fold}), which {named} {have} not seen."
    if dataset.synthetic and not unseeing:
        where = f"Slices of the dataset {dataset.name}; what models trained on real slices say of them means nothing."
    random = np.random.default_rng(draw)
    ids: list[str] = []
    for label in range(len(CLASSES)):
        mine = rows.loc[rows["label"] == label, "slice_id"].astype(str).to_numpy()
        ids += random.choice(mine, size=min(EXAMPLES_A_CLASS, len(mine)), replace=False).tolist()
    return ids, where


def _draw_again() -> None:
    st.session_state[state.CLASSIFY_DRAW] = int(st.session_state.get(state.CLASSIFY_DRAW, 0)) + 1
    st.session_state.pop(state.CLASSIFY_EXAMPLE, None)


def _take(slice_id: str) -> None:
    st.session_state[state.CLASSIFY_EXAMPLE] = slice_id


def overlay_settings() -> tuple[float, int | None]:
    """How strong the overlay is, and which class it explains (None: the one each model predicts)."""
    left, right = st.columns(2)
    opacity = left.slider(
        "Overlay opacity", 0.0, 1.0, 0.45, 0.05, key=state.CLASSIFY_OPACITY, persist_state="session",
        help="0 shows the slice as the network saw it.",
    )  # fmt: skip
    target = right.selectbox(
        "Where did it look for", [None, *range(len(CLASSES))], key=state.CLASSIFY_TARGET, persist_state="session",
        format_func=lambda label: "the class it predicts" if label is None else CLASSES[label],
    )  # fmt: skip
    return opacity, target


def judgement(picture: Picture, chosen: list[Judge], opacity: float, target: int | None) -> None:
    """One picture: itself, and each model's probabilities with the overlay under them."""
    with st.container(border=True):
        st.subheader(picture.title)
        if picture.truth is not None:
            st.html(f"True class: {style.class_chip(picture.truth)}")
        try:
            alone = len(chosen) == 1
            columns = st.columns(3 if alone else 1 + len(chosen), gap="medium")
            with columns[0]:
                height, width = picture.pixels.shape
                caption = f"As given, {width} × {height} px"
                shown = pictures.encode(overlay.to_display(picture.pixels))
                st.image(shown, caption=caption, alt=f"{picture.title} {caption}", width="stretch")
            for place, judge in enumerate(chosen, start=1):
                with columns[place]:
                    _overlay(picture, judge, opacity, target)
                with columns[place + alone]:
                    _answer(picture, judge)
        except InputError as error:
            refuse(picture.title, error)


def _overlay(picture: Picture, judge: Judge, opacity: float, target: int | None) -> None:
    found: Any = judges.explanation(judge, picture.pixels, target)
    towards = CLASSES[found.target]
    caption = f"Grad-CAM of {judge.title} towards {towards}"
    st.image(judges.overlaid(found, opacity), caption=caption, alt=caption, width="stretch")


def _answer(picture: Picture, judge: Judge) -> None:
    st.markdown(f"**{judge.title}**", help=judge.detail)
    st.html(style.probability_bars(judges.probabilities(judge, picture.pixels), picture.truth))
    if judge.synthetic:
        st.badge("trained on synthetic slices", icon=":material/science:", color="orange")


def unseeing(dataset: Dataset, chosen: list[Judge]) -> list[Judge]:
    """The models whose test fold examples are drawn from: the first trained on this kind of slices, and its like."""
    fitting = [judge for judge in chosen if judge.synthetic == dataset.synthetic]
    if not (dataset.name == FIGSHARE or dataset.synthetic):
        return []
    return [judge for judge in fitting if (judge.protocol, judge.fold) == (fitting[0].protocol, fitting[0].fold)]


def about(chosen: list[Judge]) -> None:
    """What each model was trained on."""
    with st.expander("What these models were trained on"):
        for judge in chosen:
            st.markdown(f"**{judge.title}**: {judge.detail}")
