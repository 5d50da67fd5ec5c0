from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from tumortrace import runs
from tumortrace.config import OptimSettings, RunConfig
from tumortrace.runs import diagnostics
from tumortrace.runs.run import Status
from tumortrace.training.objective import Objective
from tumortrace.training.schedule import EpochPlan
from tumortrace.training.trainer import train

GIB = 2**30


def test_out_of_memory_names_a_batch_that_was_tried_and_fits(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Objective.loss

    def greedy(self: Objective, part: EpochPlan) -> tuple[torch.Tensor, torch.Tensor]:
        if len(part.rows) > 4 and self.session.writer.status.epoch == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return honest(self, part)

    monkeypatch.setattr(Objective, "loss", greedy)
    run = runs.create(tiny.model_copy(update={"optim": OptimSettings(epochs=3, batch_size=16)}))
    with pytest.raises(torch.OutOfMemoryError):
        train(run)
    assert run.status.state == "failed"
    assert run.status.error == ("Memory ran out with a batch of 16 slices. A batch of 4 fits: start it with that.")
    assert run.resumable


def test_a_full_disk_is_said_and_the_last_checkpoint_stays(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = runs.create(tiny, "whole")
    train(whole)
    run = runs.create(tiny, "full")
    honest = os.fsync
    partial = run.folder / "checkpoint.ckpt.partial"
    written = []

    def full(handle: int) -> None:
        if partial.exists() and os.path.samestat(os.fstat(handle), partial.stat()):
            written.append(handle)
            if len(written) > 1:
                raise OSError(errno.ENOSPC, "No space left on device")
        honest(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            train(run)
    assert run.status.state == "failed"
    assert run.status.error == "The disk is full. Free some space, then resume: it goes on from the last checkpoint."
    assert len(written) == 2
    assert not list(run.folder.glob("*.partial"))
    assert not (run.folder / ".reserve").exists()
    assert train(run)
    assert (whole.folder / "model.safetensors").read_bytes() == (run.folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("used", "idle", "words"),
    [
        (None, None, "before its first step"),
        (4 * GIB, 1 * GIB, "was killed, or the machine went down; it held 4.0 of 16.0 GiB"),
        (15 * GIB, 1 * GIB, "a batch of 16 would fit"),
        (15 * GIB, 8 * GIB, "a batch of 8 would fit"),
        (15 * GIB, 12 * GIB, "lower the size of the slices"),
    ],
)
def test_a_crash_is_explained_by_what_memory_it_held(
    tiny: RunConfig, used: int | None, idle: int | None, words: str
) -> None:
    config = tiny.model_copy(update={"optim": OptimSettings(batch_size=32)})
    status = Status(state="crashed", memory_bytes=used, memory_idle_bytes=idle)
    assert words in diagnostics.diagnose_crash(status, config, total=16 * GIB)


def test_errors_of_memory_are_known_whatever_they_are_called() -> None:
    assert diagnostics.ran_out_of_memory(MemoryError())
    assert diagnostics.ran_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))
    assert not diagnostics.ran_out_of_memory(RuntimeError("shape mismatch"))
    assert not diagnostics.ran_out_of_memory(ValueError("out of memory"))
