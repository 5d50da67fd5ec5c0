"""The Classify page's input: which models are asked, uploads and examples.

An upload is read from memory, judged and forgotten with the session; nothing of it is written to disk.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st

from tumortrace.constants import CLASSES
from tumortrace.data import identity
from tumortrace.data.datasets import Dataset
from tumortrace.errors import InputError
from tumortrace.imaging.formats import Opened, Refused, open_files
from tumortrace.ui.classify import non_mr_images
from tumortrace.ui.classify.request import ClassifyRequest
from tumortrace.ui.shell import cache, state, style
from tumortrace.ui.shell.models import LoadedModel

EXAMPLES_A_CLASS: Final = 3


def choose_models(every: list[LoadedModel]) -> list[LoadedModel]:
    """The models to ask: the shipped ones, or the newest run where none is shipped."""
    by_key = {loaded.key: loaded for loaded in every}
    shipped = [loaded.key for loaded in every if loaded.shipped]
    kept = [key for key in st.session_state.get(state.CLASSIFY_MODELS, []) if key in by_key]
    if state.CLASSIFY_MODELS not in st.session_state or kept != st.session_state[state.CLASSIFY_MODELS]:
        st.session_state[state.CLASSIFY_MODELS] = kept or shipped or [every[0].key]
    chosen = st.multiselect(
        "Models", list(by_key), key=state.CLASSIFY_MODELS, format_func=lambda key: by_key[key].title,
        persist_state="session",
        help="Shipped models, and finished runs of yours. Prediction sets need all shipped models together.",
    )  # fmt: skip
    return [by_key[key] for key in chosen]


def uploads() -> list[Opened | Refused]:
    """What the uploaded files hold, in order; a file that cannot be read says why."""
    files = st.file_uploader(
        "PNG, JPEG, TIFF, BMP, WebP, DICOM, NIfTI, figshare .mat, or a zip of them; several at once, or a whole series",
        type=None,
        accept_multiple_files=True,
        key=state.CLASSIFY_FILES,
        on_change=_touched,
        help="Read in memory for this session only; never written to disk. Identifying tags are dropped unread.",
    )
    key = tuple(file.file_id for file in files or [])
    held = st.session_state.get(state.CLASSIFY_OPENED)
    if not files and held is not None and held[1]:
        # The browser forgets its list with the page; what was read of it is still in memory.
        _earlier([one.name for one in held[1]])
        return list(held[1])
    if held is None or held[0] != key:
        with st.spinner("Reading ...", show_time=True):
            held = key, open_files([(file.name, file.getvalue()) for file in files or []])
        st.session_state[state.CLASSIFY_OPENED] = held
    return list(held[1])


def _touched() -> None:
    """The reader changed the list; an empty one means that nothing is to be kept."""
    if not st.session_state.get(state.CLASSIFY_FILES):
        _forget()


def _forget() -> None:
    st.session_state.pop(state.CLASSIFY_OPENED, None)


def _earlier(names: list[str]) -> None:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"From before in this session: {', '.join(names[:3])}{more}. Another upload takes their place.")
        st.button("Forget them", icon=":material/close:", on_click=_forget, key="classify_forget")


def refuse(name: str, error: InputError) -> None:
    """Say in a sentence why a picture is not judged."""
    st.html(style.note(f"{error.what[:1].upper()}{error.what[1:]}. {error.remedy}", "error", f"{name}:"))


def examples(dataset: Dataset | None, unseeing: list[LoadedModel]) -> ClassifyRequest | None:
    """Slices of the dataset to choose from, and pictures that should be turned away; the chosen one."""
    labels: dict[str, int] = {}
    ids: list[str] = []
    where = "No dataset is imported: these pictures are drawn."
    if dataset is not None:
        ids, where = _candidates(dataset, unseeing, int(st.session_state.get(state.CLASSIFY_DRAW, 0)))
        labels = {str(row["slice_id"]): int(row["label"]) for row in dataset.manifest.to_dict("records")}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(where)
        if ids:
            st.button("Show others", icon=":material/shuffle:", on_click=_draw_again, key="classify_others")
    chosen = st.session_state.get(state.CLASSIFY_EXAMPLE)
    if chosen not in labels and chosen not in non_mr_images.PICTURES:
        chosen = (ids or list(non_mr_images.PICTURES))[0]
    with st.container(horizontal=True, gap="small", key="tiles"):
        for slice_id in ids:
            assert dataset is not None
            picture = cache.thumbnail(dataset, slice_id, 168)
            _tile(slice_id, f"Slice {slice_id}", picture, style.class_chip(labels[slice_id]), slice_id == chosen)
        for name in non_mr_images.PICTURES:
            _tile(name, name, non_mr_images.thumbnail(name), style.plain_chip("not a slice"), name == chosen)
    if chosen in non_mr_images.PICTURES:
        pixels, claims = non_mr_images.non_mr_image(chosen)
        return ClassifyRequest(chosen, pixels, claims=claims)
    assert dataset is not None
    row = cache.row_of(dataset, str(chosen))
    person = None if row is None or row.isna()["person_id"] else str(row["person_id"])
    return ClassifyRequest(
        f"Slice {chosen}", dataset.pixels(str(chosen)), truth=labels[str(chosen)], person_id=person,
        synthetic=dataset.synthetic,
    )  # fmt: skip


def _tile(key: str, label: str, picture: bytes, chip: str, chosen: bool) -> None:
    with st.container(width=92, gap=None):
        st.image(picture, width=92, alt=label)
        st.html(chip)
        st.button(label, key=f"example_{key}", type="primary" if chosen else "tertiary", on_click=_take, args=(key,))


def _candidates(dataset: Dataset, unseeing: list[LoadedModel], draw: int) -> tuple[list[str], str]:
    rows = dataset.manifest
    where = f"Slices of the dataset {dataset.name}; the models have been trained on them."
    if unseeing:
        loaded = unseeing[0]
        table = cache.folds(dataset)
        held = (table[loaded.protocol] == loaded.fold).fillna(False).to_numpy(dtype=bool)
        if held.any():
            rows = rows[held]
            named = " and ".join(filter(None, [", ".join(one.title for one in unseeing[:-1]), unseeing[-1].title]))
            have = "has" if len(unseeing) == 1 else "have"
            where = f"Slices of the test fold ({loaded.protocol} fold {loaded.fold}), which {named} {have} not seen; "
            where += "models that were trained on all slices have."
    if dataset.synthetic and not unseeing:
        where = f"Slices of the dataset {dataset.name}, drawn by this app: the gate should turn them away."
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


def unseeing(dataset: Dataset, chosen: list[LoadedModel]) -> list[LoadedModel]:
    """The models whose test fold examples are drawn from: the first trained on this kind of slices, and its like."""
    fitting = [loaded for loaded in chosen if loaded.synthetic == dataset.synthetic and loaded.fold]
    if not fitting or not (identity.is_published(dataset) or dataset.synthetic):
        return []
    return [loaded for loaded in fitting if (loaded.protocol, loaded.fold) == (fitting[0].protocol, fitting[0].fold)]
