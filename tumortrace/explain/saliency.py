"""Saliency: which places of a slice spoke for an answer (grad-cam).

grad-cam's constructors call ``model.eval()`` and hang hooks on the model, so callers give a copy of their own.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tumortrace.errors import ConfigError
from tumortrace.models.base import SliceNet

METHODS: Final = ("gradcam", "gradcam++", "hirescam", "layercam", "eigencam")
TITLES: Final = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiRes-CAM",
    "layercam": "LayerCAM",
    "eigencam": "Eigen-CAM",
}


def saliency(model: SliceNet, images: Tensor, targets: list[int], method: str = "gradcam") -> npt.NDArray[np.float32]:
    """Saliency of each slice for its target class.

    Args:
        model: A private copy in float32; its gradients are used and its mode changed.
        images: ``[B, D, S, S]`` in 0..1.
        targets: The class each map speaks for, one a slice.
        method: One of :data:`METHODS`.

    Returns:
        ``[B, S, S]`` in 0..1, each map scaled to its own maximum; all 0 where nothing spoke for the class.

    Raises:
        ConfigError: No such method.
    """
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    if method not in METHODS:
        raise ConfigError("no such saliency method", value=method, remedy=f"Choose one of {', '.join(METHODS)}.")
    model.requires_grad_(True)
    with (
        torch.enable_grad(),
        _cam(method)(model, [model.saliency_layer], reshape_transform=model.saliency_reshape) as cam,
    ):
        maps = cam(images, [ClassifierOutputTarget(target) for target in targets])
    model.zero_grad(set_to_none=True)
    found: npt.NDArray[np.float32] = np.nan_to_num(np.asarray(maps, dtype=np.float32)).clip(0, 1)
    return found


def _cam(method: str) -> Any:
    import pytorch_grad_cam as cams

    return {
        "gradcam": cams.GradCAM,
        "gradcam++": cams.GradCAMPlusPlus,
        "hirescam": cams.HiResCAM,
        "layercam": cams.LayerCAM,
        "eigencam": cams.EigenCAM,
    }[method]
