from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tumortrace import runs
from tumortrace.config import RunConfig
from tumortrace.runs import snapshots
from tumortrace.runs.snapshots import Snapshot
from tumortrace.training.trainer import train


def test_every_epoch_keeps_what_the_model_thinks_of_the_validation_slices(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny.model_copy(update={"validation_tiles": 5}))
    snapshots.pin(run, "1")  # of the test fold
    train(run)
    assert snapshots.snapshot_epochs(run) == [1, 2, 3]
    last = snapshots.read_snapshot(run, 3)
    assert last is not None
    assert last.parts.count("validation") == run.status.counts["validation"]
    assert last.probabilities.sum(axis=1) == pytest.approx(np.ones(len(last.slice_ids)), abs=1e-5)
    assert len(last.watched) == 5
    assert last.saliency.shape == (5, 32, 32)
    assert last.saliency.max() > 0
    manifest = pd.read_parquet(home / "data" / "tiny" / "manifest.parquet").set_index("slice_id")
    assert set(manifest.loc[last.watched, "label"]) == {0, 1, 2}
    curves = run.metrics
    truth = manifest.loc[last.slice_ids, "label"].to_numpy()
    ours = np.array(last.parts) == "validation"
    accuracy = (last.probabilities[ours].argmax(1) == truth[ours]).mean()
    assert accuracy == pytest.approx(curves["val_accuracy"].iloc[-1])
    for epoch in (1, 2, 3):
        held = snapshots.read_snapshot(run, epoch)
        assert held is not None
        assert held.parts[held.slice_ids.index("1")] == "test"


def test_watching_changes_nothing_of_the_training(home: Path, tiny: RunConfig) -> None:
    weights = []
    for watch in (0, 6):
        run = runs.create(tiny.model_copy(update={"validation_tiles": watch}))
        train(run)
        weights.append((run.folder / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_pins_are_kept_in_order_once_each_and_bounded(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    for number in (3, 1, 3, 2):
        snapshots.pin(run, str(number))
    assert snapshots.pins(run) == ["3", "1", "2"]
    snapshots.unpin(run, "1")
    assert snapshots.pins(run) == ["3", "2"]
    for number in range(40):
        snapshots.pin(run, str(number))
    assert len(snapshots.pins(run)) == snapshots.MAX_PINS


def test_a_broken_snapshot_is_passed_over(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    snapshots.write_snapshot(run, Snapshot(1, ["a"], ["validation"], np.full((1, 3), 1 / 3, np.float32)))
    (run.folder / "epochs" / "0002.npz").write_bytes(b"half")
    assert snapshots.read_snapshot(run, 2) is None
    whole = snapshots.read_snapshot(run, 1)
    assert whole is not None
    assert whole.slice_ids == ["a"]


def test_telemetry_and_tensorboard_are_written(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny.model_copy(update={"tensorboard": True, "validation_tiles": 0}))
    train(run)
    assert list((run.folder / "tensorboard" / "start_1").glob("events.out.tfevents.*"))
