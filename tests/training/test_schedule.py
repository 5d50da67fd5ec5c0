from __future__ import annotations

import numpy as np
import pytest
import torch

from tumortrace.config import OptimSettings
from tumortrace.training import schedule

CPU = torch.device("cpu")


def test_sizes_grow_to_the_full_one_by_two_thirds_of_the_epochs() -> None:
    settings = OptimSettings(epochs=12, start_size=0.5)
    sizes = [schedule.size_at(epoch, settings, 128) for epoch in range(12)]
    assert sizes[0] == 64
    assert sizes == sorted(sizes)
    assert sizes[8:] == [128] * 4
    assert all(size % 16 == 0 for size in sizes)


def test_without_a_start_size_every_epoch_is_at_full_size() -> None:
    assert {schedule.size_at(epoch, OptimSettings(epochs=5), 150) for epoch in range(5)} == {150}


def test_a_size_is_never_below_what_the_model_takes() -> None:
    assert schedule.size_at(0, OptimSettings(epochs=9, start_size=0.25), 144, smallest=96) == 96


def test_work_counts_epochs_at_full_size() -> None:
    assert schedule.epoch_work(5.5, OptimSettings(epochs=10), 128) == pytest.approx(5.5)
    growing = OptimSettings(epochs=12, start_size=0.5)
    assert schedule.epoch_work(1, growing, 128) == pytest.approx(0.25)
    assert schedule.epoch_work(12, growing, 128) < 12


def test_an_epochs_plan_depends_on_seed_and_epoch_alone() -> None:
    train = np.arange(10, 30)
    first, again = (schedule.epoch_plan(3, train, 16, 7, CPU) for _ in range(2))
    assert torch.equal(first.rows, again.rows)
    assert torch.equal(first.numbers, again.numbers)
    assert len(set(first.rows.tolist())) == 16
    assert not torch.equal(first.rows, schedule.epoch_plan(4, train, 16, 7, CPU).rows)
    assert not torch.equal(first.rows, schedule.epoch_plan(3, train, 16, 8, CPU).rows)


def test_mixup_lays_each_slice_over_another_by_shares_that_follow_from_seed_and_epoch() -> None:
    train = np.arange(40)
    first, again = (schedule.epoch_plan(3, train, 16, 7, CPU, mixup=0.4) for _ in range(2))
    assert first.partners is not None
    assert first.shares is not None
    assert torch.equal(first.partners, first.rows.roll(1))
    assert again.shares is not None
    assert torch.equal(first.shares, again.shares)
    assert 0 <= float(first.shares.min()) < float(first.shares.max()) <= 1
    second = first.part(8, 8)
    assert second.partners is not None
    assert torch.equal(second.partners, first.partners[8:])
    assert schedule.epoch_plan(3, train, 16, 7, CPU).part(0, 8).shares is None
