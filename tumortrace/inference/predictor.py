"""The predictor: out-of-distribution gate, calibrated probabilities, ensemble, prediction sets, TraceNet's outline."""

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
        self,
        models: Sequence[Classifier],
        calibration: EnsembleCalibration | None = None,
        detector: OODDetector | None = None,
    ) -> None:
        """Ask these models together.

        Args:
            models: At least one.
            calibration: Temperatures, weights and limits; without, every model counts the same.
            detector: Out-of-distribution detection; None lets everything in, and says nothing of it.
        """
        self.models = {model.name: model for model in models}
        self.calibration = calibration or EnsembleCalibration()
        self.detector = detector

    @classmethod
    def shipped(cls, bundles: Sequence[Bundle] | None = None) -> Predictor:
        """The models that ship (or some of them), with everything that was fitted for them.

        Raises:
            WeightsMismatch: The weights of one are missing or changed.
            DataError: The gate's files are damaged.
        """
        chosen = list_bundles() if bundles is None else bundles
        return cls.fitted([Classifier.from_bundle(bundle) for bundle in chosen])

    @classmethod
    def fitted(cls, models: Sequence[Classifier]) -> Predictor:
        """These models, shipped or not, with everything that was fitted for those that ship.

        Raises:
            DataError: The gate's files are damaged.
        """
        return cls(models, shipped_calibration(), load_detector())

    @property
    def batch(self) -> int:
        """How many slices it takes at a time."""
        return BATCH

    def predict(self, slices: Iterable[SliceInput], batch_size: int = BATCH) -> Iterator[Prediction]:
        """Predictions in order, batch by batch as they come; a slice that cannot be judged spoils no other.

        Args:
            slices: Taken one batch at a time, so a long series is never held whole.
            batch_size: Slices a forward pass.
        """
        waiting = iter(slices)
        while part := list(islice(waiting, batch_size)):
            with _TURN:
                predictions = self._batch(part)
            yield from predictions

    def predict_one(self, pixels: Pixels, claims: FileMetadata | None = None, file: str = "") -> Prediction:
        """The prediction of one slice; see :meth:`predict`."""
        return next(self.predict([SliceInput(file, pixels, claims=claims or FileMetadata())]))

    def _batch(self, part: list[SliceInput]) -> list[Prediction]:
        predictions: dict[int, Prediction] = {}
        prepared: dict[int, dict[PreprocessSettings, npt.NDArray[np.uint8]]] = {}
        settings = {GATE_SETTINGS, *(model.config.preprocess for model in self.models.values())}
        for place, slice_ in enumerate(part):
            predictions[place] = Prediction(slice_.file, slice_.slice)
            try:
                prepared[place] = {one: preprocess(slice_.pixels, one)[0] for one in settings}
            except InputError as error:
                predictions[place] = replace(predictions[place], error=str(error))
        if prepared:
            outputs = self._forward([prepared[place] for place in prepared])
            for row, place in enumerate(prepared):
                predictions[place] = self._assemble(predictions[place], part[place], prepared[place], outputs, row)
        return [predictions[place] for place in range(len(part))]

    def _forward(self, prepared: list[dict[PreprocessSettings, npt.NDArray[np.uint8]]]) -> dict[str, ForwardOutput]:
        found = {}
        for name, model in self.models.items():
            output = model.forward(np.stack([one[model.config.preprocess] for one in prepared]))
            found[name] = replace(output, probabilities=self.calibration.temperature_scale(name, output.probabilities))
        return found

    def _assemble(
        self,
        prediction: Prediction,
        slice_: SliceInput,
        prepared: dict[PreprocessSettings, npt.NDArray[np.uint8]],
        outputs: dict[str, ForwardOutput],
        row: int,
    ) -> Prediction:
        single = {name: output.probabilities[row] for name, output in outputs.items()}
        together = self.calibration.vote({name: shares[None] for name, shares in single.items()})[0]
        tracing = next((name for name, model in self.models.items() if model.traces), None)
        drawn: dict[str, Any] = {}
        peak = None
        if tracing is not None:
            output = outputs[tracing]
            assert output.outlines is not None
            assert output.outline_peaks is not None
            assert output.features is not None
            drawn, peak = (
                {"outline": output.outlines[row], "features": output.features[row]},
                float(output.outline_peaks[row]),
            )
        shown = self.models[tracing or next(iter(self.models))].config.preprocess
        return replace(
            prediction,
            gate=self.detector.decide(prepared[GATE_SETTINGS], slice_.claims, peak) if self.detector else None,
            probabilities={**single, ENSEMBLE: together},
            sets=self.calibration.sets(list(single), together),
            image=prepared[shown],
            view=shown,
            **drawn,
        )
