from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from tests.processes import PATIENCE_S, python, spawned
from tumortrace import runs
from tumortrace.config import ModelSettings, OptimSettings, RunConfig, parse_config
from tumortrace.data import datasets
from tumortrace.errors import DataError, TrainingDiverged
from tumortrace.models import registry
from tumortrace.models.base import SliceNet
from tumortrace.training import throughput
from tumortrace.training.schedule import learning_rate
from tumortrace.training.trainer import train


def changed(config: RunConfig, **values: object) -> RunConfig:
    return config.model_copy(update=values)


def test_a_run_ends_with_weights_rows_report_and_curves(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    assert train(run)
    status = run.status
    assert status.state == "finished"
    assert status.counts == {"train": 57, "validation": 15, "test": 18}
    assert load_file(run.folder / "model.safetensors")
    rows = run.predictions
    assert rows is not None
    assert len(rows) == 18
    assert rows[["p_meningioma", "p_glioma", "p_pituitary"]].sum(axis=1).to_numpy() == pytest.approx(np.ones(18))
    report = run.report
    assert report is not None
    assert report.synthetic
    assert report.slice.metrics.n == 18
    curves = run.metrics
    assert curves["epoch"].tolist() == [1, 2, 3]
    assert {"train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_macro_f1", "lr"} <= set(curves.columns)


@pytest.mark.slow
def test_the_loop_learns(home: Path, tiny: RunConfig) -> None:
    optim = OptimSettings(epochs=12, batch_size=8, lr=5e-3, ema=0.9)
    run = runs.create(changed(tiny, optim=optim, validation=0.0))
    train(run)
    assert run.report is not None
    assert run.report.slice.metrics.accuracy > 0.9


def test_without_a_validation_part_there_are_no_validation_curves(home: Path, tiny: RunConfig) -> None:
    run = runs.create(changed(tiny, validation=0.0))
    train(run)
    assert "val_loss" not in run.metrics.columns
    assert run.status.counts["validation"] == 0


def test_early_stopping_keeps_the_weights_of_the_best_epoch(home: Path, tiny: RunConfig) -> None:
    optim = OptimSettings(epochs=30, batch_size=8, lr=1e-2, ema=0)
    run = runs.create(changed(tiny, patience=2, optim=optim))
    train(run)
    curves = run.metrics
    best = len(curves) - 3
    assert len(curves) < 30
    assert curves["val_loss"].idxmin() == best
    # What the kept weights say of the validation part has the loss of that epoch, and not of the last.
    rows = pd.read_parquet(run.folder / "validation.parquet")
    truth = datasets.open_dataset("tiny").manifest.set_index("slice_id")["label"]
    shares = rows[["p_meningioma", "p_glioma", "p_pituitary"]].to_numpy()
    right = shares[np.arange(len(rows)), truth[rows["slice_id"]].to_numpy(dtype=int)]
    loss = float(-np.log(right).mean())
    assert loss == pytest.approx(curves["val_loss"][best], rel=1e-3)
    assert loss != pytest.approx(curves["val_loss"].iloc[-1], rel=1e-2)


@pytest.mark.parametrize("where", [(1, 2), (1, 0), (2, 6)])
def test_a_stopped_and_resumed_run_ends_in_the_same_weights(
    home: Path, tiny: RunConfig, where: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "_CHECK_SECONDS", 0.0)  # a request to stop is seen after the step it came in
    whole = runs.create(tiny, "whole")
    train(whole)
    broken = runs.create(tiny, "broken")

    def stop(epoch: int, batch: int) -> None:
        if (epoch, batch) == where:
            (broken.folder / "stop").touch()

    assert not train(broken, stop)
    assert broken.status.state == "stopped"
    assert train(broken)
    assert (whole.folder / "model.safetensors").read_bytes() == (broken.folder / "model.safetensors").read_bytes()
    assert whole.predictions.equals(broken.predictions)
    same = ["epoch", "step", "train_loss", "train_accuracy", "val_loss", "lr"]
    assert whole.metrics[same].equals(broken.metrics[same])


@pytest.mark.slow
@pytest.mark.process
def test_a_killed_and_resumed_run_ends_in_the_same_weights(home: Path, tiny: RunConfig) -> None:
    whole = runs.create(tiny, "whole")
    train(whole)
    killed = runs.create(tiny, "killed")
    kill = (
        "import os, signal; from tumortrace import runs; from tumortrace.training import trainer\n"
        "def die(epoch, batch):\n    if (epoch, batch) == (1, 3): os.kill(os.getpid(), signal.SIGKILL)\n"
        "trainer.train(runs.find_run('killed'), die)"
    )
    with spawned(python(kill), home / "train.log") as process:
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
    assert killed.status.state == "crashed"
    assert killed.resumable
    assert train(killed)
    assert (whole.folder / "model.safetensors").read_bytes() == (killed.folder / "model.safetensors").read_bytes()


def test_a_nan_loss_ends_the_run_naming_the_step(home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    from tumortrace.training.objective import Objective
    from tumortrace.training.schedule import EpochPlan

    honest = Objective.classification
    steps: list[torch.Tensor] = []

    def poisoned(self: Objective, logits: torch.Tensor, part: EpochPlan) -> torch.Tensor:
        loss = honest(self, logits, part)
        steps.append(loss)
        return loss * float("nan") if len(steps) == 7 + 5 else loss

    monkeypatch.setattr(Objective, "classification", poisoned)
    run = runs.create(tiny)
    with pytest.raises(TrainingDiverged, match="epoch 2, step 5 of 7"):
        train(run)
    assert run.status.state == "failed"
    assert "epoch 2, step 5" in (run.status.error or "")
    assert run.resumable


def test_the_seed_decides_everything(home: Path, tiny: RunConfig) -> None:
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run = runs.create(changed(tiny, seed=seed, optim=OptimSettings(epochs=1, batch_size=8)), name)
        train(run)
        weights.append((run.folder / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_an_early_layer_that_is_frozen_does_not_move(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: dict[str, torch.Tensor] = {}

    def build(settings: ModelSettings, **more: bool) -> SliceNet:
        net = registry.build(settings, **more)
        before.update({name: value.clone() for name, value in net.state_dict().items()})
        return net

    monkeypatch.setattr("tumortrace.training.session.build", build)
    values = tiny.model_dump() | {"model": {"name": "cnn3d", "freeze_until": "block2"}}
    run = runs.create(parse_config(values))
    train(run)
    after = load_file(run.folder / "model.safetensors")
    moved = {name.rsplit(".", 2)[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert not moved & {"blocks.0", "blocks.1"}
    assert "blocks.2" in moved


def test_a_batch_larger_than_the_training_part_is_refused(home: Path, tiny: RunConfig) -> None:
    run = runs.create(changed(tiny, optim=OptimSettings(batch_size=512)))
    with pytest.raises(DataError, match="Lower the batch size"):
        train(run)
    assert run.status.state == "failed"


def test_sigterm_stops_within_the_epoch_with_a_checkpoint(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny, "run")
    missed: list[int] = []

    def ours(number: int, _: object) -> None:
        missed.append(number)

    def end(epoch: int, batch: int) -> None:
        if (epoch, batch) == (1, 3):
            signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, ours)
    try:
        assert not train(run, end)
        assert signal.getsignal(signal.SIGTERM) is ours, "what was there before is put back"
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not missed
    assert run.status.state == "stopped"
    assert run.resumable
    assert run.status.epoch == 1


def test_the_schedule_rises_and_falls_once() -> None:
    settings = OptimSettings(lr=0.1, warmup=0.25)
    rates = [learning_rate(step, 100, settings) for step in range(100)]
    peak = int(np.argmax(rates))
    assert 23 <= peak <= 26
    assert max(rates) == pytest.approx(0.1, rel=1e-2)
    assert all(np.diff(rates[:peak]) > 0)
    assert all(np.diff(rates[peak + 1 :]) < 0)
    assert rates[-1] < 0.001


def test_a_run_without_a_test_fold_trains_on_all_and_leaves_weights_alone(home: Path, tiny: RunConfig) -> None:
    run = runs.create(changed(tiny, fold=0, validation=0.0))
    assert train(run)
    assert run.status.counts == {"train": 90, "validation": 0, "test": 0}
    assert (run.folder / "model.safetensors").exists()
    assert run.predictions is None
    assert run.report is None


@pytest.mark.parametrize("name", ["cnn3d", "tracenet"])
def test_mixup_trains_classes_and_outlines_of_mixed_slices(home: Path, tiny: RunConfig, name: str) -> None:
    optim = tiny.optim.model_copy(update={"epochs": 1})
    model = tiny.model.model_copy(update={"name": name})
    losses = {}
    for mixup in (0.0, 0.4):
        augment = tiny.augment.model_copy(update={"mixup": mixup})
        run = runs.create(changed(tiny, augment=augment, optim=optim, model=model, validation_tiles=0), f"mixup{mixup}")
        assert train(run)
        losses[mixup] = run.metrics["train_loss"].iloc[0]
    assert np.isfinite(list(losses.values())).all()
    # The same draws otherwise: only mixing can tell the two apart.
    assert losses[0.4] != pytest.approx(losses[0.0], abs=1e-4)
