"""What every test in Chromium shares: its marks, a browser, and a page of a reader of its own.

A module says how patient it is (``PATIENCE_MS``) and, where it matters, how large its window is (``VIEWPORT``) and how
long a test may take (``TIMEOUT_S``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scripts.serving import CHROMIUM, browser

_TIMEOUT_S = 600


def pytest_itemcollected(item: pytest.Function) -> None:
    item.add_marker(pytest.mark.browser)
    item.add_marker(pytest.mark.timeout(getattr(item.module, "TIMEOUT_S", _TIMEOUT_S)))
    item.add_marker(pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no Chromium at {CHROMIUM}"))


@pytest.fixture(scope="package")
def one_browser() -> Iterator[Any]:
    """One browser for all that a process tests in Chromium."""
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def chromium(one_browser: Any, request: pytest.FixtureRequest) -> Any:
    """The browser, waited for as long as a module says."""
    from playwright.sync_api import expect

    expect.set_options(timeout=request.module.PATIENCE_MS)
    return one_browser


@pytest.fixture
def page(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page of a reader of its own."""
    viewport = getattr(request.module, "VIEWPORT", {"width": 1440, "height": 1200})
    context = chromium.new_context(viewport=viewport, reduced_motion="reduce")
    context.set_default_timeout(request.module.PATIENCE_MS)
    yield context.new_page()
    context.close()
