"""The app as a whole in a real browser: the tour by keyboard, deep links on a fresh server, focus and the skip link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.serving import served, settled

PATIENCE_MS = 120_000
TIMEOUT_S = 900
VIEWPORT = {"width": 1440, "height": 900}

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A fresh server where nothing is imported and nothing has been trained, with all that ships.

    The deep link comes first, for it is the first visit; the tour last, for it leaves a dataset and a run behind.
    """
    home: Path = tmp_path_factory.mktemp("app") / "home"
    with served(home) as found:
        yield found


def press(page: Any, key: str) -> None:
    """Press a key once the step before is drawn: its buttons listen from then on."""
    page.get_by_role("button", name="Exit").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=running]").wait_for(state="detached")
    page.keyboard.press(key)


def test_a_deep_link_on_a_fresh_server_leads_to_the_very_figure(address: str, page: Any) -> None:
    expect = sync_api.expect
    page.goto(f"{address}/Results?show=pairs&protocol=official&first=cnn3d&second=tracenet&pairs=macro_f1&junk=1")
    expect(page.get_by_role("heading", name="Model against model")).to_be_visible()
    settled(page)
    expect(page.locator(".tt-said")).to_contain_text("macro F1")
    expect(page.locator(".tt-said")).to_contain_text("3D CNN")
    for name, value in (("first", "cnn3d"), ("second", "tracenet"), ("pairs", "macro_f1"), ("protocol", "official")):
        assert f"{name}={value}" in page.url
    # What the reader changes stands in the address, and what belongs to another section leaves it.
    page.get_by_role("radio", name="Confusions").click()
    expect(page.get_by_text("Shade: share of the true class")).to_be_visible()
    expect(page).to_have_url(re.compile("show=confusions"))
    expect(page).not_to_have_url(re.compile("first=cnn3d"))
    page.get_by_role("radio", name="Share of the true class").click()
    expect(page).to_have_url(re.compile("cells=shares"))
    assert "protocol=official" in page.url


def test_a_keyboard_skips_the_navigation_and_sees_where_it_is(address: str, page: Any) -> None:
    page.goto(address)
    settled(page)
    inside = "document.activeElement.closest('[data-testid=stSidebar]') !== null"
    page.keyboard.press("Tab")
    # The link is Streamlit's own; every page title is where it leads.
    sync_api.expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert not page.evaluate(inside)
    # Every stop on the way through the page shows its focus.
    for _ in range(8):
        seen = page.evaluate(
            "(() => { const s = getComputedStyle(document.activeElement);"
            "return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1 || s.boxShadow !== 'none'; })()"
        )
        assert seen, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        page.keyboard.press("Tab")


def test_the_tour_is_walked_by_keyboard_and_a_model_learns_on_the_way(address: str, page: Any) -> None:
    expect = sync_api.expect
    page.goto(address)
    page.get_by_role("button", name="Start the guided tour").click()
    expect(page.get_by_role("heading", name="Which tumour is it?")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/Present\?present=1$"))
    expect(page.locator("[data-testid=stSidebar]")).to_be_hidden()
    expect(page.get_by_role("img", name=re.compile("meningioma|glioma|pituitary"))).to_have_count(3)

    press(page, "ArrowRight")
    expect(page.get_by_role("heading", name="Test on people")).to_be_visible()
    press(page, "ArrowRight")
    expect(page.get_by_role("heading", name="Watch a model learn")).to_be_visible()
    expect(page).to_have_url(re.compile("present=3$"))

    # Nothing has been trained on this machine: the button draws slices and starts a run, and the curve moves.
    page.get_by_role("button", name="Train it now").click()
    loss = page.locator("[class*='st-key-plot_tour_loss_'] .js-plotly-plot .scatterlayer .trace")
    expect(loss.first).to_be_attached()
    before = page.locator("[class*='st-key-plot_tour_loss_'] .js-plotly-plot .trace path.js-line").first.get_attribute(
        "d"
    )
    page.wait_for_function(
        "was => document.querySelector(\"[class*='st-key-plot_tour_loss_'] .trace path.js-line\")"
        "?.getAttribute('d') !== was",
        arg=before,
    )

    # The tour goes on while it learns.
    press(page, "ArrowRight")
    expect(page.get_by_role("heading", name="How good are they?")).to_be_visible()
    expect(page.get_by_role("table", name=re.compile("Macro F1"))).to_be_visible()
    press(page, "ArrowLeft")
    expect(page.get_by_role("heading", name="Watch a model learn")).to_be_visible()
    page.get_by_role("button", name="6", exact=True).click()
    expect(page.get_by_role("heading", name="A slice, classified")).to_be_visible()
    expect(page.get_by_role("button", name="Another slice")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="A slice, classified")).to_be_visible()
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    press(page, "Escape")
    expect(page.get_by_role("button", name="Start the guided tour")).to_be_visible()
