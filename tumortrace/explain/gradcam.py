"""Saliency: which places of a slice spoke for an answer (grad-cam).

grad-cam's constructors call ``model.eval()`` and hang hooks on the model, so callers give a copy of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tumortrace.errors import ConfigError
from tumortrace.explain.methods import METHODS, SLOW_METHODS
from tumortrace.models.base import SliceNet

Maps = npt.NDArray[np.float32]


def saliency(model: SliceNet, images: Tensor, targets: list[int], method: str = "gradcam") -> Maps:
    """Saliency of each slice for its target class.

    Args:
        model: A private copy in float32; its gradients are used and its mode changed.
        images: ``[B, D, S, S]`` in 0..1.
        targets: The class each map speaks for, one a slice.
        method: One of :data:`METHODS` or :data:`SLOW_METHODS`.

    Returns:
        ``[B, S, S]`` in 0..1, each map scaled to its own maximum; all 0 where nothing spoke for the class.

    Raises:
        ConfigError: No such method.
    """
    return saliency_by(model, images, targets, [method])[method]


def saliency_by(model: SliceNet, images: Tensor, targets: list[int], methods: Sequence[str]) -> dict[str, Maps]:
    """:func:`saliency` by several methods; those of :data:`METHODS` share one forward and one backward pass."""
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    known = METHODS + SLOW_METHODS
    for method in methods:
        if method not in known:
            raise ConfigError("no such saliency method", value=method, remedy=f"Choose one of {', '.join(known)}.")
    _ask_for_no_more_gradients_than_needed(model)
    wanted = [ClassifierOutputTarget(target) for target in targets]
    found = {}
    with torch.enable_grad(), _cam("gradcam", model) as reader:
        reader(images, wanted)
        for method in methods:
            if method in SLOW_METHODS:
                continue
            with _cam(method, model) as cam:
                cam.activations_and_grads.release()
                own, cam.activations_and_grads = cam.activations_and_grads, reader.activations_and_grads
                found[method] = cam.aggregate_multi_layers(cam.compute_cam_per_layer(images, wanted, False))
                cam.activations_and_grads = own
    model.zero_grad(set_to_none=True)
    for method in set(methods) & set(SLOW_METHODS):
        with torch.no_grad(), _cam(method, model) as cam:
            found[method] = cam(images, wanted)
    return {method: _finished(model, found[method], images.shape[-1]) for method in methods}


def _ask_for_no_more_gradients_than_needed(model: SliceNet) -> None:
    """Those of the layer's own last weights: then its output has one, and nothing before it is gone back through."""
    weights = list(model.saliency_layer.parameters())
    model.requires_grad_(not weights)
    for weight in weights[-1:]:
        weight.requires_grad_(True)


def _finished(model: SliceNet, maps: npt.NDArray[np.floating], side: int) -> Maps:
    cells = torch.from_numpy(np.nan_to_num(np.asarray(maps, dtype=np.float32)))
    heat = _enlarge(cells, side, *model.saliency_grid)
    # An enlarged maximum lies between pixels.
    top = heat.amax((1, 2), keepdim=True)
    found: Maps = torch.where(top > 0, heat / top.clamp(min=1e-7), heat).clamp(0, 1).numpy()
    return found


def _enlarge(cells: Tensor, side: int, start: float, step: float) -> Tensor:
    """``[B, h, w]`` cells to ``[B, side, side]`` pixels, each cell at the centre of its receptive field.

    Stretching the cells over the slice (grad-cam's own way) draws ResNet18's maps half a cell, 8 pixels, too low and
    too far right: its padded, strided layers centre cell k on pixel 16 k, not 16 k + 7.5.
    """
    rows, columns = cells.shape[-2:]
    at = (torch.arange(side, dtype=torch.float32) - start) / step
    y, x = (at.clamp(0, count - 1) * 2 / max(1, count - 1) - 1 for count in (rows, columns))
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).expand(len(cells), -1, -1, -1)
    return torch.nn.functional.grid_sample(cells[:, None], grid, padding_mode="border", align_corners=True)[:, 0]


def _cam(method: str, model: SliceNet) -> Any:
    import pytorch_grad_cam as cams
    from pytorch_grad_cam import score_cam

    # It draws a progress bar a slice.
    score_cam.tqdm = SimpleNamespace(tqdm=iter)
    kind = {
        "gradcam": cams.GradCAM,
        "gradcam++": cams.GradCAMPlusPlus,
        "hirescam": cams.HiResCAM,
        "layercam": cams.LayerCAM,
        "eigencam": cams.EigenCAM,
        "scorecam": cams.ScoreCAM,
    }[method]
    cam = kind(model, [model.saliency_layer], reshape_transform=model.saliency_reshape)
    cam.get_target_width_height = lambda images: None  # cells as they are; enlarged by _enlarge
    cam.batch_size = 64  # of Score-CAM
    return cam
