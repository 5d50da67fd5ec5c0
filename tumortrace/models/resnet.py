"""ResNet18 (He et al., 2016, arXiv 1512.03385), as torchvision builds it."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn
from torchvision.models import resnet18

from tumortrace.config import ModelSettings
from tumortrace.constants import CLASSES
from tumortrace.models.base import ColourInput, SliceNet


class ResNet18(SliceNet):
    """11.2 million weights; stages ``stem``, ``layer1`` to ``layer4``."""

    saliency_grid = (0, 16)
    pyramid: ClassVar[dict[str, int]] = {"layer1": 64, "layer2": 128, "layer3": 256, "layer4": 512}
    embedding: ClassVar[int] = 512

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self.input = ColourInput()
        self.backbone: Any = self.make_backbone()
        features = self.backbone.fc.in_features
        self.backbone.fc = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(features, len(CLASSES)))

    @staticmethod
    def make_backbone() -> Any:
        """torchvision's network, without weights."""
        return resnet18(num_classes=len(CLASSES))

    def enter(self, images: Tensor) -> Tensor:
        """``[B, D, S, S]`` in 0..1 to the input of the first stage, three channels."""
        colour: Tensor = self.input(images)
        return colour

    def run_stage(self, name: str, features: Tensor) -> Tensor:
        """The features of one stage, ``[B, C, h, w]``."""
        net = self.backbone
        if name == "stem":
            features = net.maxpool(net.relu(net.bn1(net.conv1(features))))
        else:
            features = getattr(net, name)(features)
        return features

    def leave(self, features: Tensor) -> Tensor:
        """The features of the last stage to logits ``[B, 3]``."""
        logits: Tensor = self.backbone.fc(self.embed(features))
        return logits

    def embed(self, features: Tensor) -> Tensor:
        """``[B, 512, h, w]`` averaged over the slice, ``[B, 512]``."""
        pooled: Tensor = self.backbone.avgpool(features).flatten(1)
        return pooled

    def drop_classifier(self) -> None:
        """Take the last layer away: a network that stands on this one has its own."""
        self.backbone.fc = nn.Identity()

    def stage(self, name: str) -> list[nn.Module]:
        """The modules of a stage, for freezing."""
        net = self.backbone
        return [net.conv1, net.bn1] if name == "stem" else [getattr(net, name)]

    @property
    def saliency_layer(self) -> nn.Module:
        """The last residual block of ``layer3``: its 16 pixel cells meet the outlines more often than those of 32."""
        layer: nn.Module = self.backbone.layer3[-1]
        return layer
