"""Augmentation of a whole batch on its device, image and mask together.

What happens to each slice is a function of 34 uniform numbers, drawn for a whole epoch at once on the CPU
(:func:`sample_parameters`): a run that resumes within an epoch, or shares its batches with other processes, draws the
same. The batch itself sees one bilinear sampling and a few element-wise operations, with no random generator and
nothing that waits for the device. kornia's ``AugmentationSequential``, which this replaced, asks the host for random
numbers in each of its parts and took four times as long on two cores, 15 ms of a step of 400.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tumortrace.config import AugmentSettings

NUMBERS: Final = 34
"""Uniform numbers a slice needs."""
_FIRST: Final = 14
"""Drawn before the others, so that a recipe of before they were there draws what it drew then."""
_ANGLE, _SCALE, _RIGHT, _DOWN, _REFLECT, _BRIGHTNESS, _CONTRAST, _GAMMA, _NOISE, _PLACE = range(10)
_ON: Final = {_BRIGHTNESS: 10, _CONTRAST: 11, _GAMMA: 12, _NOISE: 13}
"""Each intensity change happens to half of the slices: the number that decides."""
_CROP, _CROP_RIGHT, _CROP_DOWN, _CROP_ON = range(14, 18)
_BIAS, _BIAS_ON = slice(18, 23), 23
_BLUR, _BLUR_ON, _JPEG, _JPEG_ON = range(24, 28)
_MARK_ON, _MARK_KIND, _MARK_ACROSS, _MARK_ALONG, _MARK_SIZE, _MARK_GREY = range(28, 34)
_SELDOM: Final = 0.2
"""Share of slices that other scanners' changes happen to, each by itself."""
_BANK: Final = 1 << 21
_BLOCK: Final = 8
_LUMINANCE: Final = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
"""JPEG's quantisation table for brightness (ITU-T T.81, table K.1)."""


def sample_parameters(count: int, generator: torch.Generator) -> Tensor:
    """Uniform numbers for so many slices: ``[count, NUMBERS]`` in 0..1, on the CPU."""
    first = torch.rand(count, _FIRST, generator=generator)
    return torch.cat((first, torch.rand(count, NUMBERS - _FIRST, generator=generator)), dim=1)


class Augment(nn.Module):
    """Movement, brightness, contrast, gamma and noise, and what other people's scans bring; each sample its own."""

    bank: Tensor
    cosines: Tensor
    quantisation: Tensor

    def __init__(self, settings: AugmentSettings) -> None:
        super().__init__()
        self.settings = settings
        self.moves = any((settings.rotate, settings.shift, settings.scale, settings.hflip, settings.tight_crop))
        # Drawing a normal number a pixel costs a CPU more than all the rest: slices read from a bank, at random places.
        bank = torch.randn(_BANK, generator=torch.Generator().manual_seed(0)) if settings.noise else torch.empty(0)
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("cosines", _cosines(), persistent=False)
        table = torch.tensor(_LUMINANCE, dtype=torch.float32).view(_BLOCK, 1, _BLOCK)
        self.register_buffer("quantisation", table, persistent=False)

    @property
    def changes(self) -> bool:
        """Whether anything is switched on."""
        return any(self.settings.model_dump(exclude={"mixup"}).values())

    @torch.no_grad()
    def forward(self, images: Tensor, numbers: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Augment a batch.

        Args:
            images: ``[B, D, S, S]`` in 0..1; the D slices of a stack move together.
            numbers: ``[B, NUMBERS]`` from :func:`sample_parameters`, on the same device.
            masks: ``[B, 1, S, S]``, 0 or 1; moved with nearest-neighbour sampling, never changed in intensity.

        Returns:
            Both, images clamped to 0..1; what a movement brings in from outside is 0.
        """
        if self.moves:
            grid = self._grid(numbers, images.shape[-1])
            if masks is not None:
                if self.settings.tight_crop:
                    grid = self._keep_tumour(grid, numbers, masks)
                masks = F.grid_sample(masks, grid, mode="nearest", align_corners=False)
            images = F.grid_sample(images, grid, align_corners=False)
        return self._scanner(self._intensity(images, numbers), numbers), masks

    def _keep_tumour(self, grid: Tensor, numbers: Tensor, masks: Tensor) -> Tensor:
        """The same grid, without the cut-out where that would cut the whole tumour away: its label would be a lie."""
        before = masks.amax((1, 2, 3)) > 0
        lost = before & (F.grid_sample(masks, grid, mode="nearest", align_corners=False).amax((1, 2, 3)) == 0)
        whole = numbers.clone()
        whole[:, _CROP_ON] = 1
        return torch.where(lost[:, None, None, None], self._grid(whole, masks.shape[-1]), grid)

    def _grid(self, numbers: Tensor, side: int) -> Tensor:
        """Where each output pixel is read from: ``[B, S, S, 2]``."""
        settings = self.settings
        angle = (numbers[:, _ANGLE] * 2 - 1) * math.radians(settings.rotate)
        zoom = 1 / (1 + (numbers[:, _SCALE] * 2 - 1) * settings.scale)
        right, down = (-2 * settings.shift * (numbers[:, at] * 2 - 1) for at in (_RIGHT, _DOWN))
        if settings.tight_crop:
            on = numbers[:, _CROP_ON] < _SELDOM
            closer = torch.where(on, 1 + numbers[:, _CROP] * settings.tight_crop, 1.0)
            # Off the middle by up to half of what would reach the edge.
            right = right * closer + (closer - 1) * (numbers[:, _CROP_RIGHT] - 0.5)
            down = down * closer + (closer - 1) * (numbers[:, _CROP_DOWN] - 0.5)
            zoom = zoom / closer
        cos, sin = angle.cos() * zoom, angle.sin() * zoom
        mirror = torch.where(numbers[:, _REFLECT] < 0.5, -1.0, 1.0) if settings.hflip else torch.ones_like(cos)
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

    def _scanner(self, images: Tensor, numbers: Tensor) -> Tensor:
        """What other scanners, windows, programs and hands do to a slice."""
        settings = self.settings
        if settings.bias_field:
            images = _some(images, numbers[:, _BIAS_ON] < _SELDOM, numbers[:, _BIAS], self._bias)
        if settings.blur:
            images = _some(images, numbers[:, _BLUR_ON] < _SELDOM, numbers[:, _BLUR], self._blur)
        if settings.marks:
            places = numbers[:, _MARK_KIND : _MARK_GREY + 1]
            images = _some(images, numbers[:, _MARK_ON] < settings.marks, places, self._mark)
        if settings.jpeg:
            images = _some(images, numbers[:, _JPEG_ON] < _SELDOM, numbers[:, _JPEG], self._jpeg)
        return images

    def _bias(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Multiply by the exponential of a polynomial of second degree, at most ``bias_field`` high."""
        side = images.shape[-1]
        at = torch.linspace(-1, 1, side, device=images.device)
        x, y = at.view(1, 1, -1), at.view(1, -1, 1)
        share = (drawn * 2 - 1)[:, :, None, None]
        field = share[:, 0] * x + share[:, 1] * y + share[:, 2] * x * y
        field = field + share[:, 3] * (x * x - 1 / 3) + share[:, 4] * (y * y - 1 / 3)
        field = (
            field / field.abs().amax((1, 2), keepdim=True).clamp(min=1e-6) * share.abs().amax((1, 2, 3))[:, None, None]
        )
        return (images * torch.exp(field * self.settings.bias_field)[:, None]).clamp(0, 1)

    def _blur(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Blur each slice with a Gaussian of its own width."""
        most = self.settings.blur / 100 * images.shape[-1]
        reach = max(1, math.ceil(2.5 * most))
        steps = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
        sigma = (drawn * most).clamp(min=0.05)[:, None]
        taps = torch.exp(-(steps**2) / (2 * sigma**2))
        taps = taps / taps.sum(1, keepdim=True)
        count, depth, side, _ = images.shape
        taps = taps.repeat_interleave(depth, 0)
        flat = images.reshape(1, count * depth, side, side)
        flat = F.conv2d(F.pad(flat, (reach, reach, 0, 0), "replicate"), taps[:, None, None, :], groups=count * depth)
        flat = F.conv2d(F.pad(flat, (0, 0, reach, reach), "replicate"), taps[:, None, :, None], groups=count * depth)
        return flat.view_as(images)

    def _mark(self, images: Tensor, drawn: Tensor) -> Tensor:
        """A frame along the edge (half of the slices), or a small block of strokes somewhere near it."""
        side = images.shape[-1]
        kind, across, along, size, grey = (one[:, None, None] for one in drawn.unbind(1))
        at = torch.linspace(0, 1, side, device=images.device)
        x, y = at.view(1, 1, -1), at.view(1, -1, 1)
        edge = torch.minimum(torch.minimum(x, 1 - x), torch.minimum(y, 1 - y))
        frame = edge < 0.01 + 0.05 * size
        # A block of text: a tenth to a third of the side wide, low, at the upper or lower edge.
        wide, high = 0.1 + 0.25 * size, 0.03 + 0.05 * size
        top = torch.where(along < 0.5, along * 0.1, 1 - high - (1 - along) * 0.1)
        left = across * (1 - wide)
        inside = (x >= left) & (x < left + wide) & (y >= top) & (y < top + high)
        strokes = torch.sin(x * 170 + across * 40) + torch.sin(y * 190 + x * 31) > 0.2
        on = torch.where(kind < 0.5, frame, inside & strokes)[:, None]
        value = (0.4 + 0.6 * grey)[:, None]
        return torch.where(on, value, images)

    def _jpeg(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Round the cosine coefficients of blocks of 8 x 8 pixels as JPEG does."""
        side = images.shape[-1]
        spare = -side % _BLOCK
        padded = F.pad(images, (0, spare, 0, spare), "replicate") if spare else images
        count, depth, rows, _ = padded.shape
        blocks = padded.reshape(count, depth, rows // _BLOCK, _BLOCK, rows // _BLOCK, _BLOCK) * 255 - 128
        found = torch.einsum("ui,bdricj,vj->bdrucv", self.cosines, blocks, self.cosines)
        scale = (drawn * self.settings.jpeg * 5).clamp(min=0.02).view(-1, 1, 1, 1, 1, 1)
        step = self.quantisation.view(1, 1, 1, _BLOCK, 1, _BLOCK) * scale
        found = (found / step).round() * step
        back = torch.einsum("ui,bdrucv,vj->bdricj", self.cosines, found, self.cosines)
        return ((back + 128) / 255).clamp(0, 1).reshape_as(padded)[..., :side, :side]

    def _amount(self, numbers: Tensor, change: int) -> Tensor:
        """``[B, 1, 1, 1]`` between -1 and 1, and 0 for the half of the slices it does not happen to."""
        on = numbers[:, _ON[change]] < 0.5
        return torch.where(on, numbers[:, change] * 2 - 1, 0.0)[:, None, None, None]


def _some(images: Tensor, on: Tensor, drawn: Tensor, change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Change some slices of a batch.

    On a CPU the others cost nothing; a device changes all and chooses, for asking it which would wait for it.
    """
    if images.device.type != "cpu":
        return torch.where(on[:, None, None, None], change(images, drawn), images)
    rows = on.nonzero()[:, 0]
    return images.index_copy(0, rows, change(images[rows], drawn[rows])) if len(rows) else images


def _cosines() -> Tensor:
    """The orthonormal cosine transform of :data:`_BLOCK` values, a row a frequency."""
    place = torch.arange(_BLOCK, dtype=torch.float32)
    rows = torch.cos(math.pi / _BLOCK * (place + 0.5) * place[:, None]) * math.sqrt(2 / _BLOCK)
    rows[0] /= math.sqrt(2)
    return rows
