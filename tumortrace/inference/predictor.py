"""Several models heard together: gate, calibrated probabilities, the ensemble, prediction sets, TraceNet's outline."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tumortrace.config import PreprocessSettings
from tumortrace.errors import InputError
from tumortrace.evaluation.ensemble import NAME as ENSEMBLE
from tumortrace.imaging.preprocess import preprocess
from tumortrace.inference.bundle import Bundle, list_bundles
from tumortrace.inference.calibration import EnsembleCalibration, shipped_calibration
from tumortrace.inference.classifier import Classifier, ForwardOutput
from tumortrace.inference.ood import SETTINGS as GATE_SETTINGS
from tumortrace.inference.ood import FileMetadata, OODDetector, load_detector
from tumortrace.inference.prediction import Prediction
from tumortrace.inference.request import Pixels, SliceInput

BATCH: Final = 16
_TURN: Final = threading.Lock()
"""One batch at a time on this machine: two would only slow each other down and hold twice the memory."""


class Predictor:
    """Safe to share between threads: batches are answered in turn."""

    def __init__(
        self, models: Sequence[Classifier], recipe: EnsembleCalibration | None = None, gate: OODDetector | None = None
    ) -> None:
        """Hear these models together.

        Args:
            models: At least one.
            recipe: How; all the same by default.
            gate: None lets everything in, and says nothing of it.
        """
        self.models = {model.name: model for model in models}
        self.recipe = recipe or EnsembleCalibration()
        self.gate = gate

    @classmethod
    def shipped(cls, bundles: Sequence[Bundle] | None = None) -> Predictor:
        """The models that ship (or some of them), with everything that was fitted for them.

        Raises:
            WeightsMismatch: The weights of one are missing or changed.
            DataError: The gate's files are damaged.
        """
        chosen = list_bundles() if bundles is None else bundles
        return cls([Classifier.from_bundle(bundle) for bundle in chosen], shipped_calibration(), load_detector())

    @property
    def batch(self) -> int:
        """How many slices it takes at a time."""
        return BATCH

    def answer(self, questions: Iterable[SliceInput], batch_size: int = BATCH) -> Iterator[Prediction]:
        """Answers in order, batch by batch as they come; a slice that cannot be judged spoils no other.

        Args:
            questions: Slices; taken one batch at a time, so a long series is never held whole.
            batch_size: Slices a forward pass.
        """
        waiting = iter(questions)
        while part := list(islice(waiting, batch_size)):
            with _TURN:
                answers = self._batch(part)
            yield from answers

    def one(self, pixels: Pixels, claims: FileMetadata | None = None, file: str = "") -> Prediction:
        """The answer to one slice; see :meth:`answer`."""
        return next(self.answer([SliceInput(file, pixels, claims=claims or FileMetadata())]))

    def _batch(self, part: list[SliceInput]) -> list[Prediction]:
        answers: dict[int, Prediction] = {}
        prepared: dict[int, dict[PreprocessSettings, npt.NDArray[np.uint8]]] = {}
        settings = {GATE_SETTINGS, *(model.config.preprocess for model in self.models.values())}
        for place, question in enumerate(part):
            answers[place] = Prediction(question.file, question.slice)
            try:
                prepared[place] = {one: preprocess(question.pixels, one)[0] for one in settings}
            except InputError as error:
                answers[place] = replace(answers[place], error=str(error))
        if prepared:
            looks = self._look([prepared[place] for place in prepared])
            for row, place in enumerate(prepared):
                answers[place] = self._said(answers[place], part[place], prepared[place], looks, row)
        return [answers[place] for place in range(len(part))]

    def _look(self, prepared: list[dict[PreprocessSettings, npt.NDArray[np.uint8]]]) -> dict[str, ForwardOutput]:
        found = {}
        for name, model in self.models.items():
            look = model.look(np.stack([one[model.config.preprocess] for one in prepared]))
            found[name] = replace(look, probabilities=self.recipe.calm(name, look.probabilities))
        return found

    def _said(
        self,
        answer: Prediction,
        question: SliceInput,
        prepared: dict[PreprocessSettings, npt.NDArray[np.uint8]],
        looks: dict[str, ForwardOutput],
        row: int,
    ) -> Prediction:
        single = {name: look.probabilities[row] for name, look in looks.items()}
        together = self.recipe.vote({name: shares[None] for name, shares in single.items()})[0]
        tracing = next((name for name, model in self.models.items() if model.traces), None)
        drawn: dict[str, Any] = {}
        peak = None
        if tracing is not None:
            look = looks[tracing]
            assert look.outlines is not None
            assert look.peaks is not None
            assert look.seen is not None
            drawn, peak = {"outline": look.outlines[row], "seen": look.seen[row]}, float(look.peaks[row])
        shown = self.models[tracing or next(iter(self.models))].config.preprocess
        return replace(
            answer,
            gate=self.gate.judge(prepared[GATE_SETTINGS], question.claims, peak) if self.gate else None,
            probabilities={**single, ENSEMBLE: together},
            sets=self.recipe.sets(list(single), together),
            image=prepared[shown],
            view=shown,
            **drawn,
        )
