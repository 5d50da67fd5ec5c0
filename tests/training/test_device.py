"""What is said of the device that trains."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import psutil
import pytest
import torch

from tumortrace.training.device import DeviceMonitor


def test_the_peak_of_memory_is_at_least_what_is_in_use() -> None:
    gauge = DeviceMonitor(torch.device("cpu"))
    assert gauge.peak_memory() >= 0.5 * gauge.memory() > 10**6


def test_where_there_is_no_module_resource_the_peak_is_the_systems_own(monkeypatch: pytest.MonkeyPatch) -> None:
    gauge = DeviceMonitor(torch.device("cpu"))
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(psutil.Process, "memory_info", lambda self: SimpleNamespace(rss=1, peak_wset=7_000_000))
    assert gauge.peak_memory() == 7_000_000
