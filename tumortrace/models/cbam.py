"""ResNet18 with convolutional block attention (CBAM; Woo et al., 2018, arXiv 1807.06521)."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock

from tumortrace.constants import CLASSES
from tumortrace.models.resnet import ResNet18

_REDUCTION = 16
_KERNEL = 7


class CBAM(nn.Module):
    """Channel attention, then spatial attention, over ``[B, C, h, w]``.

    ``timm.layers.cbam.CbamModule`` with ``rd_channels=max(8, C // 16)`` computes the same to the bit. It is written
    here because the files of runs name its weights as they are called here.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(8, channels // _REDUCTION)
        self.channels = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=False),
        )
        self.places = nn.Sequential(nn.Conv2d(2, 1, _KERNEL, padding=_KERNEL // 2, bias=False), nn.BatchNorm2d(1))

    def forward(self, features: Tensor) -> Tensor:
        """``[B, C, h, w]``, each channel and place multiplied by its attention, 0 to 1."""
        mean, most = features.mean((2, 3), keepdim=True), features.amax((2, 3), keepdim=True)
        features = features * (self.channels(mean) + self.channels(most)).sigmoid()
        planes = torch.cat((features.mean(1, keepdim=True), features.amax(1, keepdim=True)), dim=1)
        return cast(Tensor, features * self.places(planes).sigmoid())


class _AttentiveBlock(BasicBlock):  # type: ignore[misc]
    """torchvision's block with attention on what is added to the shortcut."""

    def __init__(self, inplanes: int, planes: int, *more: Any, **named: Any) -> None:
        super().__init__(inplanes, planes, *more, **named)
        self.attention = CBAM(planes)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return cast(Tensor, self.relu(self.attention(out) + shortcut))


class ResNet18CBAM(ResNet18):
    """ResNet18 whose eight blocks attend; 11.3 million weights, and the stages of ResNet18."""

    @staticmethod
    def make_backbone() -> Any:
        """torchvision's network from blocks with attention; its ImageNet weights fit all but the attention."""
        return ResNet(_AttentiveBlock, [2, 2, 2, 2], num_classes=len(CLASSES))
