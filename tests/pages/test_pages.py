"""What a reader does on a page: opens a slice, filters, looks at a mistake, meets an error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tumortrace import paths
from tumortrace.data import splits
from tumortrace.data.catalog import CLASSES
from tumortrace.data.manifest import conform
from tumortrace.errors import DataError
from tumortrace.evaluation.report import make_report, write_reports
from tumortrace.ui import fetch, frame, gallery, style


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
    assert "Macro F1 · ResNet18" in text
    assert "protocol official, fold 1 · n = 570 slices" in text
    assert "No trained models are shipped" not in text


def test_shipped_mistakes_without_their_images_are_a_table_with_the_download(shipped, open_page, words):
    test = open_page("errors")
    assert not test.exception
    text = words(test)
    assert "57 of 570" in text
    assert "The slices themselves are not at hand" in text
    assert "Download the real dataset" in text
    assert len(test.dataframe[0].value) == 57


def test_a_link_to_a_models_mistakes_leads_there_even_after_another_was_chosen(shipped, finished, open_page):
    test = open_page("errors", model=finished.id)
    chosen = widget(test.selectbox, "errors_model")
    assert chosen.value == finished.id
    chosen.set_value("shipped/resnet18/official").run()
    assert widget(test.selectbox, "errors_model").value == "shipped/resnet18/official"
    test.query_params["model"] = "shipped/resnet18/official"
    test.run()
    test.query_params["model"] = finished.id
    test.run()
    assert widget(test.selectbox, "errors_model").value == finished.id


def test_mistakes_are_filtered_by_class(shipped, open_page, words):
    test = open_page("errors")
    widget(test.multiselect, "errors_true").set_value(["glioma"]).run()
    assert set(test.dataframe[0].value["True"]) == {"glioma"}
    widget(test.multiselect, "errors_predicted").set_value(["glioma"]).run()
    assert "No mistake fits it" in words(test)


def test_patients_are_counted_instead_of_slices_on_request(shipped, open_page, words):
    test = open_page("results", show="model")
    widget(test.segmented_control, "results_level").set_value("patient").run()
    assert not test.exception
    assert "patients; 95 % intervals" in words(test)


def test_a_slice_opens_by_deep_link_with_its_series(phantoms, open_page, words):
    test = open_page("dataset", slice="3")
    text = words(test)
    assert "Slice 3" in text
    assert "P01" in text
    assert any("Series: 2 slices" in slider.label for slider in test.select_slider)
    press(test, "Back to the gallery")
    assert "30 of 30 slices" in words(test)


def test_a_deep_link_to_no_slice_says_so_and_shows_the_gallery(phantoms, open_page, words):
    text = words(open_page("dataset", slice="nosuch"))
    assert "No such slice" in text
    assert "30 of 30 slices" in text


def test_the_gallery_is_filtered_by_class_patient_and_fold(phantoms, open_page, words):
    test = open_page("dataset")
    widget(test.pills, "gallery_classes").set_value(["glioma"]).run()
    assert "10 of 30 slices" in words(test)
    widget(test.selectbox, "gallery_patient").set_value("P01").run()
    assert "2 of 30 slices" in words(test)
    widget(test.selectbox, "gallery_fold").set_value(5).run()
    assert "No slice fits all of them" in words(test)


def test_no_more_than_a_page_of_pictures_is_sent(phantoms, open_page):
    assert len(open_page("dataset").get("image")) == gallery.PAGE_SIZE


def test_a_mistake_opens_with_its_probabilities_and_closes(finished, open_page, words):
    test = open_page("errors")
    first = next(button for button in test.button if str(button.key).startswith("error_"))
    first.click().run()
    assert not test.exception
    text = words(test)
    assert "taken for" in text
    assert "What the model said" in text
    assert "(true)" in text
    press(test, "Close")
    assert "taken for" not in words(test)


def test_an_expected_error_is_one_box_with_what_value_and_remedy(phantoms, open_page, words, monkeypatch):
    def broken(chosen):
        raise DataError("the folds <do> not fit", value="splits.csv", remedy="Import it again.")

    monkeypatch.setattr(gallery, "with_folds", broken)
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

    monkeypatch.setattr(fetch.subprocess, "Popen", Process)
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
    assert all((paths.root() / info.path).is_file() for info in frame.PAGES.values())


def test_a_mistake_shows_what_the_benchmark_kept_of_the_network_that_erred(shipped, home, open_page, words):
    name = "figshare"
    truth = splits.frozen_figshare()
    rows = truth[truth["official"] == 1]
    slice_id = str(rows["slice_id"].iloc[0])
    folder = home / "data" / name
    (folder / "images").mkdir(parents=True)
    columns = ["slice_id", "label", "patient_id", "person_id"]
    table = rows[columns].assign(official_fold=1, source="made up", sha256="0", height=64, width=64)
    conform(table).to_parquet(folder / "manifest.parquet")
    facts = {"kind": "figshare", "origin": "made up", "attribution": "", "fingerprint": "f" * 64, "report": {}}
    paths.write_json(folder / "dataset.json", facts)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8))
    for wrong in rows["slice_id"].iloc[::10]:
        picture.save(folder / "images" / f"{wrong}.png")
    recipe = {"model.name": "resnet18", "preprocess.size": 64}
    results = {"schema_version": 1, "recipes": {"resnet18": recipe}}
    paths.write_json(paths.artifacts() / "benchmark" / "results.json", results)
    map_ = np.full((1, 32, 32), 128, np.uint8)
    kept = {"model": np.array(["resnet18"]), "slice_id": np.array([slice_id]), "predicted": map_, "true": map_}
    np.savez_compressed(paths.artifacts() / "benchmark" / "saliency.npz", **kept)
    test = open_page("errors")
    test.session_state["errors_slice"] = f"{slice_id}/0"
    test.run()
    assert not test.exception
    assert "had not seen this patient" in words(test)
