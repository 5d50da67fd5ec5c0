"""What people bring: a damaged dataset beside a whole one, a part of the published set, class folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import PAGES
from tumortrace import paths
from tumortrace.config.presets import PRESETS
from tumortrace.constants import CLASSES
from tumortrace.data import splits
from tumortrace.data.ingest import background
from tumortrace.data.ingest.importer import import_dataset
from tumortrace.ui.shell import state

Open = Callable[..., AppTest]
Words = Callable[[AppTest], str]


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (32, 32), dtype=np.uint8)).save(path)


@pytest.fixture
def class_folders(tmp_path: Path, home: Path) -> Path:
    for number in range(30):
        draw(tmp_path / "in" / CLASSES[number % 3] / f"{number}.png", number)
    return tmp_path / "in"


@pytest.mark.parametrize("page", [name for name in PAGES if name != "present"])
@pytest.mark.parametrize("damage", ["dataset.json", "manifest.parquet"])
def test_a_damaged_dataset_is_named_and_another_one_is_shown(
    page: str, damage: str, phantoms: str, class_folders: Path, open_page: Open, words: Words
) -> None:
    import_dataset(class_folders, "damaged", workers=1)
    path = paths.data() / "damaged" / damage
    path.write_bytes(b"")
    if damage == "manifest.parquet":
        path.unlink()
    test = open_page(page)
    assert not test.exception
    assert "30 synthetic slices" in words(test) or page != "home", "the whole one is taken first"
    test.sidebar.selectbox(key=state.DATASET).set_value("damaged").run()
    assert not test.exception
    said = words(test)
    assert "The dataset damaged is damaged" in said
    assert "--name damaged --replace" in said
    assert not test.sidebar.selectbox(key=state.DATASET).set_value(phantoms).run().exception
    assert "is damaged" not in words(test)


@pytest.mark.parametrize("page", [name for name in PAGES if name != "present"])
def test_one_missing_picture_spoils_no_page(page: str, phantoms: str, open_page: Open, words: Words) -> None:
    pictures = sorted((paths.data() / phantoms / "images").iterdir())
    pictures[0].unlink()
    pictures[1].write_bytes(b"no picture")
    test = open_page(page)
    assert not test.exception
    assert "is damaged" not in words(test)


def test_a_part_of_the_published_set_is_called_so_and_the_rest_stays_on_offer(
    tmp_path: Path, home: Path, open_page: Open, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = splits.frozen_figshare().set_index("slice_id")
    lines = ["slice_id,label,patient_id"]
    for number in range(1, 13):
        draw(tmp_path / "part" / "images" / f"{number}.png", number)
        row = known.loc[str(number)]
        lines.append(f"{number},{int(row['label']) + 1},{row['patient_id']}")
    (tmp_path / "part" / "slices.csv").write_text("\n".join(lines))
    import_dataset(tmp_path / "part", "figshare", workers=1)
    test = open_page("dataset")
    assert not test.exception
    assert "12 of 3,064 slices" in "\n".join(item.value for item in test.sidebar.caption)
    assert "<b>12 of 3,064" in words(test) or "**12 of 3,064** published slices" in words(test)
    asked: list[bool] = []
    monkeypatch.setattr(background, "start_download", lambda *, replace=False: asked.append(replace))
    test.button(key="download_real").click().run()
    assert asked == [True], "the part is swapped for the whole"


def test_what_the_dataset_has_no_folds_for_is_said_beside_the_field(
    class_folders: Path, open_page: Open, words: Words
) -> None:
    import_dataset(class_folders, workers=1)
    test = open_page("train")
    start = lambda: test.button(key="start_training_0")  # noqa: E731
    assert test.selectbox(key="form:protocol").value == "slice", "the only one there is"
    assert not start().disabled
    test.selectbox(key="form:protocol").set_value("person").run()
    assert start().disabled
    assert "needs patient ids" in words(test)
    for key in PRESETS:
        test.button(key=f"preset_{key}").click().run()
        assert test.selectbox(key="form:protocol").value == "slice", key
        assert not start().disabled, key


def test_areas_stay_in_pixels_where_the_spacing_is_unknown_and_what_was_left_out_is_counted(
    tmp_path: Path, open_page: Open, words: Words
) -> None:
    lines = ["slice_id,label,patient_id,border_xy"]
    for number in range(1, 7):
        draw(tmp_path / "own" / "images" / f"{number}.PNG", min(number, 5))
        lines.append(f'{number},{number % 3 + 1},MR04024{number}{"AB"[number % 2]},"5,5 15,5 15,15 5,15"')
    lines += ["7,1,MR040249,", "8,9,MR040249,"]
    (tmp_path / "own" / "slices.csv").write_text("\n".join(lines))
    import_dataset(tmp_path / "own", "own", workers=1)
    said = words(open_page("dataset", slice="1"))
    assert "mm²" not in said
    test = open_page("dataset")
    assert not test.exception
    said = words(test)
    assert "2 left out or unreadable, 2 pictures under conflicting labels" in said
    assert "Persons by a rule of this app: ids MR######X" in said
    test = open_page("dataset", view="Quality")
    said = "\n".join(element.label for element in test.expander)
    assert "One picture, several labels: 2 found" in said
    assert "Unreadable slices: 2 found" in said
