"""What a step minimises beside the cross-entropy of its classes."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def outline_loss(drawn: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy and Dice loss (Milletari et al., 2016, arXiv 1606.04797) of drawn outlines, averaged over slices.

    Args:
        drawn: Logits ``[B, 1, h, w]``.
        masks: ``[B, 1, S, S]``, 0 to 1 (between them where slices were mixed); a slice whose mask is empty has no
            outline, and teaches nothing.

    Returns:
        A scalar. A slice without an outline counts as 0, so that shares of a batch average to the whole.
    """
    target = F.interpolate(masks, drawn.shape[-2:], mode="area")
    logits = drawn.float()
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean((1, 2, 3))
    share = logits.sigmoid()
    common, both = (share * target).sum((1, 2, 3)), (share + target).sum((1, 2, 3))
    dice = 1 - (2 * common + 1) / (both + 1)
    return ((each + dice) * (masks.amax((1, 2, 3)) > 0)).mean()
