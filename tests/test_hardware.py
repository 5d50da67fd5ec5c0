from __future__ import annotations

import os

import pytest

from tumortrace import hardware
from tumortrace.config import parse_config


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_gpu_count", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_machine_without_a_gpu_has_its_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_gpu_count", lambda: 0)
    assert hardware.slots()[-1] == "cpu"
    assert not any(slot.startswith("cuda") for slot in hardware.slots())


def test_only_the_gpus_that_are_visible_count(four_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hardware.visible_gpus() == ["0", "1", "2", "3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    assert hardware.slots()[:2] == ["cuda:0", "cuda:1"]
    assert hardware.environment(["cuda:1"])["CUDA_VISIBLE_DEVICES"] == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert hardware.visible_gpus() == []


def test_a_run_takes_as_many_as_it_asks_for(four_gpus: None) -> None:
    two = parse_config({"devices": 2, "device": "auto"})
    assert hardware.wanted(two, hardware.slots())[:2] == [["cuda:0", "cuda:1"], ["cuda:1", "cuda:2"]]
    assert hardware.wanted(parse_config({"device": "cpu"}), hardware.slots()) == [["cpu"]]


def test_a_job_that_has_ended_sees_all_gpus_again(four_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,2,3")
    for name, value in hardware.environment(["cuda:2"]).items():
        monkeypatch.setenv(name, value)
    assert hardware.visible_gpus() == ["3"]
    hardware.see_all()
    assert hardware.visible_gpus() == ["0", "2", "3"]
    assert "TUMORTRACE_SLOTS" not in os.environ
