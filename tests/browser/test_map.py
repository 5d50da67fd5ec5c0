"""The map in a real browser: made by a button, lassoed, and on to the gallery with these very slices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.serving import served, settled
from tests import shipping
from tumortrace.data.phantom import make_phantom

PATIENCE_MS = 120_000

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh server with phantoms and a shipped model of random weights."""
    home, artifacts = tmp_path / "home", tmp_path / "artifacts"
    monkeypatch.setenv("TUMORTRACE_HOME", str(home))
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(artifacts))
    make_phantom(persons=15, size=64)
    shipping.ship("resnet18")
    with served(home, artifacts) as found:
        yield found


def drag(page, corners: list[tuple[float, float]]) -> None:
    """Draw around these corners, given in shares of the plot."""
    box = page.locator(".st-key-plot_map .nsewdrag").first.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def test_a_lasso_on_the_map_leads_to_the_gallery_with_these_slices(address, page):
    expect = sync_api.expect
    page.goto(f"{address}/Dataset?view=Map")
    page.get_by_role("button", name="Make the map").click()
    plot = page.locator(".st-key-plot_map .js-plotly-plot")
    expect(plot).to_be_visible()
    settled(page)
    expect(page.get_by_text("has never seen these")).to_be_visible()

    # A lasso around the left half takes some of the slices, and shows them.
    drag(page, [(0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98), (0.02, 0.05)])
    show = page.get_by_role("button", name=re.compile(r"Show all [\d,]+ in the gallery"))
    expect(show).to_be_visible()
    settled(page)
    count = int(re.search(r"all ([\d,]+) in", show.inner_text()).group(1).replace(",", ""))
    total = plot.locator(".point").count()
    assert 0 < count < total
    expect(page.locator("[class*='st-key-tiles-map'] img")).to_have_count(min(12, count))

    # Another colour keeps the selection.
    page.get_by_role("radio", name="Person").or_(page.get_by_role("button", name="Person", exact=True)).first.click()
    settled(page)
    expect(page.get_by_role("button", name=f"Show all {count:,} in the gallery")).to_be_visible()

    # The gallery opens with these slices alone.
    page.get_by_role("button", name=f"Show all {count:,} in the gallery").click()
    expect(page.get_by_text(re.compile(rf"\b{count:,} of [\d,]+ slices"))).to_be_visible()
    expect(page.get_by_role("button", name=f"{count:,} slices from the map").first).to_be_visible()
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
