"""What a reader does on a page: opens a slice, filters, looks at a mistake, meets an error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumortrace import paths, processes
from tumortrace.constants import CLASSES
from tumortrace.data import splits
from tumortrace.errors import DataError
from tumortrace.evaluation.report import make_report, write_reports
from tumortrace.ui.gallery import page
from tumortrace.ui.gallery import rows as dataset_rows
from tumortrace.ui.shell import layout, style


def press(test, label):
    return next(button for button in test.button if button.label == label).click().run()


def widget(kind, key):
    return next(found for found in kind if found.key == key)


@pytest.fixture
def shipped():
    """Shipped rows and report of a model, with a mistake in every tenth slice, and no images imported."""
    truth = splits.frozen_figshare()
    rows = truth[truth["official"] == 1]
    shares = np.full((len(rows), len(CLASSES)), 0.05)
    for place, label in enumerate(rows["label"].astype(int)):
        shares[place, (label + 1) % 3 if place % 10 == 0 else label] = 0.9
    table = pd.DataFrame(
        {"model": "resnet18", "protocol": "official", "seed": 0, "fold": 1, "slice_id": rows["slice_id"].astype(str)}
    ).assign(**{f"p_{name}": shares[:, place] for place, name in enumerate(CLASSES)})
    folder = paths.artifacts() / "benchmark"
    folder.mkdir(parents=True)
    table.to_parquet(folder / "predictions.parquet", index=False)
    write_reports([make_report(table, truth, replicates=50)], folder / "reports.json")


def test_home_headlines_what_ships_with_protocol_n_and_interval(shipped, open_page, words):
    text = words(open_page("home"))
    assert "Macro F1 on slices the model never saw" in text
    assert '<th scope="row">ResNet18' in text
    assert "Protocol official; fold 1; n = 570 slices" in text
    assert "No trained models are shipped" not in text


def test_patients_are_counted_instead_of_slices_on_request(shipped, open_page, words):
    test = open_page("results", show="model")
    widget(test.segmented_control, "count").set_value("patient").run()
    assert not test.exception
    assert "patients; 95 % intervals" in words(test)


def test_a_slice_opens_by_deep_link_with_its_series(phantoms, open_page, words):
    test = open_page("dataset", slice="3")
    text = words(test)
    assert "Slice 3" in text
    assert "P01" in test.table[0].value.to_string()
    assert any("Series: 2 slices" in slider.label for slider in test.select_slider)
    press(test, "Back to the gallery")
    assert "30 of 30 slices" in words(test)


def test_a_deep_link_to_no_slice_says_so_and_shows_the_gallery(phantoms, open_page, words):
    text = words(open_page("dataset", slice="nosuch"))
    assert "No such slice" in text
    assert "30 of 30 slices" in text


def test_the_gallery_is_filtered_by_class_patient_and_fold(phantoms, open_page, words):
    test = open_page("dataset")
    widget(test.pills, "class").set_value(["glioma"]).run()
    assert "10 of 30 slices" in words(test)
    widget(test.selectbox, "patient").set_value("P01").run()
    assert "2 of 30 slices" in words(test)
    widget(test.selectbox, "fold").set_value(5).run()
    assert "No slice fits all of them" in words(test)


def test_no_more_than_a_page_of_pictures_is_sent(phantoms, open_page):
    assert len(open_page("dataset").get("image")) == page.PAGE_SIZE


def test_an_expected_error_is_one_box_with_what_value_and_remedy(phantoms, open_page, words, monkeypatch):
    def broken(chosen):
        raise DataError("the folds <do> not fit", value="splits.csv", remedy="Import it again.")

    monkeypatch.setattr(dataset_rows, "rows_of", broken)
    test = open_page("dataset")
    assert not test.exception
    text = words(test)
    assert "The folds &lt;do&gt; not fit" in text
    assert "splits.csv" in text
    assert "Import it again." in text


def test_the_download_starts_a_process_and_its_log_is_shown(open_page, words, monkeypatch):
    started = []

    class Process:
        pid = 2**22 - 1

        def __init__(self, command, **settings):
            started.append(command)
            settings["stdout"].write(b"no network\n")

        def poll(self):
            return 1

    monkeypatch.setattr(processes.subprocess, "Popen", Process)
    test = open_page("dataset")
    press(test, "Download the real dataset")
    assert not test.exception
    assert started[0][1:] == ["-m", "tumortrace", "data", "download"]
    text = words(test)
    assert "The download ended without a dataset" in text
    assert "no network" in text


def test_what_comes_from_outside_is_escaped():
    assert "<b>x" not in style.note("<b>x", "error", "<b>x")
    assert "<i>" not in style.error_box(DataError("what", value="<i>", remedy="<i>"))


def test_every_page_of_the_frame_exists():
    assert all((paths.root() / info.path).is_file() for info in layout.PAGES.values())
