"""Former names of settings: run folders, shipped models and records of earlier versions are read through this table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from tumortrace.config.models import MODEL_SPECS

FORMER_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "augment.reflect": "augment.hflip",
        "model.mirror": "model.hflip_tta",
        "model.thaw_epoch": "model.unfreeze_epoch",
        "optim.clip": "optim.grad_clip",
        "train_share": "train_fraction",
        "watch": "validation_tiles",
    }
)
"""Dotted name of an earlier version to today's."""


def upgrade_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings of an earlier version in today's terms.

    Besides the names: a TraceNet that names no encoder stood on ResNet18.

    Args:
        values: As a run folder or a shipped model holds them; not changed.
    """
    found = {group: dict(value) if isinstance(value, Mapping) else value for group, value in values.items()}
    for former, name in FORMER_NAMES.items():
        _move(found, former, name)
    model = found.get("model")
    if isinstance(model, dict) and "encoder" not in model:
        stood_on = {spec.name: spec.unnamed_encoder for spec in MODEL_SPECS.values()}.get(str(model.get("name")))
        found["model"] = model if stood_on is None else model | {"encoder": stood_on}
    return found


def upgrade_dotted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted settings of an earlier version by today's names."""
    return {FORMER_NAMES.get(name, name): value for name, value in values.items()}


def in_former_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings of today by the names they had first.

    Ids of runs are hashes over these, so that renaming a setting renames no run.
    """
    found = {group: dict(value) if isinstance(value, Mapping) else value for group, value in values.items()}
    for former, name in FORMER_NAMES.items():
        _move(found, name, former)
    return found


def _move(values: dict[str, Any], old: str, new: str) -> None:
    group, _, leaf = old.rpartition(".")
    place = values.get(group) if group else values
    if isinstance(place, dict) and leaf in place:
        place[new.rpartition(".")[2]] = place.pop(leaf)
