"""EfficientNet-Lite (Tan and Le, 2019, arXiv 1905.11946; Lite: Google, 2020), as timm builds it.

Small networks without squeeze-and-excitation, made for processors without an accelerator: what a laptop can fine-tune
from ImageNet in minutes.
"""

from __future__ import annotations

from typing import Any, ClassVar

import timm
from torch import Tensor, nn

from tumortrace.config import ModelSettings
from tumortrace.constants import CLASSES
from tumortrace.models.base import ColourInput, SliceNet

_HALF = (0.5, 0.5, 0.5)
"""Mean and standard deviation of its ImageNet training: grey values in -1..1, not the usual normalisation."""


class EfficientNetLite0(SliceNet):
    """3.4 million weights; stages ``stem``, ``blocks0`` to ``blocks6``."""

    saliency_grid = (15, 16)
    pyramid: ClassVar[dict[str, int]] = {"blocks1": 24, "blocks2": 40, "blocks4": 112, "blocks6": 320}
    embedding: ClassVar[int] = 1280

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self.input = ColourInput(_HALF, _HALF)
        self.backbone: Any = timm.create_model(f"tf_{settings.backbone}", pretrained=False, num_classes=len(CLASSES))
        self.backbone.classifier = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(self.embedding, len(CLASSES)))

    def enter(self, images: Tensor) -> Tensor:
        """Grey ``[B, 1, S, S]`` to three normalised planes."""
        colour: Tensor = self.input(images)
        return colour

    def run_stage(self, name: str, features: Tensor) -> Tensor:
        """One stage; each halves the side or keeps it."""
        net = self.backbone
        found: Tensor = net.bn1(net.conv_stem(features)) if name == "stem" else net.blocks[_number(name)](features)
        return found

    def embed(self, features: Tensor) -> Tensor:
        """What the last stage gave to ``[B, 1280]``: the last convolution, averaged over the slice."""
        net = self.backbone
        pooled: Tensor = net.global_pool(net.bn2(net.conv_head(features))).flatten(1)
        return pooled

    def leave(self, features: Tensor) -> Tensor:
        """What the last stage gave to logits ``[B, 3]``."""
        logits: Tensor = self.backbone.classifier(self.embed(features))
        return logits

    def drop_classifier(self) -> None:
        """Take the last layer away: a network that stands on this one has its own."""
        self.backbone.classifier = nn.Identity()

    def stage(self, name: str) -> list[nn.Module]:
        """The modules of a stage, for freezing."""
        net = self.backbone
        return [net.conv_stem, net.bn1] if name == "stem" else [net.blocks[_number(name)]]

    @property
    def saliency_layer(self) -> nn.Module:
        """The last layer with cells of 16 pixels: those of 32 are too coarse to point at a tumour."""
        layer: nn.Module = self.backbone.blocks[4]
        return layer


class EfficientNetLite1(EfficientNetLite0):
    """4.1 million weights: deeper than Lite0, as wide."""


class EfficientNetLite2(EfficientNetLite0):
    """4.8 million weights: deeper and a tenth wider than Lite0."""

    pyramid: ClassVar[dict[str, int]] = {"blocks1": 24, "blocks2": 48, "blocks4": 120, "blocks6": 352}


def _number(name: str) -> int:
    return int(name.removeprefix("blocks"))
