"""Inception v3 (Szegedy et al., 2016, arXiv 1512.00567), as torchvision builds it."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import inception_v3
from torchvision.models.inception import InceptionAux

from tumortrace.config import ModelSettings
from tumortrace.constants import CLASSES
from tumortrace.models.base import ColourInput, SliceNet

_STAGES = {
    "stem": ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
    "mixed5": ("Mixed_5b", "Mixed_5c", "Mixed_5d"),
    "mixed6": ("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    "mixed7": ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
}
_POOLED = ("Conv2d_2b_3x3", "Conv2d_4a_3x3")
"""The layers of the stem that a pooling follows."""


class _AnySizeAux(InceptionAux):  # type: ignore[misc]
    """torchvision's auxiliary head needs a 17x17 map (299 px); smaller ones are pooled to the 5x5 it works on."""

    def forward(self, x: Tensor) -> Tensor:
        if min(x.shape[-2:]) >= 17:
            return cast(Tensor, super().forward(x))
        x = self.conv1(self.conv0(F.adaptive_avg_pool2d(x, 5)))
        return cast(Tensor, self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1)))


class InceptionV3(SliceNet):
    """24.4 million weights, 3 of them in the auxiliary head; stages ``stem``, ``mixed5`` to ``mixed7``."""

    aux_weight: ClassVar[float] = 0.4
    training_only: ClassVar[str | None] = "backbone.AuxLogits."
    saliency_grid = (21, 16)

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        # Its ImageNet weights were trained on -1..1.
        self.input = ColourInput((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        self.backbone: Any = inception_v3(
            num_classes=len(CLASSES),
            aux_logits=True,
            init_weights=True,
            transform_input=False,
            dropout=settings.dropout,
        )
        self.backbone.AuxLogits = _AnySizeAux(768, len(CLASSES))
        for module in self.backbone.AuxLogits.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.01, a=-0.03, b=0.03)

    def enter(self, images: Tensor) -> Tensor:
        """``[B, D, S, S]`` in 0..1 to the input of the first stage, three channels in -1..1."""
        colour: Tensor = self.input(images)
        return colour

    def run_stage(self, name: str, features: Tensor) -> Tensor:
        """The features of one stage, with the pooling that follows it: ``[B, C, h, w]``."""
        for part in _STAGES[name]:
            features = getattr(self.backbone, part)(features)
            if part in _POOLED:
                features = F.max_pool2d(features, 3, stride=2)
        return features

    def leave(self, features: Tensor) -> Tensor:
        """The features of the last stage to logits ``[B, 3]``."""
        net = self.backbone
        logits: Tensor = net.fc(net.dropout(net.avgpool(features)).flatten(1))
        return logits

    def forward(self, images: Tensor, after: str | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """``[B, D, S, S]`` to logits ``[B, 3]``; in training (logits, logits of the auxiliary head on ``mixed6``)."""
        features, aux = self.enter(images) if after is None else images, None
        for name in (after, *self.stages_after(after)):
            if name not in (None, after):
                features = self.run_stage(name, features)
            if name == "mixed6" and self.training:
                aux = self.backbone.AuxLogits(features)
        logits = self.leave(features)
        return logits if aux is None else (logits, aux)

    def stage(self, name: str) -> list[nn.Module]:
        """The modules of a stage, for freezing."""
        return [getattr(self.backbone, part) for part in _STAGES[name]]

    @property
    def saliency_layer(self) -> nn.Module:
        """The last mixed block with 16 pixel cells; those of 32 are too coarse for a tumour."""
        layer: nn.Module = self.backbone.Mixed_6e
        return layer
