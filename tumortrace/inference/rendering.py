"""Pictures of an answer: the slice, what TraceNet outlined on it, and where a model looked. No torch."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tumortrace.config import PreprocessSettings
from tumortrace.explain import overlay
from tumortrace.imaging.preprocess import invert_crop
from tumortrace.inference.prediction import Prediction
from tumortrace.inference.request import SliceInput

INSIDE: Final = 0.5
"""Probability above which a pixel belongs to the outline."""
COLOUR: Final = "#ffd43b"
"""Yellow stands out from grey tissue and is none of the class colours."""

Picture = npt.NDArray[np.uint8]
Region = npt.NDArray[np.bool_]


def shown(question: SliceInput) -> Picture:
    """``[H, W]``: the slice in the window that its file names, else in its own."""
    if question.window is None:
        return overlay.to_display(question.pixels)
    low, high = question.window
    grey = (np.asarray(question.pixels, dtype=np.float32) - low) / max(high - low, 1e-6)
    picture: Picture = np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)
    return picture


def region(question: SliceInput, prediction: Prediction) -> Region | None:
    """``[H, W]``: what TraceNet takes for tumour; None where it was not asked."""
    if prediction.outline is None or prediction.view is None:
        return None
    inside: Region = invert_crop(prediction.outline, question.pixels, prediction.view) > INSIDE
    return inside


def outlined(question: SliceInput, prediction: Prediction) -> Picture:
    """``[H, W, 3]`` with TraceNet's outline, ``[H, W]`` where there is none."""
    found = region(question, prediction)
    picture = shown(question)
    return picture if found is None else overlay.draw_region(picture, found, COLOUR)


def unmoved(heat: npt.NDArray[np.generic], towards: str) -> str:
    """What is said of a map without a single raised point; empty of any other."""
    if heat.any():
        return ""
    return f"Nothing in the slice spoke for {towards}: there is no map to show, and the picture is the slice alone."


def under_heat(
    question: SliceInput,
    heat: npt.NDArray[np.float32],
    view: PreprocessSettings,
    opacity: float = 0.45,
    inside: Region | None = None,
) -> Picture:
    """``[H, W, 3]``: the slice under a model's saliency.

    Args:
        question: The slice.
        heat: ``[S, S]`` in 0..1, as the model saw it.
        view: How the model sees a slice.
        opacity: 0 shows the slice alone.
        inside: ``[H, W]``, whose border is drawn too.
    """
    picture = overlay.blend(shown(question), invert_crop(heat, question.pixels, view), opacity)
    return picture if inside is None else overlay.draw_region(picture, inside, COLOUR)
