from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tumortrace import runs
from tumortrace.config import MODEL_SPECS, ModelSettings, RunConfig, parse_config, presets
from tumortrace.config.fields import nest
from tumortrace.models.registry import build
from tumortrace.runs.run import Run
from tumortrace.training import frozen_features
from tumortrace.training.session import prepare
from tumortrace.training.status_writer import StatusWriter
from tumortrace.training.trainer import Trainer, train


@pytest.mark.parametrize("name", sorted(set(MODEL_SPECS) - {"tracenet"}))
def test_a_model_is_its_features_and_its_tail(name: str) -> None:
    torch.manual_seed(0)
    model = build(ModelSettings(name=name)).eval()
    images = torch.rand(2, 1, 96, 96)
    for stage in MODEL_SPECS[name].stages:
        assert torch.allclose(model(images), model(model.features(images, stage), stage), atol=1e-5)


@pytest.mark.parametrize(("precision", "off"), [("32-true", 1e-3), ("bf16-mixed", 0.02)])
def test_kept_features_train_to_the_same_weights(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch, precision: str, off: float
) -> None:
    settings = {
        "augment": frozen_features.still(tiny.augment),
        "model": ModelSettings(name="cnn3d", freeze_until="block2", dropout=0),
        "precision": precision,
    }
    config = tiny.model_copy(update=settings)
    kept = runs.create(config, "kept")
    train(kept)
    monkeypatch.setattr(frozen_features, "cache_features", lambda *_: None)
    plain = runs.create(config, "plain")
    train(plain)
    assert np.allclose(kept.metrics["train_loss"], plain.metrics["train_loss"], atol=off)
    # After one epoch BatchNorm's running statistics lag so far behind that rounding moves the first validation loss.
    assert np.allclose(kept.metrics["val_loss"][1:], plain.metrics["val_loss"][1:], atol=off)


def test_nothing_is_kept_where_something_random_stands_before(tiny: RunConfig) -> None:
    freezing = tiny.model_copy(update={"model": ModelSettings(name="cnn3d", freeze_until="block2")})
    assert not frozen_features.applicable(freezing)
    still = freezing.model_copy(update={"augment": frozen_features.still(freezing.augment)})
    assert frozen_features.applicable(still)
    assert not frozen_features.applicable(still.model_copy(update={"model": tiny.model}))
    traced = {"name": "tracenet", "freeze_until": "blocks1"}
    assert not frozen_features.applicable(still.model_copy(update={"model": ModelSettings.model_validate(traced)}))
    growing = still.model_copy(update={"optim": still.optim.model_copy(update={"start_size": 0.5})})
    assert not frozen_features.applicable(growing)


def test_the_demo_keeps_its_features_and_its_weights_need_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    config = parse_config(nest(presets.find_preset(presets.DEMO).values))
    assert frozen_features.applicable(config)
    first = [build(config.model, pretrained=given).backbone.conv_stem.weight for given in (True, True, False)]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])


def test_features_that_would_fill_the_memory_are_not_kept(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(frozen_features, "_free", lambda _: 1000)
    model = ModelSettings(name="cnn3d", freeze_until="block1")
    run = runs.create(tiny.model_copy(update={"augment": frozen_features.still(tiny.augment), "model": model}))
    assert train(run)
    assert "computed at every step" in caplog.text


def test_stages_thaw_after_their_epoch_and_a_resumed_run_ends_in_the_same_weights(home: Path, tiny: RunConfig) -> None:
    model = ModelSettings(name="cnn3d", freeze_until="block2", unfreeze_epoch=2)
    config = tiny.model_copy(update={"model": model, "validation_tiles": 0})
    whole = runs.create(config, "whole")
    seen: dict[int, torch.Tensor] = {}
    trainer = trainer_of(whole, lambda epoch, batch: seen.setdefault(epoch, first_weight(trainer)))
    assert trainer.fit()
    assert torch.equal(seen[0], seen[1]), "frozen for two epochs"
    assert not torch.equal(seen[1], first_weight(trainer)), "then trained"
    broken = runs.create(config, "broken")

    def stop(epoch: int, batch: int) -> None:
        if (epoch, batch) == (2, 1):
            stopping.stop.set()

    stopping = trainer_of(broken, stop)
    assert not stopping.fit()
    assert trainer_of(broken).fit()
    assert (whole.folder / "model.safetensors").read_bytes() == (broken.folder / "model.safetensors").read_bytes()


def trainer_of(run: Run, on_step: Callable[[int, int], None] | None = None) -> Trainer:
    return Trainer(*prepare(run, StatusWriter(run)), on_step)


def first_weight(trainer: Trainer) -> torch.Tensor:
    return next(iter(trainer.session.net.parameters())).detach().clone()
