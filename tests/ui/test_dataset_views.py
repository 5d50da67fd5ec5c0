"""Map, near-duplicates, splits and quality on the Dataset page: with little known, with phantoms, with the real set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests import shipping
from tests.processes import SCRIPT_S
from tumortrace import paths
from tumortrace.data import datasets, splits
from tumortrace.inference import embedding
from tumortrace.ui.dataset import embedding_map, near_duplicates
from tumortrace.ui.shell import state

VIEWS = ("Map", "Near-duplicates", "Splits", "Quality")


@pytest.fixture
def bare(phantoms: str) -> str:
    """The phantoms without patients, folds, outlines, sizes."""
    path = paths.data() / phantoms / "manifest.parquet"
    rows = pd.read_parquet(path)
    for name in ("patient_id", "person_id", "series_id", "official_fold", "outline", "area_px"):
        rows[name] = pd.Series(pd.NA, index=rows.index, dtype=rows[name].dtype)
    rows.to_parquet(path)
    return phantoms


def twin(name: str, first: str, second: str) -> None:
    """Give one slice the pixels of another."""
    dataset = datasets.open_dataset(name)
    Image.fromarray(dataset.pixels(first)).save(dataset.image_path(second))


def mapped(name: str, count: int | None = None, **facts: object) -> embedding.Embedding:
    """A map of made-up places, where the page looks for one."""
    shipping.ship("resnet18")
    dataset = datasets.open_dataset(name)
    ids = dataset.manifest["slice_id"].astype(str).tolist()[:count]
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(ids), 8)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    features[1] = features[0]
    points = pd.DataFrame({"slice_id": ids, "x": rng.uniform(-1, 1, len(ids)), "y": rng.uniform(-1, 1, len(ids))})
    bundle = embedding.embedding_model()
    found = {
        "model": "resnet18", "weights_sha256": bundle.card["weights_sha256"], "trained_on": "nothing at all",
        "held_out": {"protocol": "official", "fold": 1}, "dataset": name, "fingerprint": dataset.fingerprint,
        "method": embedding.METHOD, "seed": 0, "n": len(ids), "of": len(dataset.manifest), "near": 0.05,
        "near_pairs": 0,
    }  # fmt: skip
    made = embedding.Embedding(points, features, found | facts)
    embedding.save_embedding(made, embedding.embedding_path(dataset, bundle))
    return made


def press(test, label):
    return next(button for button in test.button if button.label.startswith(label)).click().run()


def widget(kind, key):
    return next(found for found in kind if found.key == key)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dataset", ["phantoms", "bare"])
def test_a_section_draws_with_little_known_and_with_much(view, dataset, request, open_page, words):
    request.getfixturevalue(dataset)
    test = open_page("dataset", view=view)
    assert not test.exception
    assert 'role="alert"' not in words(test)


def test_what_is_missing_is_said_and_why(bare, open_page, words):
    assert "No trained model is shipped" in words(open_page("dataset", view="Map"))
    text = words(open_page("dataset", view="Near-duplicates"))
    assert "No near-duplicates" in text
    assert "too few persons to measure it here" in text
    text = words(open_page("dataset", view="Splits"))
    assert "nobody can tell who stands on both sides" in text
    assert "Not known of these slices: patients and persons" in text
    text = words(open_page("dataset", view="Quality"))
    assert "This dataset has no outlines" in text
    assert "This dataset does not say whose slices these are" in text
    assert "Patient, series or fold unknown: 30 found" in text


def test_a_dataset_without_any_folds_says_so(bare, open_page, words):
    path = paths.data() / bare / "manifest.parquet"
    pd.read_parquet(path).head(4).to_parquet(path)
    assert "No folds to show" in words(open_page("dataset", view="Splits"))


def test_planted_twins_are_shown_counted_by_protocol_and_handed_to_the_gallery(phantoms, open_page, words):
    twin(phantoms, "1", "30")
    test = open_page("dataset", view="Near-duplicates")
    text = words(test)
    assert "**1 pair** is a near-duplicate" in text
    assert "0 bits differ" in text
    assert "different labels" in text
    rows = splits.table_for(datasets.open_dataset(phantoms)).set_index("slice_id")
    for protocol in ("official", "person", "slice"):
        torn = rows.loc["1", protocol] != rows.loc["30", protocol]
        assert f"{int(torn)} of 1" in text
    widget(test.get("button_group") or test.segmented_control, state.TWINS_SHOW).set_value("Same person").run()
    assert "No pair is of this kind" in words(test)
    widget(test.get("button_group") or test.segmented_control, state.TWINS_SHOW).set_value("Different label").run()
    press(test, "Show all 2 in the gallery")
    assert not test.exception
    assert "2 of 30 slices" in words(test)


def test_pairs_are_filtered_by_whose_they_are_and_where_they_stand():
    pairs = pd.DataFrame(
        {
            "same_person": pd.array([True, False, None], "boolean"),
            "same_label": pd.array([True, False, True], "boolean"),
            "official": pd.array([True, False, None], "boolean"),
        }
    )

    def kept(show):
        return near_duplicates.filtered(pairs, show, "official").index.tolist()

    assert [kept(show) for show in near_duplicates.SHOW] == [[0, 1, 2], [0], [1], [0], [1]]


@pytest.mark.parametrize("colour", ["Class", "Person", "Fold", "Error", "Tumour size"])
def test_a_map_is_drawn_in_every_colour(colour, finished, phantoms, open_page, words):
    mapped(phantoms)
    test = open_page("dataset", view="Map")
    widget(test.get("button_group") or test.segmented_control, state.MAP_COLOUR).set_value(colour).run()
    assert not test.exception
    spec = json.loads(test.get("plotly_chart")[0].proto.spec)
    points = [point for trace in spec["data"] for point in trace.get("customdata", [])]
    assert len(points) == 30
    assert spec["layout"]["dragmode"] == "lasso"
    text = words(test)
    assert "has never seen these" in text
    assert "30 slices as the last layer of ResNet18 sees them" in text


def test_what_is_selected_is_shown_and_handed_to_the_gallery(phantoms, open_page, words):
    mapped(phantoms)
    test = open_page("dataset", view="Map")
    assert "Draw a lasso" in words(test)
    test.session_state[state.MAP_SELECTED] = (phantoms, ("1", "4", "5"))
    test.run()
    text = words(test)
    assert "**3 slices**, 3 persons" in text or "**3 slices**, 2 persons" in text
    press(test, "Show all 3 in the gallery")
    assert not test.exception
    assert "3 of 30 slices" in words(test)


def test_a_selection_gives_each_slice_once_and_passes_over_the_legend():
    event = {"selection": {"points": [{"customdata": ["7"]}, {"x": 1}, {"customdata": ["2"]}, {"customdata": ["7"]}]}}
    assert embedding_map.chosen(event, ["1", "2", "7"]) == ["2", "7"]
    assert embedding_map.chosen(None, ["1"]) == []


def test_a_map_of_a_part_says_so(phantoms, open_page, words):
    mapped(phantoms, count=20)
    text = words(open_page("dataset", view="Map"))
    assert "20 of 30 slices, drawn at random" in text
    assert "older than the weights" not in text


def test_a_shipped_map_that_is_older_than_the_weights_says_how_to_renew_it(phantoms, open_page, words, monkeypatch):
    made = mapped(phantoms, weights_sha256="0" * 64)
    embedding.save_embedding(made, embedding.shipped())
    monkeypatch.setattr(embedding, "is_published", lambda manifest: True)
    text = words(open_page("dataset", view="Map"))
    assert "The map is older than the weights" in text
    assert "publish-map" in text


def test_features_find_their_own_pairs(phantoms, open_page, words):
    mapped(phantoms)
    test = open_page("dataset", view="Near-duplicates")
    widget(test.get("button_group") or test.segmented_control, state.TWINS_KIND).set_value("Model features").run()
    assert not test.exception
    assert "what the last layer of ResNet18 sees" in words(test)
    assert "distance 0.000" in words(test)


def test_the_map_is_made_at_the_press_of_a_button(phantoms, open_page, words):
    shipping.ship("resnet18")
    test = open_page("dataset", view="Map")
    assert "No map has been made of this dataset yet" in words(test)
    test.default_timeout = SCRIPT_S
    press(test, "Make the map")
    assert not test.exception
    assert "has never seen these" in words(test)
    assert embedding.find_embedding(datasets.open_dataset(phantoms)).facts["n"] == 30


def test_a_damaged_map_is_one_error_with_its_remedy(phantoms, open_page, words, monkeypatch):
    made = mapped(phantoms)
    embedding.save_embedding(made, embedding.shipped())
    (embedding.shipped() / "map.parquet").write_bytes(b"damaged")
    monkeypatch.setattr(embedding, "is_published", lambda manifest: True)
    text = words(open_page("dataset", view="Map"))
    assert "The map of the slices is damaged" in text
    assert "publish-map" in text


def test_exams_of_one_person_stand_side_by_side_and_a_link_leads_to_them(phantoms, open_page, words):
    path = paths.data() / phantoms / "manifest.parquet"
    rows = pd.read_parquet(path)
    rows["patient_id"] = rows["patient_id"].replace({"P00": "MR000001", "P03": "MR000001B", "P06": "MR000006"})
    rows["patient_id"] = rows["patient_id"].replace({"P09": "MR000006B"})
    rows["person_id"] = rows["patient_id"].str.replace("B", "")
    rows.to_parquet(path)
    text = words(open_page("dataset", view="Splits"))
    assert "**2 persons were examined more than once**" in text
    assert "Exam MR000001B" in text
    test = open_page("dataset", view="Splits", exams="MR000006")
    text = words(test)
    assert not test.exception
    assert "Exam MR000006B" in text
    assert "Exam MR000001B" not in text
    press(test, "Show all 4 in the gallery")
    assert "4 of 30 slices" in words(test)
    assert "No such person" in words(open_page("dataset", view="Splits", exams="nobody"))


def test_the_quality_report_lists_what_is_planted_and_hands_it_to_the_gallery(phantoms, open_page, words):
    dataset = datasets.open_dataset(phantoms)
    dataset.image_path("3").unlink()
    Image.fromarray(np.full((48, 48), 7, np.uint8)).save(dataset.image_path("5"))
    test = open_page("dataset", view="Quality")
    assert not test.exception
    text = words(test)
    assert "Unreadable slices: 1 found" in text
    assert "its file is missing" in text
    assert "cannot be read" in text
    assert "Constant or empty pictures: 1 found" in text
    assert "every pixel is 7" in text
    widget(test.button, "quality_gallery_flat").click().run()
    assert state.PICKED in test.session_state
    assert test.session_state[state.PICKED][1] == ("5",)


def test_a_large_dataset_is_opened_at_the_press_of_a_button_alone(phantoms, open_page, words, monkeypatch):
    from tumortrace.ui.dataset import lookups

    monkeypatch.setattr(lookups, "FEW", 10)
    test = open_page("dataset", view="Quality")
    assert "Half of the report is missing" in words(test)
    press(test, "Open 30 slices")
    assert not test.exception
    assert "Half of the report is missing" not in words(test)
    assert "No near-duplicates" in words(open_page("dataset", view="Near-duplicates"))


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_the_real_dataset_draws_in_every_section(view, monkeypatch, open_page, words):
    home = Path(__file__).resolve().parents[2] / ".tumortrace"
    if not (home / "data" / "figshare" / "dataset.json").is_file():
        pytest.skip("the real dataset is not imported")
    monkeypatch.setenv("TUMORTRACE_HOME", str(home))
    monkeypatch.delenv("TUMORTRACE_ARTIFACTS")
    test = open_page("dataset", view=view)
    assert not test.exception
    assert 'role="alert"' not in words(test)
