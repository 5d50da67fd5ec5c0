"""One model: pixels in, probabilities (not yet calibrated) and saliency out."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import load as from_safetensors
from torch import Tensor

from tumortrace.config import RunConfig
from tumortrace.errors import RunNotFound, WeightsMismatch
from tumortrace.explain.gradcam import saliency
from tumortrace.imaging.preprocess import preprocess
from tumortrace.inference.bundle import Bundle
from tumortrace.models.base import SliceNet
from tumortrace.models.registry import blank
from tumortrace.runs.run import Run

Pixels = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Explanation:
    """Why a model answered as it did."""

    image: npt.NDArray[np.uint8]  # [S, S], as the network saw it
    heat: npt.NDArray[np.float32]  # [S, S] in 0..1
    target: int  # the class the saliency speaks for
    probabilities: npt.NDArray[np.float64]  # [3]


@dataclass(frozen=True)
class ForwardOutput:
    """What a model says of B slices; all but the probabilities from TraceNet alone."""

    probabilities: npt.NDArray[np.float64]  # [B, 3]
    outlines: npt.NDArray[np.float32] | None = None  # [B, S, S] probability of tumour
    outline_peaks: npt.NDArray[np.float64] | None = None  # [B], the highest probability of each outline
    features: npt.NDArray[np.float32] | None = None  # [B, F], what its classifier saw


class Classifier:
    """One model on the CPU, safe to share between threads."""

    def __init__(self, name: str, config: RunConfig, weights: dict[str, Tensor]) -> None:
        self.name = name
        self.config = config
        self._model = _load(config, weights)
        self._explainer: SliceNet | None = None
        self._lock = threading.Lock()

    @property
    def network(self) -> SliceNet:
        """The network itself, in evaluation mode; shared, so neither trained nor hooked."""
        return self._model

    @property
    def traces(self) -> bool:
        """Whether it draws outlines."""
        return self._model.spec.draws_outlines

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Classifier:
        """Load a shipped model; its checksum is checked."""
        return cls(bundle.name, bundle.config, from_safetensors(bundle.weights()))

    @classmethod
    def from_run(cls, run: Run) -> Classifier:
        """Load a finished run's final weights.

        Raises:
            RunNotFound: The run has none yet.
        """
        path = run.folder / "model.safetensors"
        if not path.is_file():
            raise RunNotFound("the run has no weights yet", value=run.id, remedy="Wait until it has finished.")
        return cls(run.id, run.config, from_safetensors(path.read_bytes()))

    def prepare(self, pixels: Pixels) -> npt.NDArray[np.uint8]:
        """``[H, W]`` of any dtype to what the network sees, ``[S, S]``."""
        return preprocess(pixels, self.config.preprocess)[0]

    @torch.inference_mode()
    def predict(self, slices: Sequence[Pixels], batch_size: int = 16) -> npt.NDArray[np.float64]:
        """Probabilities ``[N, 3]`` in class order.

        Args:
            slices: Each ``[H, W]``. A model that looks at neighbouring slices sees each as its own neighbour.
            batch_size: Slices a forward pass.

        Raises:
            InputError: A slice cannot be prepared (flat, not finite, not two-dimensional).
        """
        parts = [np.empty((0, 3))]
        for start in range(0, len(slices), batch_size):
            images = np.stack([self.prepare(pixels) for pixels in slices[start : start + batch_size]])
            logits = self._model.forward_tta(self._stack(images))
            parts.append(logits.double().softmax(dim=1).numpy())
        return np.concatenate(parts)

    @torch.inference_mode()
    def forward(self, images: npt.NDArray[np.uint8]) -> ForwardOutput:
        """Everything a model says of slices that are prepared already.

        Args:
            images: ``[B, S, S]``, by :meth:`prepare`.
        """
        stack = self._stack(images)
        if not self._model.spec.draws_outlines:
            return ForwardOutput(self._model.forward_tta(stack).double().softmax(dim=1).numpy())
        logits, drawn, features = self._model.forward_all(stack)  # type: ignore[operator]
        if self._model.hflip_tta:
            logits = (logits + self._model(stack.flip(-1))) / 2
        outline = F.interpolate(drawn[:, None], images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
        peaks = drawn.amax((1, 2)).double().numpy()
        return ForwardOutput(logits.double().softmax(dim=1).numpy(), outline.numpy(), peaks, features.float().numpy())

    def explain(self, pixels: Pixels, target: int | None = None, method: str = "gradcam") -> Explanation:
        """Probabilities of one slice, and the saliency of one class on it.

        Args:
            pixels: ``[H, W]``.
            target: The class to explain; None takes the predicted one.
            method: One of :data:`tumortrace.explain.methods.METHODS`.
        """
        image = self.prepare(pixels)
        stack = self._stack(image[None])
        with torch.inference_mode():
            probabilities = self._model.forward_tta(stack).double().softmax(dim=1)[0].numpy()
        chosen = int(probabilities.argmax()) if target is None else target
        # Saliency hangs hooks on its model: a copy of its own, one caller at a time.
        with self._lock:
            if self._explainer is None:
                self._explainer = copy.deepcopy(self._model)
            heat = saliency(self._explainer, stack.clone(), [chosen], method)[0]
        return Explanation(image, heat, chosen, probabilities)

    def _stack(self, images: npt.NDArray[np.uint8]) -> Tensor:
        planes = torch.from_numpy(images).float().div_(255).unsqueeze(1)
        return planes.repeat(1, self.config.model.depth, 1, 1)


def _load(config: RunConfig, weights: dict[str, Tensor]) -> SliceNet:
    model = blank(config.model)
    try:
        # float16 on disk, float32 at work.
        lost = model.load_state_dict(
            {name: _widen(value) for name, value in weights.items()}, strict=False, assign=True
        )
        missing = [name for name in lost.missing_keys if not name.startswith(model.training_only or "\0")]
        reason = f"missing {missing[:3]}, unknown {lost.unexpected_keys[:3]}" if missing or lost.unexpected_keys else ""
    except RuntimeError as error:
        reason = " ".join(line.strip() for line in str(error).splitlines()[1:3])
    if reason:
        raise WeightsMismatch(
            f"the weights do not fit {config.model.name}",
            value=reason,
            remedy="Use weights and settings from the same model.",
        )
    if model.training_only and missing != lost.missing_keys:
        # Never asked for an answer; real all the same, or the network could not be moved.
        model.get_submodule(model.training_only.rstrip(".")).to_empty(device="cpu")
    return model.eval().requires_grad_(False)


def _widen(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
