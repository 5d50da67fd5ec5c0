"""Settings of a run, validated, and what forms and options are made of. No torch, no streamlit."""

from tumortrace.config.models import (
    CONTEXT,
    MODEL_SPECS,
    ModelSpec,
    draws_outlines,
    encoder_names,
    find_spec,
    model_names,
    model_title,
    titles,
)
from tumortrace.config.preprocess import PreprocessSettings
from tumortrace.config.schema import (
    START_RUN,
    AugmentSettings,
    ModelSettings,
    OptimSettings,
    RunConfig,
    field_errors,
    parse_config,
    read_config,
)

__all__ = [
    "CONTEXT",
    "MODEL_SPECS",
    "START_RUN",
    "AugmentSettings",
    "ModelSettings",
    "ModelSpec",
    "OptimSettings",
    "PreprocessSettings",
    "RunConfig",
    "draws_outlines",
    "encoder_names",
    "field_errors",
    "find_spec",
    "model_names",
    "model_title",
    "parse_config",
    "read_config",
    "titles",
]
