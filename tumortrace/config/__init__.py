"""Settings of a run, validated, and what forms and options are made of. No torch, no streamlit."""

from tumortrace.config.preprocess import PreprocessSettings
from tumortrace.config.schema import (
    CONTEXT,
    ENCODER,
    STAGES,
    START_RUN,
    TITLES,
    AugmentSettings,
    EncoderName,
    ModelName,
    ModelSettings,
    OptimSettings,
    RunConfig,
    field_errors,
    model_title,
    parse_config,
    read_config,
    upgrade_settings,
)

__all__ = [
    "CONTEXT",
    "ENCODER",
    "STAGES",
    "START_RUN",
    "TITLES",
    "AugmentSettings",
    "EncoderName",
    "ModelName",
    "ModelSettings",
    "OptimSettings",
    "PreprocessSettings",
    "RunConfig",
    "field_errors",
    "model_title",
    "parse_config",
    "read_config",
    "upgrade_settings",
]
