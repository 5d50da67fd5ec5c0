"""Answers of this session: computed once, kept in memory, and forgotten with the session."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from tumortrace.inference.prediction import Prediction
from tumortrace.ui.classify.request import ClassifyRequest
from tumortrace.ui.shell import models as judges
from tumortrace.ui.shell import state
from tumortrace.ui.shell.models import LoadedModel

KEPT: Final = 1000
"""Answers a session keeps, about 100 kB each; the oldest go first."""

Key = tuple[object, ...]


def predict_one(chosen: Sequence[LoadedModel], asked: ClassifyRequest) -> Prediction:
    """The predictor's answer to one slice."""
    return predict_many(chosen, [asked])[0]


def predict_many(
    chosen: Sequence[LoadedModel],
    every: Sequence[ClassifyRequest],
    progress: Callable[[int, list[Prediction]], None] | None = None,
) -> list[Prediction]:
    """The predictor's answers, in order; only what is not known yet is computed.

    Args:
        chosen: The models.
        every: Slices.
        progress: Told after each answer how many there are, and all so far.
    """
    kept: OrderedDict[Key, Prediction] = st.session_state.setdefault(state.CLASSIFY_ANSWERS, OrderedDict())
    keys = [_key(chosen, asked) for asked in every]
    missing = list(dict.fromkeys(place for place, key in enumerate(keys) if key not in kept))
    found = {key: kept[key] for key in keys if key in kept}
    if missing:
        answered = judges.predictor(chosen).predict(every[place] for place in missing)
        for place, prediction in zip(missing, answered, strict=True):
            found[keys[place]] = kept[keys[place]] = prediction
            while len(kept) > KEPT:
                kept.popitem(last=False)
            if progress:
                progress(len(found), [found[key] for key in keys if key in found])
    return [found[key] for key in keys]


def _key(chosen: Sequence[LoadedModel], asked: ClassifyRequest) -> Key:
    models = tuple((loaded.key, loaded.changed) for loaded in chosen)
    return (models, judges.digest(asked.pixels), asked.claims, asked.file, asked.slice)
