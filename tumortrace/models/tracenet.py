"""TraceNet: outlines the tumour, and classifies by what it finds inside the outline. This project's own.

An encoder (EfficientNet-Lite0 from ImageNet by default), a top-down decoder (as in feature pyramid networks; Lin et
al., 2017, arXiv 1612.03144) that draws the outline at a quarter of the slice's side, and a head that sees four
things: the whole slice, what lies inside the drawn outline, what lies in the ring around it, and where and how large
it is. In training the radiologists' outlines teach the decoder; at inference no outline is needed, and the drawn one
is the explanation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tumortrace.config import ModelSettings
from tumortrace.constants import CLASSES
from tumortrace.models.base import SliceNet, model_class

_WIDTH = 64
_RING = 3
"""Cells of a quarter of the side's pixels: the ring reaches so far around the outline."""


class TraceNet(SliceNet):
    """The stages of its encoder, none of whose features can be kept frozen: the decoder reads them all.

    3.5 million weights on EfficientNet-Lite0, 11.4 on ResNet18.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        encoder = model_class(settings.backbone)(settings)
        encoder.drop_classifier()
        # Its layers are this network's own; the object beside them knows how they are run.
        self.input, self.backbone = encoder.input, encoder.backbone
        object.__setattr__(self, "_encoder", encoder)
        self.saliency_grid = encoder.saliency_grid
        self.encoded = encoder.pyramid
        self.context = list(self.encoded)[-2]
        """The stage with cells of 16 pixels: what lies around the tumour is pooled from it."""
        self.lateral = nn.ModuleDict({name: nn.Conv2d(count, _WIDTH, 1) for name, count in self.encoded.items()})
        self.smooth = nn.ModuleDict({name: _convolution(_WIDTH) for name in list(self.encoded)[:-1]})
        self.trace = nn.Conv2d(_WIDTH, 1, 1)
        # A tumour covers about a fiftieth of a slice: begin by expecting that.
        nn.init.constant_(self.trace.bias, -4.0)  # type: ignore[arg-type]
        inside = _WIDTH + self.encoded[self.context]
        self.head = nn.Sequential(
            nn.Dropout(settings.dropout), nn.Linear(encoder.embedding + 2 * inside + 4, len(CLASSES))
        )

    @property
    def encoder(self) -> SliceNet:
        """What runs the stages; its layers are the network's own."""
        found: SliceNet = self.__dict__["_encoder"]
        return found

    def enter(self, images: Tensor) -> Tensor:
        """Grey ``[B, 1, S, S]`` to what the encoder's first stage takes."""
        return self.encoder.enter(images)

    def run_stage(self, name: str, features: Tensor) -> Tensor:
        """The features of one of the encoder's stages, ``[B, C, h, w]``."""
        return self.encoder.run_stage(name, features)

    def stage(self, name: str) -> list[nn.Module]:
        """The modules of one of the encoder's stages."""
        return self.encoder.stage(name)

    @property
    def saliency_layer(self) -> nn.Module:
        """The saliency layer of the encoder."""
        return self.encoder.saliency_layer

    def forward(self, images: Tensor, after: str | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """``[B, 1, S, S]`` to logits ``[B, 3]``; in training with the outline's logits ``[B, 1, S/4, S/4]``.

        Args:
            images: In 0..1.
            after: Always None: see the class.
        """
        assert after is None
        features, drawn, encoded = self._draw(images)
        logits: Tensor = self.head(self._gather(features, drawn, encoded))
        return (logits, drawn) if self.training else logits

    def outline(self, images: Tensor) -> Tensor:
        """``[B, 1, S, S]`` to the probability that each pixel is tumour, ``[B, 1, S, S]``."""
        drawn = self._draw(images)[1]
        return F.interpolate(drawn.float(), images.shape[-2:], mode="bilinear", align_corners=False).sigmoid()

    def forward_all(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Everything in one pass, in evaluation mode.

        Args:
            images: ``[B, 1, S, S]`` in 0..1.

        Returns:
            Logits ``[B, 3]``; the probability of tumour ``[B, S/4, S/4]``; what the classifier saw, ``[B, F]``.
        """
        features, drawn, encoded = self._draw(images)
        seen = self._gather(features, drawn, encoded)
        return self.head(seen), drawn[:, 0].float().sigmoid(), seen

    def _draw(self, images: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        features, encoded = self.enter(images), {}
        for name in self.stages:
            features = encoded[name] = self.run_stage(name, features)
        down = list(reversed(self.encoded))
        features = self.lateral[down[0]](encoded[down[0]])
        for name in down[1:]:
            larger = F.interpolate(features, encoded[name].shape[-2:], mode="nearest")
            features = self.smooth[name](self.lateral[name](encoded[name]) + larger)
        return features, self.trace(features), encoded

    def _gather(self, features: Tensor, drawn: Tensor, encoded: dict[str, Tensor]) -> Tensor:
        deep, context = self.encoder.embed(encoded[self.stages[-1]]), encoded[self.context]
        # Sums over a thousand cells want single precision.
        with torch.autocast(drawn.device.type, enabled=False):
            share = drawn.float().sigmoid()
            around = F.max_pool2d(share, 2 * _RING + 1, stride=1, padding=_RING) - share
            weights = torch.cat((share, around), dim=1)
            near = _weighed(features.float(), weights)
            wide = _weighed(context.float(), _shrink(weights, context.shape[-2:]))
            total = weights.sum((2, 3)).unsqueeze(2) + 1
            pooled = torch.cat((near, wide), dim=2) / total
            return torch.cat((deep.float(), pooled.flatten(1), _place(share)), dim=1)


def _weighed(features: Tensor, weights: Tensor) -> Tensor:
    """Sums of ``[B, C, h, w]`` weighed by ``[B, K, h, w]``: ``[B, K, C]``."""
    # Channels last, as features lie in memory: no copy on the way there, none on the way back.
    return torch.bmm(weights.flatten(2), features.permute(0, 2, 3, 1).flatten(1, 2))


def _shrink(weights: Tensor, size: torch.Size) -> Tensor:
    """``[B, K, H, W]`` summed over the cells of a coarser grid, ``[B, K, h, w]``.

    Weighing coarse features by these sums is weighing them, repeated to the finer grid (nearest), by the weights.
    """
    rows, columns = (_members(coarse, fine, weights) for coarse, fine in zip(size, weights.shape[-2:], strict=True))
    return rows @ weights @ columns.T


def _members(coarse: int, fine: int, like: Tensor) -> Tensor:
    """``[coarse, fine]``: 1 where a fine cell lies in a coarse one."""
    cell = torch.arange(fine, device=like.device) * coarse // fine
    return (cell == torch.arange(coarse, device=like.device)[:, None]).to(like.dtype)


def _place(share: Tensor) -> Tensor:
    """Where the outline's middle lies (-1..1, from the slice's centre), how far it spreads, and how large it is."""
    side = share.shape[-1]
    at = torch.linspace(-1, 1, side, device=share.device)
    total = share.sum((1, 2, 3)) + 1e-3
    right = (share.sum((1, 2)) * at).sum(1) / total
    down = (share.sum((1, 3)) * at).sum(1) / total
    wide = (share.sum((1, 2)) * (at - right[:, None]) ** 2).sum(1) / total
    high = (share.sum((1, 3)) * (at - down[:, None]) ** 2).sum(1) / total
    area = (total / side**2).log() / 4
    # Left and right are the same disease.
    return torch.stack((right.abs(), down, (wide + high).sqrt(), area), dim=1)


def _convolution(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )
