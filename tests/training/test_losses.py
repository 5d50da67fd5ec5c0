from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tumortrace import runs
from tumortrace.config import ModelSettings, OptimSettings, RunConfig
from tumortrace.training.losses import outline_loss
from tumortrace.training.session import prepare
from tumortrace.training.trainer import Trainer


def square(count: int = 2) -> torch.Tensor:
    masks = torch.zeros(count, 1, 32, 32)
    masks[:, :, 8:16, 8:24] = 1
    return masks


def test_a_right_outline_costs_next_to_nothing_and_a_wrong_one_much() -> None:
    masks = square()
    right = (torch.nn.functional.avg_pool2d(masks, 4) * 2 - 1) * 20
    assert outline_loss(right, masks) < 0.01
    assert outline_loss(-right, masks) > 1
    assert outline_loss(right, masks) == outline_loss(right[:1], masks[:1])


def test_a_slice_without_an_outline_teaches_nothing() -> None:
    drawn = torch.randn(2, 1, 8, 8, requires_grad=True)
    masks = square()
    masks[1] = 0
    outline_loss(drawn, masks).backward()
    assert drawn.grad is not None
    assert drawn.grad[0].abs().sum() > 0
    assert drawn.grad[1].abs().sum() == 0


@pytest.mark.slow
def test_tracenet_learns_to_draw_what_it_classifies_by(home: Path, tiny: RunConfig) -> None:
    optim = OptimSettings(epochs=9, batch_size=8, lr=4e-3, ema=0.8, start_size=0.5)
    settings = {
        "model": ModelSettings(name="tracenet", dropout=0),
        "optim": optim,
        "validation": 0.0,
        "validation_tiles": 0,
    }
    size = tiny.preprocess.model_copy(update={"size": 64})
    trainer = Trainer(*prepare(runs.create(tiny.model_copy(update=settings | {"preprocess": size}))))
    assert trainer.fit()
    assert trainer.session.data.outlines is not None
    rows = torch.from_numpy(trainer.session.data.split.test)
    truth = trainer.session.data.outlines[rows] > 0
    with torch.no_grad():
        drawn = trainer.final_model().eval().outline(trainer.session.data.batch(rows))[:, 0] > 0.5
    overlap = (drawn & truth).sum((1, 2)) / (drawn | truth).sum((1, 2))
    assert overlap.mean() > 0.6
    assert trainer.metrics["train_accuracy"] > 0.9


@pytest.mark.slow
def test_without_the_outline_task_no_outline_is_loaded(home: Path, tiny: RunConfig) -> None:
    optim = OptimSettings(epochs=1, batch_size=8, outline_weight=0)
    settings = {"model": ModelSettings(name="tracenet"), "optim": optim, "validation_tiles": 2}
    trainer = Trainer(*prepare(runs.create(tiny.model_copy(update=settings))))
    assert trainer.fit()
    assert trainer.session.data.outlines is None
