"""Augmentation of a whole batch on its device, image and mask together (kornia).

Random numbers come from torch's global generator, so a checkpoint that keeps its state resumes exactly.
"""

from __future__ import annotations

from typing import Any

import kornia.augmentation as K
from torch import Tensor, nn

from tumortrace.config import AugmentSettings


class Augment(nn.Module):
    """Rotation, shift, scale, reflection, brightness, contrast, gamma and noise, each sample its own."""

    def __init__(self, settings: AugmentSettings) -> None:
        super().__init__()
        parts = [*_geometric(settings), *_intensity(settings)]
        self.parts: Any = K.AugmentationSequential(*parts, data_keys=None) if parts else None

    def forward(self, images: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Augment a batch.

        Args:
            images: ``[B, D, S, S]`` in 0..1; the D slices of a stack move together.
            masks: ``[B, 1, S, S]``, 0 or 1; moved with nearest-neighbour sampling, never changed in intensity.

        Returns:
            Both, images clamped to 0..1.
        """
        if self.parts is None:
            return images, masks
        batch = {"image": images} if masks is None else {"image": images, "mask": masks}
        out = self.parts(batch)
        return out["image"].clamp(0, 1), out.get("mask")


def _geometric(settings: AugmentSettings) -> list[Any]:
    parts: list[Any] = []
    if settings.rotate or settings.shift or settings.scale:
        parts.append(
            K.RandomAffine(
                degrees=settings.rotate,
                translate=(settings.shift, settings.shift) if settings.shift else None,
                scale=(1 - settings.scale, 1 + settings.scale) if settings.scale else None,
                p=1.0,
            )
        )
    if settings.reflect:
        parts.append(K.RandomHorizontalFlip(p=0.5))
    return parts


def _intensity(settings: AugmentSettings) -> list[Any]:
    parts: list[Any] = []
    if settings.brightness:
        parts.append(K.RandomBrightness((1 - settings.brightness, 1 + settings.brightness), p=0.5))
    if settings.contrast:
        parts.append(K.RandomContrast((1 - settings.contrast, 1 + settings.contrast), p=0.5))
    if settings.gamma:
        parts.append(K.RandomGamma((2.718**-settings.gamma, 2.718**settings.gamma), p=0.5))
    if settings.noise:
        parts.append(K.RandomGaussianNoise(0.0, settings.noise, p=0.5))
    return parts
