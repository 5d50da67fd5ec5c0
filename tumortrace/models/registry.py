"""Models by name."""

from __future__ import annotations

from typing import TypeVar

import torch

from tumortrace.config import ModelSettings
from tumortrace.errors import UnknownModel
from tumortrace.models.base import SliceNet

_MODELS: dict[str, type[SliceNet]] = {}
_Net = TypeVar("_Net", bound=type[SliceNet])


def register(model: _Net) -> _Net:
    """Class decorator: make a :class:`SliceNet` buildable by its ``name``; it is called with its settings."""
    _MODELS[model.name] = model
    return model


def names() -> list[str]:
    """Names that :func:`build` knows."""
    _load()
    return sorted(_MODELS)


def model_class(name: str) -> type[SliceNet]:
    """The class registered under ``name``.

    Raises:
        UnknownModel: No such name.
    """
    _load()
    if name not in _MODELS:
        raise UnknownModel("no such model", value=name, remedy=f"Choose one of {', '.join(sorted(_MODELS))}.")
    return _MODELS[name]


def blank(settings: ModelSettings) -> SliceNet:
    """A network on the ``meta`` device, drawn no random weights: ``load_state_dict(..., assign=True)`` brings them.

    Raises:
        UnknownModel: No such name.
    """
    with torch.device("meta"):
        return _prepared(model_class(settings.name)(settings), settings)


def build(settings: ModelSettings, *, pretrained: bool = True) -> SliceNet:
    """Make a network, give it its starting weights and freeze what is to be frozen.

    Args:
        settings: Which, and from what.
        pretrained: False leaves ``settings.init`` aside: the caller brings the weights.

    Raises:
        UnknownModel: No such name.
        PretrainedUnavailable: ImageNet weights were asked for and cannot be had.
        WeightsMismatch: A weights file does not fit.
    """
    model = model_class(settings.name)(settings)
    if pretrained and settings.init != "scratch":
        from tumortrace.models.pretrained import load_initial

        load_initial(model, settings.init)
    return _prepared(model, settings)


def _prepared(model: SliceNet, settings: ModelSettings) -> SliceNet:
    model.freeze(settings.freeze_until)
    model.hflip_tta = settings.mirror
    return model


def _load() -> None:
    # Importing a model module registers it.
    from tumortrace.models import cbam, cnn3d, efficientnet, inception, resnet, tracenet  # noqa: F401
