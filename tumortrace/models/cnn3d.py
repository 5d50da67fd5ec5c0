"""The milestone paper's from-scratch 3D CNN.

It has two ways of filling the third dimension: the three colour planes of one slice (``depth=1``, the paper's own), and
an odd number of neighbouring slices of one series of one patient (``depth=3, 5, ...``, what the paper wanted). Never do
slices of two patients stand in one stack: the stacks are made by :func:`tumortrace.training.data.stack_neighbours`.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from tumortrace.config import ModelSettings
from tumortrace.constants import CLASSES
from tumortrace.models.base import SliceNet

_PLANES = 3
_CHANNELS = (32, 64, 128, 256)


class CNN3D(SliceNet):
    """3.4 million weights; four blocks of 3x3x3 convolutions, halving height and width, never depth."""

    memory_format: ClassVar[torch.memory_format] = torch.channels_last_3d
    saliency_grid = (7, 16)

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self.depth = settings.depth
        blocks = []
        before = 1
        for number, channels in enumerate(_CHANNELS):
            blocks.append(
                _block(
                    before, channels, 1 if number < 2 else 2, stride=2 if number == 0 else 1, norm=settings.batchnorm
                )
            )
            before = channels
        self.blocks = nn.ModuleList(blocks)
        self.pool = nn.AdaptiveAvgPool3d(1)
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(before, len(CLASSES)))

    def enter(self, images: Tensor) -> Tensor:
        """``[B, D, S, S]`` in 0..1 to the input of the first stage, ``[B, 1, D, S, S]`` in -1..1."""
        if self.depth == 1:
            images = images.expand(-1, _PLANES, -1, -1)
        return (images.unsqueeze(1) - 0.5) / 0.5

    def run_stage(self, name: str, features: Tensor) -> Tensor:
        """The features of one block, ``[B, C, d, h, w]``."""
        volume: Tensor = self.stage(name)[0](features)
        return volume

    def leave(self, features: Tensor) -> Tensor:
        """The features of the last stage to logits ``[B, 3]``."""
        logits: Tensor = self.head(self.pool(features).flatten(1))
        return logits

    def stage(self, name: str) -> list[nn.Module]:
        """The modules of a stage, for freezing."""
        return [self.blocks[int(name.removeprefix("block")) - 1]]

    @property
    def saliency_layer(self) -> nn.Module:
        """The last block before its pooling."""
        last = self.blocks[-1]
        assert isinstance(last, nn.Sequential)
        return last[-2]

    @staticmethod
    def saliency_reshape(activation: Tensor) -> Tensor:
        """``[B, C, D, h, w]`` to its mean over depth."""
        return activation.mean(2)


def _block(before: int, channels: int, convolutions: int, stride: int, norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    kind = nn.Conv3d if before > 1 else _OfOneChannel
    for number in range(convolutions):
        step = (1, stride, stride) if number == 0 else (1, 1, 1)
        layers += [
            kind(before if number == 0 else channels, channels, 3, stride=step, padding=1, bias=not norm),
            nn.BatchNorm3d(channels) if norm else nn.Identity(),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, nn.MaxPool3d((1, 2, 2)))


class _OfOneChannel(nn.Conv3d):
    """A convolution of one channel, in float32 on a CPU.

    oneDNN's bfloat16 weight gradient of it is NaN from 128 pixels on, on CPUs with AMX (torch 2.15).
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            result: Tensor = super().forward(input.float())
        return result.to(torch.get_autocast_dtype("cpu"))
