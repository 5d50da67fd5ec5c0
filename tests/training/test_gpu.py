"""What only a CUDA device can show; skipped where there is none."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tumortrace import runs
from tumortrace.config import RunConfig
from tumortrace.training.session import prepare
from tumortrace.training.throughput import Throughput
from tumortrace.training.trainer import Trainer, train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


def on_gpu(tiny: RunConfig, **changes: object) -> RunConfig:
    return tiny.model_copy(update={"device": "cuda", "precision": "bf16-mixed", "validation_tiles": 0} | changes)


def test_a_run_in_bf16_learns_and_says_where_it_ran(home: Path, tiny: RunConfig) -> None:
    run = runs.create(on_gpu(tiny))
    assert train(run)
    losses = run.metrics["train_loss"]
    assert losses.iloc[-1] < losses.iloc[0]
    assert run.status.device == "cuda" or str(run.status.device).startswith(("cuda", "NVIDIA"))
    assert run.status.slots == ["cuda:0"]
    assert run.status.memory_bytes


def test_a_compiled_step_gives_the_loss_of_a_plain_one(home: Path, tiny: RunConfig) -> None:
    losses = []
    for number, compiled in enumerate(("off", "on")):
        config = on_gpu(tiny, compile=compiled, precision="32-true")
        trainer = Trainer(*prepare(runs.create(config, f"run{number}")))
        trainer.begin_epoch()
        losses.append([float(trainer.step(batch)[0]) for batch in range(2)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_the_loss_shown_comes_through_pinned_memory_one_look_late() -> None:
    losses = torch.tensor([3.0, 2.0, 1.0], device="cuda")
    progress = SimpleNamespace(batch=1)
    clock = Throughput(SimpleNamespace(progress=progress), losses, 0, 0.0)  # type: ignore[arg-type]
    assert clock._loss() is None, "the first look only asks"
    torch.cuda.synchronize()
    progress.batch = 2
    shown = clock._loss()
    assert shown is not None
    assert math.isclose(shown, 3.0)
