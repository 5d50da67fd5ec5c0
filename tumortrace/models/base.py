"""What every network here has in common: one input, named stages, freezing, and a layer for saliency."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from tumortrace.config import ModelSettings, find_spec

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class SliceNet(nn.Module):
    """Maps ``[B, D, S, S]`` in 0..1 (D neighbouring slices; 1 for the 2D networks) to logits ``[B, 3]``.

    In training mode a network may return ``(logits, auxiliary logits)``. Channel repetition and normalisation live in
    here, so that nothing outside needs to know them. What is known of a network before it is built stands in its row of
    :data:`tumortrace.config.models.MODEL_SPECS`.
    """

    aux_weight: ClassVar[float] = 0.0
    training_only: ClassVar[str | None] = None
    """Prefix of weights that only training uses; a shipped model is without them."""
    memory_format: ClassVar[torch.memory_format] = torch.channels_last
    """The layout its convolutions are fastest in."""
    hflip_tta: bool = False
    """Whether :meth:`forward_tta` is the mean over a slice and its mirror image (test-time augmentation);
    :func:`.registry.build` sets it."""
    saliency_grid: tuple[float, float]
    """Where the saliency layer's cells lie: the pixel under the centre of cell 0, and pixels from cell to cell."""
    pyramid: ClassVar[dict[str, int]] = {}
    """Stages whose cells are 4, 8, 16 and 32 pixels wide, with their channels; empty where it cannot be an encoder."""
    embedding: ClassVar[int] = 0
    """Width of what :meth:`embed` gives."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.spec = settings.spec
        self.stages = settings.stages
        self._frozen: list[nn.Module] = []

    def enter(self, images: Tensor) -> Tensor:
        """``[B, D, S, S]`` in 0..1 to what the first stage takes."""
        raise NotImplementedError

    def run_stage(self, name: str, features: Tensor) -> Tensor:
        """The features of one of the :attr:`stages`, with the pooling that follows it."""
        raise NotImplementedError

    def leave(self, features: Tensor) -> Tensor:
        """What the last stage gave to logits ``[B, 3]``."""
        raise NotImplementedError

    def embed(self, features: Tensor) -> Tensor:
        """What the last stage gave to one vector a slice, ``[B, embedding]``; an encoder has it."""
        raise NotImplementedError

    def drop_classifier(self) -> None:
        """Take the last layer away, where another network stands on this one; an encoder can."""
        raise NotImplementedError

    def forward(self, images: Tensor, after: str | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """``[B, D, S, S]`` to logits ``[B, 3]``; in training some give (logits, auxiliary logits).

        Args:
            images: In 0..1; or, with ``after``, what :meth:`features` made of them.
            after: The stage to go on from, whose features were kept.
        """
        features = self.enter(images) if after is None else images
        for name in self.stages_after(after):
            features = self.run_stage(name, features)
        return self.leave(features)

    def forward_tta(self, images: Tensor) -> Tensor:
        """Logits ``[B, 3]`` of ``[B, D, S, S]``, in evaluation mode, as the model is used after training."""
        logits: Tensor = self(images)
        return (logits + self(images.flip(-1))) / 2 if self.hflip_tta else logits

    def features(self, images: Tensor, until: str) -> Tensor:
        """What the stages up to and including ``until`` make of ``[B, D, S, S]``."""
        features = self.enter(images)
        for name in self.stages[: self.stages.index(until) + 1]:
            features = self.run_stage(name, features)
        return features

    def stages_after(self, name: str | None) -> tuple[str, ...]:
        """The stages that follow; all of them after None."""
        return self.stages if name is None else self.stages[self.stages.index(name) + 1 :]

    def stage(self, name: str) -> list[nn.Module]:
        """The modules of a stage, for freezing."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The model's name in its settings; of an encoder, the name of the model that stands on it."""
        return self.settings.name

    @property
    def saliency_layer(self) -> nn.Module:
        """The layer saliency is read from: late, yet with cells small enough to point at a tumour."""
        raise NotImplementedError

    @staticmethod
    def saliency_reshape(activation: Tensor) -> Tensor:
        """Bring activations of the saliency layer to ``[B, C, h, w]``."""
        return activation

    def freeze(self, until: str | None) -> None:
        """Freeze every stage up to and including ``until``; None freezes nothing."""
        if until is None:
            return
        for name in self.stages[: self.stages.index(until) + 1]:
            for module in self.stage(name):
                module.requires_grad_(False)
                self._frozen.append(module)
        self.train(self.training)

    def unfreeze(self) -> None:
        """Let every stage be trained."""
        for module in self._frozen:
            module.requires_grad_(True)
        self._frozen = []
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Switch the mode, return the network; frozen stages stay in evaluation mode: their BatchNorm must not move."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def trainable(self) -> Iterator[nn.Parameter]:
        """The parameters that training may move."""
        return (parameter for parameter in self.parameters() if parameter.requires_grad)


def model_class(name: str) -> type[SliceNet]:
    """The class of the network of that name; its module is imported now. It is called with its settings.

    Raises:
        UnknownModel: No such name.
    """
    found: type[SliceNet] = pkgutil.resolve_name(find_spec(name).network)
    return found


class ColourInput(nn.Module):
    """Grey ``[B, 1, S, S]`` in 0..1 to what an ImageNet network was trained on: ``[B, 3, S, S]``, normalised."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD) -> None:
        super().__init__()
        # Held by no weights file, so they are real where the network is a blank one on `meta`.
        self.register_buffer("mean", torch.tensor(mean, device="cpu").view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, device="cpu").view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Repeat the grey plane and normalise each copy."""
        return (images - self.mean) / self.std
