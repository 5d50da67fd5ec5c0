"""The Errors page in a real browser: a click on the matrix, a link to a colleague, and two readers who write notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.serving import served, settled, still
from tests.ui import benchmark_fixture
from tumortrace.constants import CLASSES
from tumortrace.notes import store

PATIENCE_MS = 60_000
DOOR = "[class*='st-key-door_'][data-stale=false]"
"""The matrix; while a run draws a new one, the old one is still there, hidden."""
TILES = ".st-key-tiles [data-testid='stBaseButton-tertiary']"

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A fresh server with a benchmark of four models and its slices drawn as noise."""
    here = tmp_path_factory.mktemp("errors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORTRACE_HOME", str(here / "home"))
        patch.setenv("TUMORTRACE_ARTIFACTS", str(here / "artifacts"))
        (here / "judged").mkdir()
        benchmark_fixture.write(benchmark_fixture.document(), benchmark_fixture.judged(here / "judged"))
        benchmark_fixture.import_slices(here / "home")
        with served(here / "home", here / "artifacts") as found:
            yield found


def opened(chromium: Any, width: int = 1440) -> Any:
    page = chromium.new_context(viewport={"width": width, "height": 1300}, reduced_motion="reduce").new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


def click_cell(page: Any, true: str, predicted: str) -> None:
    """A click in the middle of a cell."""
    plot = page.locator(f"{DOOR} .nsewdrag")
    plot.wait_for()
    still(page)  # a figure takes clicks a moment after it is drawn
    box = plot.bounding_box()
    column, row = CLASSES.index(predicted), CLASSES.index(true)
    page.mouse.move(box["x"] + (column + 0.45) / 3 * box["width"], box["y"] + (row + 0.45) / 3 * box["height"])
    still(page)
    page.mouse.click(box["x"] + (column + 0.5) / 3 * box["width"], box["y"] + (row + 0.5) / 3 * box["height"])


def arrives(page: Any, wanted: set[str]) -> None:
    """The slices shown become these and no others."""
    found = page.locator(TILES)
    sync_api.expect(found).to_have_count(len(wanted))
    for slice_id in wanted:
        sync_api.expect(found.get_by_text(f"Slice {slice_id}", exact=True)).to_have_count(1)


def test_a_deep_link_is_the_first_visit_of_a_fresh_server(address: str, chromium: Any) -> None:
    expect = sync_api.expect
    slice_id = next(iter(benchmark_fixture.wrong("resnet18", "official")))
    page = opened(chromium)
    page.goto(f"{address}/Errors?model=resnet18&protocol=official&slice={slice_id}")
    expect(page.get_by_role("heading", name=re.compile(f"Slice {slice_id}: .* taken for"))).to_be_visible()
    expect(page.get_by_role("radio", name="official")).to_be_checked()
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    page.context.close()


def test_a_click_on_a_cell_arrives_at_its_slices_and_a_link_leads_back_to_them(address: str, chromium: Any) -> None:
    expect = sync_api.expect
    wrong = benchmark_fixture.wrong()
    page = opened(chromium)
    page.goto(f"{address}/Errors")
    settled(page)
    arrives(page, set(wrong))
    for cell in (("glioma", "pituitary"), ("pituitary", "meningioma")):
        click_cell(page, *cell)
        expect(page).to_have_url(re.compile(f"cell={cell[0]}-{cell[1]}"))
        expect(page.get_by_text(f"shown: {cell[0]} taken for {cell[1]}")).to_be_visible()
        arrives(page, {one for one, pair in wrong.items() if pair == cell})
        expect(page.locator(f"{DOOR} .shapelayer path")).to_have_count(1)

    # A correct cell opens too, and one without slices says so.
    click_cell(page, "glioma", "glioma")
    expect(page.get_by_text("shown: glioma named rightly")).to_be_visible()
    click_cell(page, "glioma", "meningioma")
    expect(page.get_by_text("This cell has no slices.")).to_be_visible()

    # One slice large; its address alone shows a colleague the same.
    click_cell(page, "glioma", "pituitary")
    expect(page.get_by_text("shown: glioma taken for pituitary")).to_be_visible()
    arrives(page, {one for one, pair in wrong.items() if pair == ("glioma", "pituitary")})
    page.locator(TILES).first.click()
    heading = page.get_by_role("heading", name=re.compile("Slice .*: glioma taken for pituitary"))
    expect(heading).to_be_visible()
    said, link = heading.inner_text(), page.url
    assert "slice=" in link
    page.keyboard.press("n")
    expect(heading).not_to_have_text(said)
    page.context.close()
    page = opened(chromium, 800)
    page.goto(link)
    expect(page.get_by_role("heading", name=said)).to_be_visible()
    expect(page.get_by_role("region", name="Probabilities by model")).to_contain_text("TraceNet")
    expect(page.get_by_text(re.compile("1 of . listed"))).to_be_visible()
    wide = page.evaluate(
        "(() => { const main = document.querySelector('[data-testid=\"stMain\"]');"
        " return main.scrollWidth - main.clientWidth })()"
    )
    assert wide <= 0, "nothing sticks out at 800 px"
    page.get_by_role("button", name="Back to the list").click()
    expect(page.get_by_text("shown: glioma taken for pituitary")).to_be_visible()
    page.context.close()


def write(page: Any, name: str, tag: str, comment: str) -> None:
    author = page.get_by_role("textbox", name="Your name")
    author.fill(name)
    author.press("Enter")
    settled(page)
    page.locator("[class*='st-key-notes_tags'] button").filter(has_text=tag).click()
    page.get_by_role("textbox", name="Comment").fill(comment)


def test_two_readers_note_the_same_slice_at_once_and_both_see_both(address: str, chromium: Any) -> None:
    expect = sync_api.expect
    slice_id = next(iter(benchmark_fixture.wrong()))
    pages = [opened(chromium), opened(chromium)]
    for page in pages:
        page.goto(f"{address}/Errors?slice={slice_id}")
        page.get_by_role("button", name="Save the note").wait_for()
    for page, name, tag in zip(pages, ("Ada", "Bob"), ("label suspect", "hard"), strict=True):
        write(page, name, tag, f"{name} was here")
    for page in pages:  # both have typed before either saves
        page.get_by_role("button", name="Save the note").click()
    for page, name in zip(pages, ("Ada", "Bob"), strict=True):
        expect(page.locator(".tt-noted").filter(has_text=f"{name} was here")).to_be_visible()
    for page in pages:
        page.reload()
        for name, tag in (("Ada", "label suspect"), ("Bob", "hard")):
            found = page.locator(".tt-noted").filter(has_text=f"{name} was here")
            expect(found).to_contain_text(tag)

    # One's own note is changed in a dialog and removed with a way back; the other's is left alone.
    first = pages[0]
    author = first.get_by_role("textbox", name="Your name")
    author.fill("Ada")
    author.press("Enter")
    expect(first.get_by_role("button", name="Change")).to_have_count(1)
    first.get_by_role("button", name="Change").click()
    dialog = first.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Comment").fill("Ada thought again")
    dialog.get_by_role("button", name="Save the change").click()
    expect(dialog).to_have_count(0)
    expect(first.get_by_text("Ada thought again")).to_be_visible()
    first.get_by_role("button", name="Remove").click()
    expect(first.get_by_text("Ada thought again")).to_have_count(0)
    first.get_by_role("button", name="Bring it back").click()
    expect(first.get_by_text("Ada thought again")).to_be_visible()

    # The list and the filter know both.
    pages[1].goto(f"{address}/Errors?view=notes")
    expect(pages[1].locator(".tt-noted")).to_have_count(2)
    for page in pages:
        page.context.close()
    assert {(one.author, one.comment) for one in store.notes("figshare", slice_id)} == {
        ("Ada", "Ada thought again"),
        ("Bob", "Bob was here"),
    }
