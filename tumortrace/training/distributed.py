"""Several processes, one run: who they are, what they agree on, and BatchNorm over all their slices at once."""

from __future__ import annotations

import atexit
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, cast

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def first_process() -> bool:
    """Whether this process writes the run folder; asked before the processes know each other."""
    return all(int(os.environ.get(name, "0")) == 0 for name in ("RANK", "SLURM_PROCID", "NODE_RANK", "LOCAL_RANK"))


class ProcessGroup:
    """The processes of a run; a run of one process is a group of one.

    Fabric does :meth:`all_reduce` and :meth:`rank_zero_first`. :meth:`any_rank` is our own, because flags are agreed on
    over the CPU: asking a GPU would wait for all its queued steps. So is :meth:`all_gather_rows`: Fabric's gathers with
    gradients, by a function that torch has deprecated and warns of.

    Args:
        fabric: Launched.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.rank = fabric.global_rank
        self.world_size = fabric.world_size
        self.fabric = fabric
        self._flags: Any = dist.new_group(backend="gloo") if self.world_size > 1 else None
        if self.world_size > 1:
            atexit.register(_leave)

    @property
    def is_global_zero(self) -> bool:
        """Whether this is the process that writes."""
        return self.fabric.is_global_zero

    def rank_zero_first(self) -> AbstractContextManager[None]:
        """Rank 0 does it (and leaves files behind), then the others, which find them."""
        return self.fabric.rank_zero_first() if self.world_size > 1 else nullcontext()

    def any_rank(self, flag: bool) -> bool:
        """Whether the flag is up in any process; each must ask at the same place."""
        if self.world_size == 1:
            return flag
        raised = torch.tensor(int(flag))
        dist.all_reduce(raised, dist.ReduceOp.MAX, group=self._flags)
        return bool(raised)

    def all_reduce(self, values: Tensor, reduce_op: Literal["mean", "sum"]) -> Tensor:
        """The mean or the sum over the processes, in each; ``values`` stay as they are."""
        if self.world_size == 1:
            return values
        return cast(Tensor, self.fabric.all_reduce(values.clone(), reduce_op=reduce_op))

    def all_gather_rows(self, own: Tensor) -> Tensor:
        """Rows ``rank, rank + world_size, ...`` of each process to all rows in order; each brings as many."""
        if self.world_size == 1:
            return own
        parts = [torch.empty_like(own) for _ in range(self.world_size)]
        dist.all_gather(parts, own.contiguous())
        return torch.stack(parts, dim=1).flatten(0, 1)


def _leave() -> None:
    """Before the interpreter ends: gloo's threads, still running then, would abort the process after all its work."""
    if dist.is_initialized():
        dist.destroy_process_group()


def synchronise_batchnorm(net: nn.Module, device: torch.device) -> nn.Module:
    """Let BatchNorm see the whole batch, not this process' share: the run then equals that of one process.

    torch's own ``SyncBatchNorm`` works on GPUs only; on the CPU ours does the same.
    """
    if device.type == "cuda":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(net)  # type: ignore[no-untyped-call]
        return converted
    for module in net.modules():
        if isinstance(module, _BatchNorm):
            # The class alone changes: parameters, buffers and names stay what a checkpoint knows.
            module.__class__ = _SharedBatchNorm
    return net


class _Total(torch.autograd.Function):
    """The sum over all processes, through which gradients go back the same way."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


class _SharedBatchNorm(_BatchNorm):
    """BatchNorm of any dimension whose sums run over all processes."""

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return super().forward(features)
        over = [0, *range(2, features.ndim)]
        wide = features.float()
        count = features.numel() / features.shape[1] * dist.get_world_size()
        sums = _Total.apply(torch.stack([wide.sum(over), wide.square().sum(over)]))
        mean = sums[0] / count
        variance = (sums[1] / count - mean.square()).clamp(min=0)
        self._remember(mean.detach(), variance.detach() * count / max(1, count - 1))
        shape = [1, -1] + [1] * (features.ndim - 2)
        scale = (variance + self.eps).rsqrt() * self.weight
        whitened: Tensor = wide * scale.view(shape) + (self.bias - mean * scale).view(shape)
        return whitened.to(features.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum or 0.1)
        self.running_var.lerp_(variance, self.momentum or 0.1)

    def _check_input_dim(self, features: Tensor) -> None:
        pass
