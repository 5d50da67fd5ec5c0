"""Order and company of the tests: those that start processes or browsers come last, each kind one at a time."""

from __future__ import annotations

import os

import pytest

_PROCESS_TIMEOUT_S = 600
_ALONE = ("process", "browser")
"""Marks whose tests load the machine by themselves: no two of a kind run beside each other."""

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch is imported: one core a worker, or they slow each other down.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.get_closest_marker("process"):
        item.add_marker(pytest.mark.timeout(_PROCESS_TIMEOUT_S))
    for name in _ALONE:
        if item.get_closest_marker(name):
            item.add_marker(pytest.mark.xdist_group(name))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: any(item.get_closest_marker(name) for name in _ALONE))
