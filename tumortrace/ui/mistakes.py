"""The Errors page's parts: filters, the misclassified slices, and one of them with what the model looked at."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from tumortrace.data.catalog import CLASSES
from tumortrace.data.store import Dataset
from tumortrace.evaluation.rows import PROBABILITIES
from tumortrace.explain import overlay
from tumortrace.imaging.preprocess import preprocess
from tumortrace.ui import benchmark, judges, loaders, pictures, plots, sources, state, style
from tumortrace.ui.judges import Judge
from tumortrace.ui.sources import Source

PAGE_SIZE: Final = 12
TILE: Final = 146
_WRONG: Final = "the wrong class"
_TRUE: Final = "the true class"


def filters(wrong: pd.DataFrame) -> pd.DataFrame:
    """The filter row, and the mistakes that fit it, the surest first."""
    first, second, third, fourth = st.columns([1.5, 1.5, 1.6, 1.4])
    true = first.multiselect(
        "True class", list(CLASSES), key=state.ERRORS_TRUE, placeholder="any", persist_state="session"
    )
    predicted = second.multiselect(
        "Predicted class", list(CLASSES), key=state.ERRORS_PREDICTED, placeholder="any", persist_state="session"
    )
    low, high = third.slider(
        "Confidence", 0.0, 1.0, (0.0, 1.0), step=0.05, format="percent", key=state.ERRORS_CONFIDENCE,
        persist_state="session", help="The probability the model gave to the wrong class.",
    )  # fmt: skip
    patients = sorted(wrong["patient_id"].dropna().unique().tolist())
    patient = fourth.selectbox(
        "Patient", patients, index=None, placeholder="any", key=state.ERRORS_PATIENT, persist_state="session"
    )
    keep = wrong["confidence"].between(low, high)
    if true:
        keep &= wrong["true_class"].isin(true)
    if predicted:
        keep &= wrong["predicted_class"].isin(predicted)
    if patient is not None:
        keep &= (wrong["patient_id"] == patient).fillna(False)
    return wrong[keep].sort_values("confidence", ascending=False, kind="stable")


def summary(source: Source, joined: pd.DataFrame, shown: pd.DataFrame) -> None:
    """How many slices are wrong, of how many, and under which protocol."""
    wrong = int((~joined["correct"]).sum())
    st.markdown(f"**{wrong:,} of {len(joined):,}** predictions are wrong; **{len(shown):,}** fit the filter.")
    st.caption(sources.rests_on(source.report))


def grid(dataset: Dataset, shown: pd.DataFrame) -> None:
    """A page of mistakes as pictures, the surest first."""
    pages = (len(shown) - 1) // PAGE_SIZE + 1
    if st.session_state.get(state.ERRORS_PAGE, 1) > pages:
        st.session_state[state.ERRORS_PAGE] = 1
    page = st.pagination(pages, key=state.ERRORS_PAGE, max_visible_pages=5, persist_state="session") if pages > 1 else 1
    with st.container(horizontal=True, gap="small", key="tiles"):
        for row in shown.iloc[(page - 1) * PAGE_SIZE : page * PAGE_SIZE].to_dict("records"):
            _tile(dataset, row)


def _tile(dataset: Dataset, row: dict[Any, Any]) -> None:
    slice_id = str(row["slice_id"])
    key = row_key(row)
    with st.container(width=TILE, gap=None):
        alt = f"Slice {slice_id}: {row['true_class']} taken for {row['predicted_class']}"
        st.image(loaders.thumbnail(dataset, slice_id, TILE * 3 // 2, outline=True), width=TILE, alt=alt)
        st.html(style.mistaken(int(row["label"]), int(row["predicted"]), float(row["confidence"])))
        st.button(f"Slice {slice_id}", key=f"error_{key}", type="tertiary", on_click=select, args=(key,))


def row_key(row: dict[Any, Any]) -> str:
    """One prediction among those of a model: a slice, and the seed it was predicted under."""
    return f"{row['slice_id']}/{row['seed']}"


def select(key: str | None) -> None:
    """Show one mistake large (a callback)."""
    st.session_state[state.ERRORS_SLICE] = key


def table(shown: pd.DataFrame) -> None:
    """The mistakes as a table, where their pictures are not at hand or many are to be read at once."""
    columns = {
        "slice_id": "Slice", "true_class": "True", "predicted_class": "Predicted", "confidence": "Confidence",
        **{name: f"P({name.removeprefix('p_')})" for name in PROBABILITIES}, "patient_id": "Patient", "fold": "Fold",
    }  # fmt: skip
    percent = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    config = {columns[name]: percent for name in ("confidence", *PROBABILITIES)}
    st.dataframe(
        shown[list(columns)].rename(columns=columns), hide_index=True, width="stretch", column_config=config,
        alt="Misclassified slices with their probabilities",
    )  # fmt: skip


def detail(source: Source, dataset: Dataset | None, row: dict[Any, Any]) -> None:
    """One mistake: picture, outline, probabilities, and where the model looked."""
    slice_id = str(row["slice_id"])
    with st.container(border=True):
        head, close = st.columns([5, 1], vertical_alignment="center")
        head.subheader(f"Slice {slice_id}: {row['true_class']} taken for {row['predicted_class']}")
        close.button("Close", icon=":material/close:", on_click=select, args=(None,), key="error_close")
        judge = judge_of(source) if dataset is not None else None
        kept = dataset is not None and _is_kept(source, row)
        wanted, opacity = _saliency_settings() if judge is not None or kept else (_WRONG, 0.0)
        left, middle, right = plots.columns("mistake", 3)
        with left:
            if dataset is None:
                st.html(style.note("Import the dataset to see the slice.", "calm", "No picture."))
            else:
                caption = "The slice, tumour outline in yellow"
                st.image(
                    loaders.picture(dataset, slice_id, outline=True), caption=caption, alt=caption, width="stretch"
                )
        with middle:
            if dataset is not None and kept:
                _kept_saliency(source, dataset, row, wanted, opacity)
            elif dataset is not None and judge is not None:
                _saliency(judge, dataset, row, wanted, opacity)
            elif dataset is not None:
                many = source.report.model == benchmark.ENSEMBLE
                text = "It is a vote: see where its members looked." if many else "Its weights are not at hand."
                st.html(style.note(text, "calm", "No saliency."))
        with right:
            st.markdown("**What the model said**")
            st.html(style.probability_bars([float(row[name]) for name in PROBABILITIES], int(row["label"])))
            patient = "unknown" if pd.isna(row["patient_id"]) else row["patient_id"]
            st.caption(f"Patient {patient} · protocol {row['protocol']}, test fold {row['fold']}, seed {row['seed']}")
            if dataset is not None:
                st.page_link(
                    "pages/1_Dataset.py", label="See it in its series", icon=":material/photo_library:",
                    query_params={state.SLICE: slice_id},
                )  # fmt: skip


def judge_of(source: Source) -> Judge | None:
    """The model behind the predictions, where its weights are at hand."""
    key = f"bundle/{source.report.model}" if source.run_id is None else f"run/{source.run_id}"
    return judges.find(key)


def _saliency_settings() -> tuple[str, float]:
    left, right = st.columns(2)
    wanted: str = left.segmented_control(
        "Where it looked for", [_WRONG, _TRUE], default=_WRONG, required=True, key=state.ERRORS_TARGET,
        persist_state="session",
    )  # fmt: skip
    opacity = right.slider("Overlay opacity", 0.0, 1.0, 0.5, 0.05, key=state.ERRORS_OPACITY, persist_state="session")
    return wanted, opacity


def _is_kept(source: Source, row: dict[Any, Any]) -> bool:
    """Whether the benchmark kept what the very network that erred looked at."""
    if source.run_id is not None or row["protocol"] != "official" or int(row["seed"]):
        return False
    model = source.report.model
    found = loaders.shipped_saliency(model, str(row["slice_id"]), "predicted")
    return found is not None and benchmark.preprocessing(model) is not None


def _kept_saliency(source: Source, dataset: Dataset, row: dict[Any, Any], wanted: str, opacity: float) -> None:
    kind = "predicted" if wanted == _WRONG else "true"
    found = loaders.shipped_saliency(source.report.model, str(row["slice_id"]), kind)
    settings = benchmark.preprocessing(source.report.model)
    assert found is not None
    assert settings is not None
    image, _ = preprocess(dataset.pixels(str(row["slice_id"])), settings)
    large = Image.fromarray(found).resize(image.shape[::-1], Image.Resampling.BICUBIC)
    heat = np.asarray(large, np.float32) / np.float32(255)
    caption = f"Grad-CAM of {source.name} towards {CLASSES[int(row['predicted' if wanted == _WRONG else 'label'])]}"
    st.image(pictures.enlarged(overlay.blend(image, heat, opacity)), caption=caption, alt=caption, width="stretch")
    st.caption("Kept from the benchmark: the network that erred had not seen this patient.")


def _saliency(judge: Judge, dataset: Dataset, row: dict[Any, Any], wanted: str, opacity: float) -> None:
    target = int(row["predicted" if wanted == _WRONG else "label"])
    found = judges.explanation(judge, dataset.pixels(str(row["slice_id"])), target)
    caption = f"Grad-CAM of {judge.title} towards {CLASSES[target]}"
    st.image(judges.overlaid(found, opacity), caption=caption, alt=caption, width="stretch")
    if (judge.protocol, judge.fold) != (row["protocol"], int(row["fold"])):
        seen = (
            f"with {judge.protocol} fold {judge.fold} held out; they may have seen this slice, and"
            if judge.fold
            else "on all slices, this one too; they"
        )
        st.caption(f"The weights at hand were trained {seen} are not the very ones that erred.")
