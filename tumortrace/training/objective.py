"""What a step minimises: the forward pass of a batch and its loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from tumortrace.runs import diagnostics
from tumortrace.training.losses import outline_loss
from tumortrace.training.schedule import EpochPlan

if TYPE_CHECKING:
    from tumortrace.training.session import Session


class Objective:
    """The loss of a batch.

    Args:
        session: Whose network and settings.
        slices: ``[N, S, S]`` uint8, the run's slices at the side that this epoch trains at.
        outlines: ``[N, S, S]``, where they are learnt.
    """

    def __init__(self, session: Session, slices: Tensor, outlines: Tensor | None) -> None:
        self.session, self.slices, self.outlines = session, slices, outlines

    def loss(self, part: EpochPlan) -> tuple[Tensor, Tensor]:
        """One batch forward, augmented: its loss, and logits ``[B, 3]``."""
        session, masks = self.session, None
        if session.frozen:
            out = session.forward(session.frozen.batch(part.rows), session.frozen.after)
        else:
            images, masks = self._inputs(part)
            images, masks = session.augment(images, part.numbers, masks)
            out = session.forward(images)
        logits, more = out if isinstance(out, tuple) else (out, None)
        loss = self.classification(logits, part)
        if masks is not None:
            loss = loss + session.config.optim.outline_weight * outline_loss(more, masks)
        elif more is not None and not session.net.spec.draws_outlines:
            loss = loss + session.net.aux_weight * self.classification(more, part)
        return loss, logits

    def classification(self, logits: Tensor, part: EpochPlan) -> Tensor:
        """Mean cross-entropy of a batch's classes, mixed where its slices are."""
        losses = self._losses(logits, part.rows)
        if part.partners is not None and part.shares is not None:
            losses = self._losses(logits, part.partners).lerp(losses, part.shares)
        # Not the weighted mean: its divisor would differ from process to process.
        return losses.mean()

    def fitting_batch(self, plan: EpochPlan) -> int | None:
        """The largest half, quarter, ... of the batch that one step has the memory for; None where none has."""
        session = self.session
        if session.group.world_size > 1:
            return None
        session.optimiser.zero_grad(set_to_none=True)
        size = session.config.optim.batch_size // 2
        while size >= 2:
            if session.fabric.device.type == "cuda":
                torch.cuda.empty_cache()
            try:
                loss, _ = self.loss(plan.part(0, size))
                session.fabric.backward(loss)
                return size
            except Exception as error:
                if not diagnostics.ran_out_of_memory(error):
                    return None
            size //= 2
        return None

    def _inputs(self, part: EpochPlan) -> tuple[Tensor, Tensor | None]:
        """Slices and, where they are learnt, outlines of a batch; mixed in pairs where mixup is on."""

        def read(rows: Tensor) -> tuple[Tensor, Tensor | None]:
            outlines = None if self.outlines is None else self.outlines[rows][:, None].float()
            return self.session.data.batch(rows, self.slices), outlines

        images, masks = read(part.rows)
        if part.partners is None or part.shares is None:
            return images, masks
        share = part.shares[:, None, None, None]
        more_images, more_masks = read(part.partners)
        mixed = None if masks is None or more_masks is None else more_masks.lerp(masks, share)
        return more_images.lerp(images, share), mixed

    def _losses(self, logits: Tensor, rows: Tensor) -> Tensor:
        return F.cross_entropy(
            logits.float(),
            self.session.data.labels[rows],
            weight=self.session.class_weights,
            label_smoothing=self.session.config.optim.label_smoothing,
            reduction="none",
        )
