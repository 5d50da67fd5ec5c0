"""The Dataset page in a real browser: filter, click on plots, follow a link on a fresh server, look into a slice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.serving import served, settled, still
from tumortrace.data.phantom import make_phantom

PATIENCE_MS = 120_000
VIEWPORT = {"width": 1440, "height": 1300}

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A fresh server with phantoms, and nothing shipped."""
    here = tmp_path_factory.mktemp("dataset")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORTRACE_HOME", str(here / "home"))
        make_phantom(persons=15, size=128)
        with served(here / "home", here / "artifacts") as found:
            yield found


def middle(page: Any, selector: str, nth: int = 0) -> tuple[float, float]:
    """Where to click on a mark of a figure: what listens lies over it."""
    mark = page.locator(selector).nth(nth)
    mark.wait_for(state="attached")
    mark.scroll_into_view_if_needed()
    still(page)
    box = mark.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def to_the_plots(page: Any) -> None:
    """Back to the plots, once what was clicked before has been drawn."""
    settled(page)
    page.get_by_role("radio", name="Distributions").click()
    sync_api.expect(page).to_have_url(re.compile("view=Distributions"))
    settled(page)


def count(page: Any) -> Any:
    """The line that says how many slices fit."""
    return page.locator(".st-key-gallery_head strong").first


def test_a_link_works_on_a_fresh_server(address, page):
    expect = sync_api.expect
    page.goto(f"{address}/Dataset?class=glioma&sort=tumour+area&order=descending&page=2&find=glioma&area=abc&fold=99")
    expect(page.get_by_role("button", name="Reset 2 filters")).to_be_visible()
    expect(page.get_by_role("radio", name="descending")).to_be_checked()
    expect(page).not_to_have_url(re.compile("abc|fold=99"))
    expect(page).to_have_url(re.compile("page=2"))
    settled(page)
    page.locator(".st-key-tiles .tt-mistake").nth(1).wait_for()
    areas = [float(text.split("\n")[1].split(" ")[0].replace(",", "")) for text in page.locator(
        ".st-key-tiles .tt-mistake").all_inner_texts()]  # fmt: skip
    assert areas == sorted(areas, reverse=True)
    assert len(areas) > 1

    page.goto(f"{address}/Dataset?slice=5&class=glioma")
    expect(page.get_by_role("heading", name="Slice 5", exact=True)).to_be_visible()


def test_filters_stand_in_the_address_and_are_kept_around_a_slice(address, page):
    expect = sync_api.expect
    page.goto(f"{address}/Dataset")
    expect(count(page)).to_have_text(re.compile(r"^(\d+) of \1 slices$"))
    page.get_by_role("button", name="glioma", exact=True).click()
    expect(page).to_have_url(re.compile("class=glioma"))
    page.get_by_role("button", name="axial", exact=True).click()
    expect(page).to_have_url(re.compile("plane=axial"))
    expect(page.get_by_role("button", name="Reset 2 filters")).to_be_visible()
    settled(page)
    fitting = count(page).inner_text()

    # The other filters stay open while one of them changes.
    page.get_by_text("More filters", exact=True).click()
    still(page)  # a list that opens while the fold still moves closes again
    page.locator(".st-key-fold").get_by_role("combobox").click()
    page.get_by_role("option", name="2", exact=True).click(timeout=20_000)
    expect(page).to_have_url(re.compile("fold=2"))
    expect(page.locator(".st-key-patient").get_by_role("combobox")).to_be_visible()
    expect(page.get_by_text("fold 2 under official")).to_be_visible()
    page.get_by_text("More filters", exact=True).click()
    page.get_by_role("button", name="Reset 3 filters").click()
    expect(page).not_to_have_url(re.compile("class=|plane=|fold="))

    # What was reset stays so, behind the fold too.
    settled(page)
    # A slice opens with the filter around it, the next one follows, and the way back leads to the same gallery.
    page.get_by_role("button", name="glioma", exact=True).click()
    page.get_by_role("button", name="axial", exact=True).click()
    expect(count(page)).to_have_text(fitting)
    page.locator("[class*='st-key-open_'] button").first.click()
    expect(page).to_have_url(re.compile("slice="))
    expect(page).to_have_url(re.compile("class=glioma"))
    many = fitting.split(" ")[0]
    expect(page.get_by_text(f"1 of {many} that fit")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_text(f"2 of {many} that fit")).to_be_visible()
    page.get_by_role("button", name="Back to the gallery").click()
    expect(count(page)).to_have_text(fitting)
    expect(page).to_have_url(re.compile("class=glioma"))


def draw_over(page: Any, selector: str) -> None:
    """Drag over the middle of a figure's first panel."""
    plot = page.locator(selector).first
    plot.wait_for(state="attached")
    plot.scroll_into_view_if_needed()
    still(page)
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.7, steps=8)
    page.mouse.up()


def test_a_click_on_a_plot_leads_to_its_slices_in_the_gallery(address, page):
    expect = sync_api.expect
    page.goto(f"{address}/Dataset?view=Distributions")
    settled(page)
    # The same bar twice: it is not still taken from the first time.
    for _ in range(2):
        page.mouse.click(*middle(page, "[class*=st-key-plot_class_counts] .bars .point path", 1))
        expect(page).to_have_url(re.compile("class=glioma"))
        expect(count(page)).to_be_visible()
        expect(page.get_by_role("button", name="Reset 1 filter")).to_be_visible()
        to_the_plots(page)

    # Another figure.
    page.mouse.click(*middle(page, "[class*=st-key-plot_class_by_fold] .bars .point path", 0))
    expect(page.get_by_text("fold 1 under official")).to_be_visible()
    expect(page).to_have_url(re.compile("class=meningioma"))

    # A range of areas, drawn with the mouse.
    to_the_plots(page)
    draw_over(page, "[class*=st-key-plot_tumour_area] .nsewdrag")
    expect(page).to_have_url(re.compile(r"area=\d+&area=\d+"))
    expect(page.get_by_text("Among the other filters: tumour area")).to_be_visible()

    # Places in a heat map: picked slices, with a chip that takes them back.
    to_the_plots(page)
    draw_over(page, "[class*=st-key-plot_tumour_places] .nsewdrag")
    chip = page.get_by_role("button", name=re.compile("with a tumour in .* place"))
    expect(chip).to_be_visible()
    chip.click()
    expect(chip).to_have_count(0)


def test_a_slice_is_windowed_zoomed_and_scrubbed(address, page):
    expect = sync_api.expect
    page.goto(f"{address}/Dataset?slice=1")
    picture = page.locator(".st-key-plot_slice .js-plotly-plot image").first
    expect(picture).to_be_attached()
    before = picture.get_attribute("href")
    page.get_by_role("slider", name="Width (black to white)").press("ArrowLeft")
    expect(picture).not_to_have_attribute("href", str(before))
    expect(page.get_by_role("radio", name="By hand")).to_be_checked()
    page.get_by_role("slider", name="Zoom towards the tumour").press("ArrowRight")
    expect(page.get_by_role("slider", name="Middle: across (%)")).to_be_visible()
    page.get_by_role("slider", name=re.compile("^Series")).press("ArrowRight")
    expect(page).to_have_url(re.compile("slice=2"))
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
