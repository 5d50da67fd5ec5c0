"""Models that can classify a slice now: the shipped ones and finished runs; loaded once, shared, cached.

Only here does the app touch torch, and only once a page asks for a judgement.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import streamlit as st
from streamlit import runtime
from streamlit.runtime.runtime import RuntimeState

from tumortrace import runs
from tumortrace.config import PreprocessSettings, model_title
from tumortrace.config.models import retrieval_model
from tumortrace.explain import overlay
from tumortrace.inference import bundle as bundles
from tumortrace.inference import retrieval
from tumortrace.inference.model_ref import ModelRef
from tumortrace.runs.index import IndexEntry
from tumortrace.ui.shell import cache, images

if TYPE_CHECKING:
    from tumortrace.inference.classifier import Classifier, Explanation
    from tumortrace.inference.predictor import Predictor
    from tumortrace.inference.retrieval import RetrievalIndex

Pixels = npt.NDArray[np.generic]


@dataclass(frozen=True)
class LoadedModel:
    """A model that can be asked."""

    ref: ModelRef
    """Shipped, or a run."""
    title: str
    detail: str
    protocol: str
    fold: int
    synthetic: bool
    changed: int
    """Stamp of its weights, so that a model trained anew is loaded anew."""
    view: PreprocessSettings
    """How it sees a slice."""

    @property
    def key(self) -> str:
        """What choices and caches hold of it."""
        return str(self.ref)

    @property
    def name(self) -> str:
        """The model's name, as predictions hold it."""
        return self.ref.id

    @property
    def shipped(self) -> bool:
        """Whether it comes with TumorTrace."""
        return self.ref.kind == "shipped"


def loadable_models() -> list[LoadedModel]:
    """Shipped models first, then finished runs, newest first."""
    return [*_shipped(), *_of_runs()]


def find_model(ref: ModelRef) -> LoadedModel | None:
    """The model that is meant; None where it is not at hand."""
    return next((loaded for loaded in loadable_models() if loaded.ref == ref), None)


def explanation(loaded: LoadedModel, pixels: Pixels, target: int | None, method: str = "gradcam") -> Explanation:
    """Saliency of one slice towards ``target``, or towards the predicted class with None."""
    return _explanation(loaded.key, loaded.changed, digest(pixels), target, method, pixels)


def predictor(chosen: Sequence[LoadedModel]) -> Predictor:
    """The predictor over these models, with what was fitted for the shipped ones; shared between sessions."""
    places = (("benchmark", "results.json"), ("benchmark", "reports.json"), ("gate", "gate.json"))
    fitted = [cache.artifacts_file(*place) for place in places]
    return _predictor(tuple((loaded.key, loaded.changed) for loaded in chosen), tuple(map(cache.stamp, fitted)))


@st.cache_resource(max_entries=6, show_spinner=False)
def _predictor(keys: tuple[tuple[str, int], ...], fitted: tuple[int, ...]) -> Predictor:
    from tumortrace.inference.predictor import Predictor

    return Predictor.fitted([classifier(*key) for key in keys])


@st.cache_resource(max_entries=2, show_spinner=False)
def _retrieval_index(stamp: int) -> RetrievalIndex | None:
    from tumortrace.inference.retrieval import load_index

    return load_index()


def retrieval_index() -> RetrievalIndex | None:
    """The index of similar slices that ships."""
    return _retrieval_index(cache.stamp(cache.artifacts_file("models", retrieval_model(), retrieval.FILE)))


def overlaid(found: Explanation, opacity: float) -> bytes:
    """The slice as the network saw it with the heat over it, as PNG large enough to look at."""
    return images.enlarged(overlay.blend(found.image, found.heat, opacity))


def digest(pixels: Pixels) -> str:
    """A name for these pixels."""
    shape = f"{pixels.shape}{pixels.dtype}".encode()
    return hashlib.sha256(shape + np.ascontiguousarray(pixels).tobytes()).hexdigest()


# Scope "session": what somebody uploads is forgotten with their session, and never leaves memory.
@st.cache_data(max_entries=96, show_spinner="Computing where the model looked ...", scope="session")
def _explanation(key: str, changed: int, name: str, target: int | None, method: str, _pixels: Pixels) -> Explanation:
    return classifier(key, changed).explain(_pixels, target=target, method=method)


@st.cache_resource(max_entries=10, show_spinner="Loading the model ...")
def classifier(key: str, changed: int) -> Classifier:
    """The loaded model; it has a lock of its own and may be shared between sessions."""
    from tumortrace.inference.classifier import Classifier

    ref = ModelRef.parse(key)
    if ref.kind == "shipped":
        return Classifier.from_bundle(bundles.find_bundle(ref.id))
    return Classifier.from_run(runs.find_run(ref.id))


def on_a_server() -> bool:
    """Whether a server draws the page; a test puts a stand-in in its place, which must not start threads."""
    return runtime.exists() and isinstance(runtime.get_instance().state, RuntimeState)


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Import what judging needs beside the pages, once a server: whoever asks a model later waits seconds less."""
    if on_a_server():
        threading.Thread(target=_import, name="warm-up", daemon=True).start()


def _import() -> None:
    import pytorch_grad_cam  # noqa: F401

    import tumortrace.inference.predictor  # noqa: F401


def _shipped() -> list[LoadedModel]:
    return [
        LoadedModel(
            ModelRef("shipped", one.name), one.title, one.trained_on, one.config.protocol, one.config.fold,
            one.synthetic, cache.stamp(one.folder / "model.json"), one.config.preprocess,
        )
        for one in bundles.list_bundles()
    ]  # fmt: skip


def _of_runs() -> list[LoadedModel]:
    found = []
    for one in cache.trained_runs():
        config = one.config
        created = datetime.fromtimestamp(one.status.created).strftime("%d %b %H:%M")
        held_out = f"{config.protocol} fold {config.fold} held out" if config.fold else "all of it"
        detail = f"Trained here on {one.dataset_name or 'a dataset it does not name'}, {held_out}."
        found.append(
            LoadedModel(
                ModelRef("run", one.run.id), f"{model_title(config.model.name)} · run of {created}", detail,
                config.protocol, config.fold, _synthetic(one), one.weights, config.preprocess,
            )
        )  # fmt: skip
    return found


def _synthetic(one: IndexEntry) -> bool:
    if one.report is not None:
        return one.report.synthetic
    return one.dataset is not None and one.dataset.synthetic
