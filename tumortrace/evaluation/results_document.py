"""The benchmark's document, ``artifacts/benchmark/results.json``, and what its figures rest on. No torch.

The figures themselves, and what their common fields mean, stand in :mod:`tumortrace.evaluation.results_records`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from tumortrace.config.former import upgrade_dotted
from tumortrace.evaluation.results_records import (
    AblationEffect,
    CalibrationFigure,
    Count,
    CoverageFigure,
    Failures,
    FollowUp,
    LeakageGain,
    LocalisationFigure,
    PairedComparison,
    Record,
    ShiftedAccuracy,
    Spread,
)

SCHEMA: Final = 1
_FORMER: Final = ("figures", "own_shares")
"""Keys of documents of before that nothing reads."""


class DatasetFacts(Record):
    """The slices that every figure rests on."""

    name: str
    """Of the dataset's folder."""
    fingerprint: str | None = None
    """SHA-256 over ids, labels and pixels; None: a document of before."""
    slices: Count
    patients: Count
    """Patient ids."""
    persons: Count
    """Persons: ids of follow-up exams are one."""


class EnsembleVote(Record):
    """What was fitted for the ensemble on the validation part of one fold."""

    protocol: str
    seed: int
    fold: int
    temperatures: dict[str, float]
    """By model, above 0; above 1 it was too sure."""
    weights: dict[str, float]
    """By model, 0 to 1, their sum 1."""
    n: Count
    """Validation slices."""


class ComputeCost(Record):
    """What the finished runs of one kind took together."""

    part: str
    """Of :data:`tumortrace.benchmark.plan.PARTS`."""
    model: str
    size: str | None = None
    """Side of a slice, as ``112 px``; None: a document of before."""
    device: str
    runs: Count
    hours: float
    """Of training and testing, 0 or more."""


class MissingRun(Record):
    """A run of the plan that is not finished."""

    part: str
    run: str
    """Its id."""
    variant: str | None
    """Of an ablation."""


class ResultsDocument(Record):
    """``results.json``. Every part may be empty; nothing at all is false.

    Figures of single models stand in ``reports.json`` (:func:`tumortrace.evaluation.tables.figures`); documents of
    before repeat them under ``figures``, which is passed over.

    Raises:
        ValidationError: A key is missing, of another name, or holds something else.
    """

    schema_version: Literal[1] = SCHEMA
    created: str = ""
    """Time, ISO 8601, UTC."""
    preset: str | None = None
    note: str = ""
    """Of the preset, a sentence."""
    synthetic: bool = False
    """The slices are made up."""
    dataset: DatasetFacts | None = None
    comparisons: list[PairedComparison] = Field(default_factory=list)
    spread: list[Spread] = Field(default_factory=list)
    calibration: list[CalibrationFigure] = Field(default_factory=list)
    leakage: list[LeakageGain] = Field(default_factory=list)
    follow_ups: list[FollowUp] = Field(default_factory=list)
    ablations: list[AblationEffect] = Field(default_factory=list)
    localisation: list[LocalisationFigure] = Field(default_factory=list)
    thresholds: dict[str, dict[int, float]] = Field(default_factory=dict)
    """``model/method`` and test fold to the share of a map's maximum above which a pixel is pointed at, 0 to 1."""
    shifted: list[ShiftedAccuracy] = Field(default_factory=list)
    failures: Failures = Failures()
    coverage: list[CoverageFigure] = Field(default_factory=list)
    limits: dict[str, dict[int, list[float]]] = Field(default_factory=dict)
    """Protocol and promised coverage (%) to the least probability of each class that stays in the set, 0 to 1."""
    votes: list[EnsembleVote] = Field(default_factory=list)
    context_shares: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Model and ``protocol/seed/fold`` to how much a slice's own answer counts beside its exam's, 0 to 1."""
    recipes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Model to the settings that differ from the defaults, by today's dotted names."""
    compute: list[ComputeCost] = Field(default_factory=list)
    missing: list[MissingRun] = Field(default_factory=list)
    versions: dict[str, str] = Field(default_factory=dict)
    """Of ``tumortrace`` and ``python``."""

    def __bool__(self) -> bool:
        """Whether there are results at all."""
        return bool(self.model_fields_set)

    @model_validator(mode="before")
    @classmethod
    def _without_former(cls, values: Any) -> Any:
        return {key: one for key, one in values.items() if key not in _FORMER} if isinstance(values, dict) else values

    @field_validator("recipes")
    @classmethod
    def _in_todays_names(cls, recipes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {model: upgrade_dotted(recipe) for model, recipe in recipes.items()}
