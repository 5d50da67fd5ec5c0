"""The exponential moving average of a network's weights: what is validated, tested and shipped."""

from __future__ import annotations

import copy
from typing import Any

import torch

from tumortrace.models.base import SliceNet


class ModelEma:
    """An exponential moving average of a network's weights and buffers.

    The mechanism of ``timm.utils.ModelEmaV3`` (one fused update of all tensors, the counter on the host; torch's
    ``AveragedModel`` asks a counter on the device, which waits for a GPU). It is written here because the decay warms
    up as TensorFlow's does (``(1 + t) / (10 + t)``), on which the published runs rest, and because the counter must be
    in the checkpoint.

    Args:
        net: What is averaged; its tensors must stay the same objects.
        decay: Share of the average that stays, a step.
    """

    def __init__(self, net: SliceNet, decay: float) -> None:
        self.module = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay
        self.count = 0
        own, theirs = self.module.state_dict(keep_vars=True), net.state_dict(keep_vars=True)
        pairs = [(own[name], theirs[name]) for name in own]
        moving = [(mean, now) for mean, now in pairs if mean.is_floating_point()]
        self._means, self._nows = [mean.data for mean, _ in moving], [now for _, now in moving]
        self._counters = [(mean, now) for mean, now in pairs if not mean.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the network as it is now."""
        weight = 1 - min(self.decay, (1 + self.count) / (10 + self.count)) if self.count else 1.0
        torch._foreach_lerp_(self._means, self._nows, weight)
        for mean, now in self._counters:
            mean.copy_(now)
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        """Everything :meth:`load_state_dict` needs."""
        return {"module": self.module.state_dict(), "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another average stood."""
        self.module.load_state_dict(state["module"])
        self.count = int(state["count"])
