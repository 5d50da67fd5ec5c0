"""Networks from their settings: which class, which starting weights, what is frozen."""

from __future__ import annotations

import torch

from tumortrace.config import ModelSettings
from tumortrace.models.base import SliceNet, model_class


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
    model.hflip_tta = settings.hflip_tta
    return model
