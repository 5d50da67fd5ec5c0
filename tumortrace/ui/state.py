"""Every session-state key, in one place, so that no two widgets share one by accident."""

from __future__ import annotations

from typing import Final

DATASET: Final = "dataset"
"""Name of the dataset on show, chosen in the sidebar of every page."""

GALLERY_CLASSES: Final = "gallery_classes"
GALLERY_PATIENT: Final = "gallery_patient"
GALLERY_PROTOCOL: Final = "gallery_protocol"
GALLERY_FOLD: Final = "gallery_fold"
GALLERY_OUTLINE: Final = "gallery_outline"
GALLERY_PAGE: Final = "gallery_page"
SLICE: Final = "slice"
"""Slice id shown large on the Dataset page; also a query parameter."""
SERIES_POSITION: Final = "series_position"

FORM: Final = "form:"
"""Prefix of the Train form's fields; the rest of the key is the dotted name of the setting."""
RUN: Final = "run"
"""The run watched on the Train page; also a query parameter."""
STARTED: Final = "started_run"
"""A run started a moment ago, to be watched from the next rerun on."""

RESULTS_MODEL: Final = "results_model"
RESULTS_LEVEL: Final = "results_level"
RESULTS_NORMALISED: Final = "results_normalised"

ERRORS_MODEL: Final = "errors_model"
ERRORS_TRUE: Final = "errors_true"
ERRORS_PREDICTED: Final = "errors_predicted"
ERRORS_CONFIDENCE: Final = "errors_confidence"
ERRORS_PATIENT: Final = "errors_patient"
ERRORS_PAGE: Final = "errors_page"
ERRORS_SLICE: Final = "errors_slice"
"""The mistake shown large: slice id and seed."""
ERRORS_OPACITY: Final = "errors_opacity"
ERRORS_TARGET: Final = "errors_target"

CLASSIFY_SOURCE: Final = "classify_source"
CLASSIFY_FILES: Final = "classify_files"
CLASSIFY_EXAMPLE: Final = "classify_example"
CLASSIFY_DRAW: Final = "classify_draw"
"""How often other examples were asked for."""
CLASSIFY_MODELS: Final = "classify_models"
CLASSIFY_OPACITY: Final = "classify_opacity"
CLASSIFY_TARGET: Final = "classify_target"

LEARNING_EPOCH: Final = "learning_epoch:"
"""Prefix: the epoch shown of a run; the rest of the key is the run's id."""
LEARNING_SALIENCY: Final = "learning_saliency"
LEARNING_CANDIDATE: Final = "learning_candidate:"
"""Prefix: the slice about to be pinned; the rest of the key is the run's id."""
LEARNING_PIN: Final = "learning_pin:"
"""Prefix: the pin shown with all three classes; the rest of the key is the run's id."""

COMPARE_RUNS: Final = "compare_runs"
COMPARE_MEASURE: Final = "compare_measure"
COMPARE_X: Final = "compare_x"
EXPORT_CHECKPOINT: Final = "export_checkpoint:"
"""Prefix: whether the checkpoint goes into the zip of a run; the rest of the key is the run's id."""

QUEUE_PER_DEVICE: Final = "queue_per_device"
PRESET: Final = "preset"
"""Key of the preset taken last on the Train page."""
