"""One path through the whole app in a real browser: phantoms, train by deep link, watch, results, classify."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.serving import served

PATIENCE_MS = 60_000
TRAINING_MS = 300_000

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A fresh server with an empty home and nothing shipped."""
    with served(tmp_path / "home", tmp_path / "artifacts") as found:
        yield found


def test_a_newcomer_makes_phantoms_trains_watches_reads_results_and_classifies(address, page):
    expect = sync_api.expect

    # The first visit of a fresh server is a deep link to Train: it offers slices.
    page.goto(f"{address}/Train")
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(page.get_by_text("No dataset is imported yet")).to_be_visible()
    page.get_by_role("button", name="Make phantom slices").click()
    page.get_by_role("heading", name="A new run").wait_for()

    # The demo preset fills the form; a value out of range is said beside its field.
    page.get_by_role("button", name="Two-minute demo").click()
    expect(page.get_by_text("--model efficientnet_lite0")).to_be_visible()
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("0")
    epochs.press("Enter")
    expect(page.get_by_text("Must be greater than or equal to 1.")).to_be_visible()
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    epochs.fill("4")
    epochs.press("Enter")
    expect(page.get_by_text("--epochs 4")).to_be_visible()

    # It starts, and ends with its curves drawn and without a Stop button. What passes by in between is not asserted:
    # a fast machine is through before a browser has looked.
    page.get_by_role("button", name="Start training").click()
    state = page.locator(".tt-state")
    expect(state).to_have_text("finished", timeout=TRAINING_MS)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    curves = page.locator("[class*='st-key-plot_loss_'] .js-plotly-plot .scatterlayer .trace")
    expect(curves).to_have_count(3)  # each second, training and validation
    points = page.locator("[class*='st-key-plot_loss_'] .js-plotly-plot .scatterlayer .trace .point")
    expect(points).to_have_count(8)  # an epoch a point, training and validation

    # Its results are a click away, and say what they rest on.
    page.get_by_role("link", name="See its results").click()
    expect(page.get_by_role("heading", name="Results", exact=True)).to_be_visible()
    expect(page.get_by_text("Confusion matrix")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Protocol official, fold 1; n = [\d,]+ slices")).first).to_be_visible()
    expect(page.get_by_text("rest on synthetic slices")).to_be_visible()
    expect(page.get_by_text("Not for clinical use").first).to_be_visible()

    # A slice is classified: three probabilities that sum to one, and an overlay.
    page.get_by_role("link", name="Classify").first.click()
    expect(page.get_by_text("No gate ships with this copy")).to_be_visible()
    bars = page.locator(".tt-bars .tt-number")
    expect(bars).to_have_count(3)
    shares = [float(text.removesuffix("%")) for text in bars.all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    expect(page.get_by_text(re.compile("Grad-CAM towards"))).to_be_visible()

    # Of two uploads the broken one gets a sentence, the other an answer.
    page.get_by_text("Upload", exact=True).click()
    picture = page.screenshot(clip={"x": 0, "y": 0, "width": 200, "height": 200})
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "slice.png", "mimeType": "image/png", "buffer": picture},
            {"name": "broken.png", "mimeType": "image/png", "buffer": b"not a picture"},
        ]
    )
    expect(page.locator(".tt-error").filter(has_text="broken.png")).to_be_visible()
    expect(page.get_by_role("heading", name="slice.png")).to_be_visible()
    expect(bars).to_have_count(3)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
