"""Figures in the benchmark's document, ``artifacts/benchmark/results.json``: a model for each kind of record. No torch.

Where nothing else is said of a field:

- ``model``: name of a network, a baseline or ``ensemble``; with the suffix ``_exam`` where it is judged with the rest
  of the exam.
- ``protocol``: ``slice``, ``official`` or ``person``; ``metric``: as :mod:`tumortrace.evaluation.metrics` names it.
- ``low``, ``high``: ends of the 95 % interval by bootstrap over persons; in the unit of their figure, None where there
  is none. A figure is None where it is undefined.
- ``n``: distinct slices behind a figure; ``persons``: whose they are. Counts are 0 or more.

Accuracies, F1, recalls, rates and coverages are shares, 0 to 1; differences and gains of them lie between -1 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=0)]
Figure = float | None


class Record(BaseModel):
    """What all parts of the document have in common: no key of another name, and only what JSON can say."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _from_numpy(cls, values: Any) -> Any:
        return _finite(values)


class PairedComparison(Record):
    """Two models on the slices and seeds that both tested, by one figure."""

    protocol: str
    first: str
    second: str
    """Names of the models, in alphabetical order."""
    metric: str
    difference: Figure
    """First less second."""
    low: Figure
    high: Figure
    n: Count
    persons: Count
    both_right: Count
    """Predictions, a slice and seed each; so are the next three."""
    only_first: Count
    only_second: Count
    both_wrong: Count
    p_mcnemar: Figure
    """McNemar's exact test of the predictions that one alone gets right, 0 to 1; it takes them for independent."""


class Spread(Record):
    """One figure of a model on every fold, or under every seed."""

    model: str
    protocol: str
    by: Literal["fold", "seed"]
    metric: str
    values: dict[str, Figure]
    """Fold or seed to its figure."""
    mean: Figure
    sd: Figure
    """Sample standard deviation; None below two values."""


class CalibrationFigure(Record):
    """How well the probabilities of a network are calibrated."""

    model: str
    protocol: str
    tempered: bool
    """At the temperature of its validation part; False: as the network gives them."""
    metric: Literal["ece", "brier", "log_loss"]
    value: Figure
    """0 or more, lower is better; ``log_loss`` in nats."""
    low: Figure
    high: Figure
    n: Count


class LeakageGain(Record):
    """A model under a leaking protocol and under ``person``, on the same slices."""

    model: str
    protocol: str
    """The leaking one."""
    metric: str
    class_name: str | None = Field(alias="class")
    """Of a recall; None: all classes."""
    n: Count
    leaky: Figure
    honest: Figure
    """Under ``person``."""
    gain: Figure
    """Leaky less honest."""
    low: Figure
    high: Figure
    """Of the gain."""


class FollowUp(Record):
    """Recall of gliomas by whether a follow-up exam of the same person was in training."""

    model: str
    protocol: str
    """Or ``official - person``, for the difference of the differences."""
    group: str
    """``follow-up``, ``none``, ``difference`` or ``difference of differences``."""
    value: Figure
    low: Figure
    high: Figure
    right: Count | None
    """Predictions that are right; None for differences."""
    n: Count
    """Predictions of gliomas."""
    persons: Count


class AblationEffect(Record):
    """A variant of a recipe, or the recipe itself, on the folds that both were trained on."""

    base: str
    """Model whose recipe it is."""
    factor: str | None
    """What the variant changes; None: the recipe itself."""
    level: str | None
    """To what it is changed."""
    metric: str
    value: Figure
    difference: Figure
    """Variant less recipe, with its paired interval."""
    low: Figure
    high: Figure
    n: Count
    folds: list[int]


class LocalisationFigure(Record):
    """How well a saliency method, or an outline a model draws, meets the radiologists' outline."""

    model: str
    method: str
    """A saliency method, ``outline``, or the blind ``centre`` and ``even``."""
    group: str
    """Of slices: ``all``, ``right`` or ``wrong``, by the model's answer."""
    metric: str
    """``pointing``, ``energy``, ``iou`` and ``dice``: shares; ``road``: above 0, what the map points at matters more
    than what it does not."""
    value: Figure
    low: Figure
    high: Figure
    n: Count
    persons: Count
    sampled: bool
    """Scored on a sample and weighed back to all slices."""


class ShiftedAccuracy(Record):
    """Accuracy of a model on changed test slices."""

    model: str
    protocol: str
    kind: str
    """Of change; ``all``: the mean over all of them."""
    level: Count
    """Strength, 1 to 3; 0 with ``all``."""
    accuracy: Figure
    accuracy_low: Figure
    accuracy_high: Figure
    lost: Figure
    """Accuracy on the same slices unchanged, less this."""
    lost_low: Figure
    lost_high: Figure
    n: Count
    persons: Count


class ErrorRate(Record):
    """How often a model errs on slices that have something in common."""

    model: str
    protocol: str
    by: str
    """A key of :data:`tumortrace.benchmark.error_analysis.GROUPS`."""
    group: str
    """Which of its groups, in words."""
    value: Figure
    low: Figure
    high: Figure
    n: Count
    """Predictions, a slice and seed each."""
    persons: Count


class HardestPerson(Record):
    """One of the persons behind most errors of a model."""

    model: str
    protocol: str
    person_id: str
    patients: list[str] = []
    """Their patient ids; empty in documents of before."""
    class_name: str = Field(alias="class")
    errors: Count
    """Predictions, a slice and seed each, that are wrong; of ``n``."""
    n: Count
    share: float
    """Of all errors of the model, 0 to 1."""


class LabelSuspect(Record):
    """A slice whose label confident learning doubts."""

    slice_id: str
    patient_id: str | None
    label: str
    """Class as labelled."""
    suggested: str
    """Class that the judge finds likeliest."""
    quality: float
    """Probability of the label as it stands, 0 to 1; low is doubtful."""


class DoubtedLabels(Record):
    """The suspects of one protocol, the most doubtful first."""

    judge: str
    """Model whose out-of-fold probabilities were taken."""
    suspects: list[LabelSuspect]


class Failures(Record):
    """What is got wrong, whose it is, and which labels are worth a second look."""

    error_rates: list[ErrorRate] = []
    persons: list[HardestPerson] = []
    suspects: dict[str, DoubtedLabels] = {}
    """By protocol."""


class CoverageFigure(Record):
    """What prediction sets hold out of fold."""

    model: str
    protocol: str
    level: Count
    """Promised coverage, %."""
    class_name: str | None = Field(alias="class")
    """True class of the slices; None: all."""
    metric: Literal["coverage", "size", "single"]
    """``size``: classes a set, 0 to 3; the others are shares."""
    value: Figure
    low: Figure
    high: Figure
    n: Count


def _finite(value: Any) -> Any:
    """What JSON can say: NaN, infinity and NumPy's numbers are replaced."""
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def records_frame(records: Iterable[Record]) -> pd.DataFrame:
    """A new frame of records of one kind, a row each, columns as the file names them; no columns without records."""
    return pd.DataFrame([record.model_dump(by_alias=True) for record in records])
