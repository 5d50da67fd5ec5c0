"""Augmentation of a whole batch on its device, image and mask together.

What happens to each slice is a function of 14 uniform numbers, drawn for a whole epoch at once on the CPU
(:func:`draw`): a run that resumes within an epoch, or shares its batches with other processes, draws the same. The
batch itself sees one bilinear sampling and a few element-wise operations, with no random generator and nothing that
waits for the device. kornia's ``AugmentationSequential``, which this replaced, asks the host for random numbers in each
of its parts and took four times as long on two cores, 15 ms of a step of 400.
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tumortrace.config import AugmentSettings

NUMBERS: Final = 14
"""Uniform numbers a slice needs."""
_ANGLE, _SCALE, _RIGHT, _DOWN, _REFLECT, _BRIGHTNESS, _CONTRAST, _GAMMA, _NOISE, _PLACE = range(10)
_ON: Final = {_BRIGHTNESS: 10, _CONTRAST: 11, _GAMMA: 12, _NOISE: 13}
"""Each intensity change happens to half of the slices: the number that decides."""
_BANK: Final = 1 << 21


def draw(count: int, generator: torch.Generator) -> Tensor:
    """Uniform numbers for so many slices: ``[count, NUMBERS]`` in 0..1, on the CPU."""
    return torch.rand(count, NUMBERS, generator=generator)


class Augment(nn.Module):
    """Rotation, shift, scale, reflection, brightness, contrast, gamma and noise, each sample its own."""

    bank: Tensor

    def __init__(self, settings: AugmentSettings) -> None:
        super().__init__()
        self.settings = settings
        self.moves = any((settings.rotate, settings.shift, settings.scale, settings.reflect))
        # Drawing a normal number a pixel costs a CPU more than all the rest: slices read from a bank, at random places.
        bank = torch.randn(_BANK, generator=torch.Generator().manual_seed(0)) if settings.noise else torch.empty(0)
        self.register_buffer("bank", bank, persistent=False)

    @property
    def changes(self) -> bool:
        """Whether anything is switched on."""
        settings = self.settings
        return self.moves or any((settings.brightness, settings.contrast, settings.gamma, settings.noise))

    @torch.no_grad()
    def forward(self, images: Tensor, numbers: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Augment a batch.

        Args:
            images: ``[B, D, S, S]`` in 0..1; the D slices of a stack move together.
            numbers: ``[B, NUMBERS]`` from :func:`draw`, on the same device.
            masks: ``[B, 1, S, S]``, 0 or 1; moved with nearest-neighbour sampling, never changed in intensity.

        Returns:
            Both, images clamped to 0..1; what a movement brings in from outside is 0.
        """
        if self.moves:
            grid = self._grid(numbers, images.shape[-1])
            images = F.grid_sample(images, grid, align_corners=False)
            if masks is not None:
                masks = F.grid_sample(masks, grid, mode="nearest", align_corners=False)
        return self._intensity(images, numbers), masks

    def _grid(self, numbers: Tensor, side: int) -> Tensor:
        """Where each output pixel is read from: ``[B, S, S, 2]``."""
        settings = self.settings
        angle = (numbers[:, _ANGLE] * 2 - 1) * math.radians(settings.rotate)
        zoom = 1 / (1 + (numbers[:, _SCALE] * 2 - 1) * settings.scale)
        cos, sin = angle.cos() * zoom, angle.sin() * zoom
        right, down = (-2 * settings.shift * (numbers[:, at] * 2 - 1) for at in (_RIGHT, _DOWN))
        mirror = torch.where(numbers[:, _REFLECT] < 0.5, -1.0, 1.0) if settings.reflect else torch.ones_like(cos)
        at = (torch.arange(side, device=numbers.device) * 2 + 1) / side - 1  # centres of pixels in -1..1
        across, along = at.view(1, 1, -1), at.view(1, -1, 1)

        def axis(right_share: Tensor, down_share: Tensor, sign: Tensor | float) -> Tensor:
            share = [value[:, None, None] for value in (right_share * sign, down_share * sign)]
            start = (sign * (right_share * right + down_share * down))[:, None, None]
            # Summed as a row and a column, so that the whole grid is written once; affine_grid multiplies matrices.
            return (share[0] * across + start) + share[1] * along

        return torch.stack((axis(cos, sin, mirror), axis(-sin, cos, 1.0)), dim=-1)

    def _intensity(self, images: Tensor, numbers: Tensor) -> Tensor:
        settings = self.settings
        if settings.contrast or settings.brightness:
            factor = 1 + self._amount(numbers, _CONTRAST) * settings.contrast
            images = images * factor + self._amount(numbers, _BRIGHTNESS) * settings.brightness
        images = images.clamp(0, 1)
        if settings.gamma:
            images = images.pow(torch.exp(self._amount(numbers, _GAMMA) * settings.gamma))
        if settings.noise:
            on = numbers[:, _ON[_NOISE]] < 0.5
            sigma = (numbers[:, _NOISE] * on * settings.noise)[:, None]
            size = images[0].numel()
            # Rows of a view in which every place of the bank begins one.
            places = (numbers[:, _PLACE] * (_BANK - size)).long()
            noise = self.bank.unfold(0, size, 1)[places]
            images = torch.addcmul(images.flatten(1), noise, sigma).clamp_(0, 1).view_as(images)
        return images

    def _amount(self, numbers: Tensor, change: int) -> Tensor:
        """``[B, 1, 1, 1]`` between -1 and 1, and 0 for the half of the slices it does not happen to."""
        on = numbers[:, _ON[change]] < 0.5
        return torch.where(on, numbers[:, change] * 2 - 1, 0.0)[:, None, None, None]
