"""The Classify page in a real browser: files of several kinds, a broken one, sliders, and the report."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pytest
from PIL import Image

from scripts.serving import served
from tests.imaging.formats.made import dicom
from tests.shipping import ship_all

PATIENCE_MS = 120_000
VIEWPORT = {"width": 1440, "height": 1400}

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh server with two models of random weights and an open gate."""
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path / "artifacts"))
    ship_all()
    with served(tmp_path / "home", tmp_path / "artifacts") as found:
        yield found


def slice_(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (96, 90), dtype=np.uint8)


def picture(kind: str, seed: int) -> bytes:
    raw = io.BytesIO()
    Image.fromarray(slice_(seed)).save(raw, kind)
    return raw.getvalue()


def test_files_of_three_kinds_and_a_broken_one_get_answers_and_a_report(address: str, page: Any) -> None:
    expect = sync_api.expect
    files = [
        {"name": "a.png", "mimeType": "image/png", "buffer": picture("PNG", 0)},
        {"name": "b.tif", "mimeType": "image/tiff", "buffer": picture("TIFF", 1)},
        {"name": "c.dcm", "mimeType": "application/dicom", "buffer": dicom(slice_(2).astype(np.uint16))},
        {"name": "d.png", "mimeType": "image/png", "buffer": picture("PNG", 3)[:900]},
    ]
    page.goto(f"{address}/Classify")
    page.get_by_role("radio", name="Upload").click()
    page.locator("input[type=file]").set_input_files(files)

    # The broken one is named; the others have a line each.
    expect(page.get_by_role("alert").or_(page.locator(".tt-error")).filter(has_text="d.png")).to_be_visible()
    table = page.get_by_role("table", name="Answers of all files")
    expect(table).to_be_visible()
    for name in ("a.png", "b.tif", "c.dcm"):
        expect(table.get_by_role("row").filter(has_text=name)).to_contain_text("May be judged")

    # One of them in full: gate, answer, saliency.
    expect(page.get_by_role("heading", name="a.png")).to_be_visible()
    expect(page.get_by_text("May be judged.").first).to_be_visible()
    answer = page.locator(".tt-answer .tt-chip")
    expect(answer).to_be_visible()
    said = answer.inner_text()
    expect(page.get_by_text("Its strongest point lay inside")).to_be_visible()

    # A slider moves the answer.
    page.get_by_role("radio", name="What if").click()
    expect(page.get_by_text("Nothing changed", exact=True)).to_be_visible()
    page.get_by_role("slider", name="Turn").press("ArrowRight")
    expect(page.get_by_text("Changed", exact=True)).to_be_visible()

    # The report says the same class.
    page.get_by_role("radio", name="Take it away").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="PDF report").click()
    words = " ".join(one.extract_text() for one in pypdf.PdfReader(waiting.value.path()).pages)
    assert said in words
    assert "a.png" in words
    assert "Not for clinical use" in words
