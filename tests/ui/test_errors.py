"""The Errors page: every view with nothing, with a benchmark, with its slices, and with a run of one's own."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from tests.ui import benchmark_fixture
from tumortrace import paths, runs
from tumortrace.config import parse_config
from tumortrace.data import splits
from tumortrace.evaluation.predictions import PROBABILITIES
from tumortrace.evaluation.report import make_report, write_report
from tumortrace.inference.retrieval import save_index
from tumortrace.notes import schema, store
from tumortrace.ui.errors import matrix, mistakes

VIEWS = ("mistakes", "patterns", "compare", "notes")
TEXTS = {
    "mistakes": ["8 of 90", "all mistakes", "Protocol person"],
    "patterns": ["Error rates", "Plane (estimated)", "few persons", "mends", "n = 90 slices"],
    "compare": ["alone is right on", "McNemar", "n = 90 slices", "Which slices those are", "95 % interval"],
    "notes": ["No notes yet"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return benchmark_fixture.judged(tmp_path_factory.mktemp("judged"))


@pytest.fixture
def shipped(made):
    """A benchmark of four models under two protocols; no images."""
    return benchmark_fixture.write(benchmark_fixture.document(), made)


@pytest.fixture
def imported(shipped, home):
    """The same, and its slices as noise."""
    return benchmark_fixture.import_slices(home)


def widget(kind, key):
    return next(found for found in kind if found.key == key)


def press(test, label):
    return next(button for button in test.button if button.label == label).click().run()


def tiles(test):
    return [button.label for button in test.button if str(button.key).startswith("error_")]


@pytest.mark.parametrize("state", ["shipped", "imported", "finished"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_draws_in_every_state(view, state, request, open_page, words):
    request.getfixturevalue(state)
    test = open_page("errors", view=view)
    assert not test.exception
    text = words(test)
    assert 'role="alert"' not in text
    assert "Not for clinical use" in text
    for wanted in TEXTS[view] if state != "finished" else []:
        assert wanted in text, wanted
    assert widget(test.segmented_control, "errors_view").value == view


def test_without_images_the_mistakes_are_a_table_with_the_download(shipped, open_page, words):
    test = open_page("errors", model="resnet18")
    text = words(test)
    assert "The slices themselves are not at hand" in text
    assert "Download the real dataset" in text
    assert "15 of 90" in text
    assert len(test.dataframe[0].value) == 15


def test_the_best_model_under_the_honest_protocol_comes_first(imported, open_page, words):
    test = open_page("errors")
    assert widget(test.selectbox, "errors_model").value == "ensemble"
    assert widget(test.segmented_control, "errors_protocol").value == "person"
    assert dict(test.query_params) == {}
    assert len(tiles(test)) == 8
    assert len(test.get("image")) == 8


def test_a_cell_by_its_address_shows_its_slices_alone(imported, open_page, words):
    found = benchmark_fixture.wrong()
    cell = [one for one, pair in found.items() if pair == ("glioma", "pituitary")]
    test = open_page("errors", cell="glioma-pituitary")
    assert sorted(tiles(test)) == sorted(f"Slice {one}" for one in cell)
    assert f"{len(cell)}** of {len(cell)} shown: glioma taken for pituitary" in words(test)
    assert widget(test.selectbox, "errors_cell").value == "glioma-pituitary"


def test_the_select_box_opens_a_cell_without_a_mouse_and_writes_the_address(imported, open_page, words):
    test = open_page("errors")
    widget(test.multiselect, "errors_true").set_value(["pituitary"]).run()
    widget(test.selectbox, "errors_cell").set_value("glioma-glioma").run()
    assert test.query_params["cell"] == "glioma-glioma"
    assert "glioma named rightly" in words(test)
    assert len(tiles(test)) == mistakes.PAGE_SIZE
    assert widget(test.multiselect, "errors_true").value == [], "an older filter does not hide the cell"
    widget(test.selectbox, "errors_cell").set_value("mistakes").run()
    assert "cell" not in test.query_params


def test_a_click_on_the_matrix_opens_the_cell_and_closes_a_slice(imported, open_page, monkeypatch):
    held = {"door": SimpleNamespace(selection=SimpleNamespace(points=[{"customdata": "glioma-pituitary"}]))}
    query = {"slice": "1", "seed": "2"}
    monkeypatch.setattr(st, "session_state", held)
    monkeypatch.setattr(st, "query_params", query)
    matrix._clicked("door")
    assert query == {"cell": "glioma-pituitary"}
    assert held["errors_cell"] == "glioma-pituitary"
    held["door"].selection.points = []
    matrix._clicked("door")
    held["door"].selection.points = [{"customdata": "nonsense"}]
    matrix._clicked("door")
    assert query == {"cell": "glioma-pituitary"}


def test_a_cell_without_slices_says_so(imported, open_page, words):
    text = words(open_page("errors", cell="glioma-meningioma"))
    assert "This cell has no slices" in text
    assert "No glioma taken for meningioma" in text


def test_a_model_without_mistakes_says_so(imported, open_page, words, monkeypatch):
    table = pd.read_parquet(paths.artifacts() / "benchmark" / "predictions.parquet")
    labels = splits.frozen_figshare().set_index("slice_id")["label"].reindex(table["slice_id"]).to_numpy(int)
    shares = np.eye(3)[labels]
    for place, name in enumerate(("p_meningioma", "p_glioma", "p_pituitary")):
        table[name] = shares[:, place]
    table.to_parquet(paths.artifacts() / "benchmark" / "predictions.parquet")
    for view, said in (("mistakes", "Every prediction is right"), ("patterns", "No error of a known person")):
        test = open_page("errors", view=view)
        assert not test.exception
        assert said in words(test)
    assert not open_page("errors", view="compare").exception


@pytest.mark.parametrize(
    "query",
    [
        {"model": "nosuch", "protocol": "x", "cell": "y", "slice": "99999", "view": "z"},
        {"model": "shipped/nosuch/person"},
        {"cell": "glioma-<script>"},
        {"slice": "1" * 5000},
        {"compare": "ensemble", "view": "compare"},
        {"patient": "nobody"},
    ],
)
def test_a_wish_of_the_address_that_cannot_be_met_is_said_and_dropped(query, imported, open_page, words):
    test = open_page("errors", **query)
    assert not test.exception
    text = words(test)
    assert "The address asks for something that is not there" in text
    assert "<script>" not in text.replace("<script>\ndocument", "")
    assert not {"cell", "slice", "compare", "patient"} & set(test.query_params)
    test.run()
    assert "The address asks for something" not in words(test)


def test_a_seed_that_is_none_is_the_first(imported, open_page, words):
    test = open_page("errors", slice=next(iter(benchmark_fixture.wrong())), seed="abc")
    assert not test.exception
    assert "What each model said" in words(test)


def test_a_link_of_older_kind_names_model_and_protocol_at_once(imported, open_page):
    test = open_page("errors", model="shipped/resnet18/official")
    assert widget(test.selectbox, "errors_model").value == "resnet18"
    assert widget(test.segmented_control, "errors_protocol").value == "official"
    assert dict(test.query_params) == {"model": "resnet18", "protocol": "official"}


def test_a_run_of_ones_own_is_a_model_too_and_may_be_left(shipped, finished, open_page, words):
    test = open_page("errors", model=finished.id)
    assert widget(test.selectbox, "errors_model").value == finished.id
    assert "3 of 6" in words(test)
    assert "tested on synthetic slices" in words(test)
    widget(test.selectbox, "errors_model").set_value("resnet18").run()
    assert test.query_params["model"] == "resnet18"
    assert "15 of 90" in words(test)
    test.query_params["model"] = finished.id
    test.run()
    assert widget(test.selectbox, "errors_model").value == finished.id


def test_mistakes_are_filtered_and_the_reader_is_told_when_none_fits(imported, open_page, words):
    test = open_page("errors")
    widget(test.multiselect, "errors_true").set_value(["glioma"]).run()
    assert tiles(test)
    widget(test.multiselect, "errors_predicted").set_value(["glioma"]).run()
    assert "No slice fits all of them" in words(test)
    widget(test.multiselect, "errors_predicted").set_value([]).run()
    widget(test.slider, "errors_confidence").set_value((0.0, 0.5)).run()
    assert "No slice fits all of them" in words(test)


@pytest.mark.parametrize("order", mistakes.ORDERS)
def test_every_order_sorts(order, imported, open_page):
    test = open_page("errors", cell="meningioma-meningioma")
    widget(test.selectbox, "errors_sort").set_value(order).run()
    assert not test.exception
    assert len(tiles(test)) == mistakes.PAGE_SIZE


def test_size_is_sorted_by_and_patients_are_together(imported, open_page):
    area = pd.read_parquet(imported / "manifest.parquet").set_index("slice_id")["area_px"]
    test = open_page("errors")
    widget(test.selectbox, "errors_sort").set_value("large").run()
    sizes = [area[label.removeprefix("Slice ")] for label in tiles(test)]
    assert sizes == sorted(sizes, reverse=True)
    widget(test.selectbox, "errors_sort").set_value("small").run()
    assert [area[label.removeprefix("Slice ")] for label in tiles(test)] == sizes[::-1]


def test_a_slice_opens_with_everybodys_probabilities_and_its_neighbours_in_the_list(imported, open_page, words):
    test = open_page("errors", model="resnet18")
    first = next(button for button in test.button if str(button.key).startswith("error_"))
    first.click().run()
    assert not test.exception
    text = words(test)
    slice_id = test.query_params["slice"]
    assert first.label == f"Slice {slice_id}"
    for wanted in (
        "What each model said",
        "Ensemble",
        "TraceNet",
        "on show",
        "true class",
        "1 of 15 listed",
        "All slices of patient",
        "See it in its series",
        "The index of similar slices ships with TraceNet",
    ):
        assert wanted in text, wanted
    press(test, "Next")
    assert test.query_params["slice"] != slice_id
    assert "2 of 15 listed" in words(test)
    press(test, "Previous")
    assert test.query_params["slice"] == slice_id
    press(test, "Back to the list")
    assert "slice" not in test.query_params
    assert len(tiles(test)) == mistakes.PAGE_SIZE


def test_a_slice_by_its_address_keeps_the_cell_for_stepping(imported, open_page, words):
    found = [one for one, pair in benchmark_fixture.wrong().items() if pair == ("glioma", "pituitary")]
    test = open_page("errors", cell="glioma-pituitary", slice=found[0])
    assert f"of {len(found)} listed" in words(test)
    right = next(one for one in benchmark_fixture.rows()["slice_id"] if one not in benchmark_fixture.wrong())
    test = open_page("errors", slice=right)
    text = words(test)
    assert "named rightly" in text
    assert "not among those listed" in text


def test_a_slice_stays_open_when_another_model_is_chosen(imported, open_page, words):
    slice_id = next(iter(benchmark_fixture.wrong()))
    test = open_page("errors", slice=slice_id)
    widget(test.selectbox, "errors_model").set_value("resnet18").run()
    assert f"Slice {slice_id}:" in "\n".join(element.value for element in test.subheader)
    widget(test.segmented_control, "errors_view").set_value("patterns").run()
    assert "slice" not in test.query_params


def test_a_link_to_a_slice_leads_to_it_from_any_view(imported, open_page, words):
    test = open_page("errors", view="notes")
    test.query_params.clear()
    test.query_params["slice"] = next(iter(benchmark_fixture.wrong()))
    test.run()
    assert "What each model said" in words(test)
    assert widget(test.segmented_control, "errors_view").value == "mistakes"


def test_a_slice_without_images_still_shows_what_the_models_said(shipped, open_page, words):
    text = words(open_page("errors", slice=next(iter(benchmark_fixture.wrong()))))
    assert "What each model said" in text
    assert "No picture" in text


def test_saliency_kept_of_the_network_that_erred_is_shown(imported, open_page, words):
    slice_id = next(iter(benchmark_fixture.wrong("resnet18", "official")))
    map_ = np.full((1, 32, 32), 128, np.uint8)
    kept = {"model": np.array(["resnet18"]), "slice_id": np.array([slice_id]), "predicted": map_, "true": map_}
    np.savez_compressed(paths.artifacts() / "benchmark" / "saliency.npz", **kept)
    for model in ("resnet18", "tracenet"):
        test = open_page("errors", slice=slice_id, model=model, protocol="official")
        assert not test.exception
        assert "had not seen this patient" in words(test)
    assert "had not seen this patient" not in words(open_page("errors", slice=slice_id, model="resnet18"))


def test_nearest_training_slices_are_of_other_persons_and_other_folds(imported, open_page, words):
    truth = splits.frozen_figshare()
    seen = np.random.default_rng(0).normal(size=(len(truth), 80)).astype(np.float32)
    save_index(seen, truth["slice_id"].tolist(), paths.artifacts() / "models" / "tracenet")
    test = open_page("errors", slice=next(iter(benchmark_fixture.wrong())))
    assert not test.exception
    text = words(test)
    assert "likeness" in text
    assert "From the training part of person fold" in text
    assert text.count("likeness 0.") + text.count("likeness -0.") == 6


def test_a_damaged_index_of_similar_slices_is_one_box_and_the_rest_stays(imported, open_page, words):
    folder = paths.artifacts() / "models" / "tracenet"
    folder.mkdir(parents=True)
    (folder / "neighbours.npz").write_bytes(b"no zip")
    test = open_page("errors", slice=next(iter(benchmark_fixture.wrong())))
    assert not test.exception
    text = words(test)
    assert "is damaged" in text
    assert "All slices of patient" in text


def test_the_persons_other_exams_stand_below_and_all_are_filtered_by(imported, open_page, words):
    truth = splits.frozen_figshare()
    several = truth.groupby("person_id")["patient_id"].nunique()
    mine = truth[truth["person_id"] == several[several > 1].index[0]]
    table = pd.DataFrame(
        {"model": "ensemble", "protocol": "person", "seed": 0, "fold": mine["person"].astype(int),
         "slice_id": mine["slice_id"], "p_meningioma": 0.2, "p_glioma": 0.2, "p_pituitary": 0.6}
    )  # fmt: skip
    table.to_parquet(paths.artifacts() / "benchmark" / "predictions.parquet")
    test = open_page("errors", slice=mine["slice_id"].iloc[0])
    assert not test.exception
    text = words(test)
    for other in set(mine["patient_id"]) - {mine["patient_id"].iloc[0]}:
        assert f"Another exam of this person: {other}" in text
    test = open_page("errors", patient=f"person {mine['person_id'].iloc[0]}")
    assert f"{len(mine)}** of {len(mine)} shown" in words(test)
    first = mine[mine["patient_id"] == mine["patient_id"].iloc[0]]
    widget(test.selectbox, "errors_patient").set_value(mine["patient_id"].iloc[0]).run()
    assert test.query_params["patient"] == mine["patient_id"].iloc[0]
    assert f"{len(first)}** of {len(mine)} shown" in words(test)


def test_a_person_leads_from_the_patterns_to_the_mistakes(imported, open_page, words):
    test = open_page("errors", view="patterns")
    people = widget(test.selectbox, "errors_person")
    person = people.options[0].split(" ")[0]
    people.select_index(0).run()
    assert not test.exception
    assert "view" not in test.query_params
    assert person in test.query_params["patient"]
    assert tiles(test)


def test_patterns_are_counted_where_the_benchmark_has_not(made, imported, open_page, words):
    benchmark_fixture.write(None, made)
    (paths.artifacts() / "benchmark" / "results.json").unlink()
    test = open_page("errors", view="patterns")
    assert not test.exception
    text = words(test)
    for wanted in ("Tumour area, share of the slice", "Test fold", "Slices of the patient", "contrast"):
        assert wanted in text


def test_what_the_vote_mends_leads_to_those_slices(imported, open_page, words):
    test = open_page("errors", view="patterns")
    press(test, "See the slices it mends of ResNet18")
    assert not test.exception
    assert test.query_params["view"] == "compare"
    mended = set(benchmark_fixture.wrong("resnet18")) - set(benchmark_fixture.wrong())
    assert f"alone is right on {len(mended)} slices" in words(test)
    assert set(tiles(test)) == {f"Slice {one}" for one in mended}


def test_two_models_are_compared_by_their_address_and_their_slices_stepped_through(imported, open_page, words):
    test = open_page("errors", view="compare", model="tracenet", compare="resnet18")
    text = words(test)
    first, second = set(benchmark_fixture.wrong("tracenet")), set(benchmark_fixture.wrong("resnet18"))
    assert f"TraceNet alone is right on {len(second - first)} slices, ResNet18 alone on {len(first - second)}" in text
    assert set(tiles(test)) == {f"Slice {one}" for one in second - first}
    widget(test.segmented_control, "errors_outcome").set_value("only second").run()
    assert set(tiles(test)) == {f"Slice {one}" for one in first - second}
    next(button for button in test.button if str(button.key).startswith("error_")).click().run()
    assert f"1 of {len(first - second)} listed" in words(test)
    assert test.query_params["view"] == "compare"
    press(test, "Back to the list")
    assert "McNemar" in words(test)


def test_comparing_says_when_there_is_no_other_model(finished, open_page, words):
    assert "Nothing to compare with" in words(open_page("errors", view="compare"))


@pytest.fixture
def own_run(imported):
    """A finished run on the benchmark's slices, wrong where the ResNet18 is right and the other way round."""
    run = runs.create(parse_config({"dataset": "figshare", "model": {"name": "cnn3d"}, "preprocess": {"size": 32}}))
    table = benchmark_fixture.rows()
    table = table[(table["model"] == "resnet18") & (table["protocol"] == "official")].assign(model="cnn3d")
    table = table[table["fold"] == 1]
    shares = table[list(PROBABILITIES)].to_numpy()
    table[list(PROBABILITIES)] = np.roll(shares, 1, axis=1)
    table.to_parquet(run.folder / "predictions.parquet", index=False)
    write_report(make_report(table, splits.frozen_figshare(), replicates=20), run.folder / "report.json")
    return run


@pytest.mark.parametrize("view", VIEWS)
def test_a_run_on_the_real_slices_stands_beside_the_benchmark(view, own_run, open_page, words):
    test = open_page("errors", model=own_run.id, view=view, **({"compare": "resnet18"} if view == "compare" else {}))
    assert not test.exception
    text = words(test)
    assert 'role="alert"' not in text
    assert "not there" not in text
    if view == "compare":
        assert "alone is right on" in text
    if view == "mistakes":
        next(button for button in test.button if str(button.key).startswith("error_")).click().run()
        assert not test.exception
        text = words(test)
        assert "3D CNN · run of" in text
        assert "ResNet18" in text


def test_a_report_without_its_rows_says_so(imported, open_page, words):
    (paths.artifacts() / "benchmark" / "predictions.parquet").unlink()
    for view in ("mistakes", "patterns", "compare"):
        test = open_page("errors", view=view, slice="1")
        assert not test.exception
        assert "No predictions of this model are at hand" in words(test)


def write(test, slice_id, author="ada", tags=("hard",), comment="look again"):
    widget(test.text_input, "notes_author").set_value(author)
    widget(test.pills, f"notes_tags:{slice_id}").set_value(list(tags))
    widget(test.text_area, f"notes_comment:{slice_id}").set_value(comment)
    return press(test, "Save the note")


def test_a_note_is_kept_shown_marked_filtered_by_and_listed(imported, open_page, words):
    slice_id = next(iter(benchmark_fixture.wrong()))
    test = write(open_page("errors", slice=slice_id), slice_id)
    assert not test.exception
    assert [(one.author, one.tags, one.comment) for one in store.notes("figshare", slice_id)] == [
        ("ada", ("hard",), "look again")
    ]
    assert "look again" in words(test)
    assert widget(test.text_area, f"notes_comment:{slice_id}").value == ""
    press(test, "Back to the list")
    assert 'class="tt-tag">hard' in words(test)
    widget(test.selectbox, "errors_tag").set_value("hard").run()
    assert tiles(test) == [f"Slice {slice_id}"]
    widget(test.segmented_control, "errors_view").set_value("notes").run()
    assert "1** of 1 notes, on 1 slice." in words(test)
    widget(test.pills, "notes_filter").set_value("hard").run()
    press(test, f"Slice {slice_id} of figshare")
    assert test.query_params["slice"] == slice_id
    assert "view" not in test.query_params


def test_a_note_of_ones_own_can_be_changed_removed_and_brought_back(imported, open_page, words):
    slice_id = next(iter(benchmark_fixture.wrong()))
    store.add("figshare", slice_id, "bob", ["artefact"], "bobs")
    test = write(open_page("errors", slice=slice_id), slice_id)
    assert sum(button.label == "Remove" for button in test.button) == 1, "only one's own"
    press(test, "Remove")
    assert [one.author for one in store.notes()] == ["bob"]
    press(test, "Bring it back")
    assert [one.author for one in store.notes()] == ["ada", "bob"]
    press(test, "Change")
    mine = store.notes()[0]
    widget(test.text_area, f"comment_{mine.id}_{mine.version}").set_value("said better")
    press(test, "Save the change")
    assert not test.exception
    assert store.notes()[0].comment == "said better"


def test_a_change_that_comes_too_late_is_said(imported, open_page, words):
    slice_id = next(iter(benchmark_fixture.wrong()))
    test = write(open_page("errors", slice=slice_id), slice_id)
    press(test, "Change")
    mine = store.notes()[0]
    store.change(mine.id, mine.version, "ada", ["artefact"], "from elsewhere")
    key = f"comment_{mine.id}_{mine.version}"
    widget(test.text_area, key).set_value("too late")
    press(test, "Save the change")
    assert not test.exception
    assert "changed in the meantime" in words(test)
    assert store.notes()[0].comment == "from elsewhere"


@pytest.mark.parametrize(("author", "comment", "said"), [("", "x", "needs a name"), ("ada", "", "says nothing")])
def test_a_note_that_is_none_is_refused_and_what_was_typed_stays(author, comment, said, imported, open_page, words):
    slice_id = next(iter(benchmark_fixture.wrong()))
    test = write(open_page("errors", slice=slice_id), slice_id, author=author, tags=(), comment=comment)
    assert not test.exception
    assert said in words(test)
    assert widget(test.text_area, f"notes_comment:{slice_id}").value == comment
    assert store.notes() == []


def test_what_is_written_in_a_note_is_text_and_nothing_else(imported, open_page, words):
    slice_id = next(iter(benchmark_fixture.wrong()))
    store.add("figshare", slice_id, "<b>ada", ["<i>tag"], "<script>alert(1)</script> **bold**")
    for query in ({"slice": slice_id}, {"view": "notes"}, {}):
        text = words(open_page("errors", **query))
        assert "<script>alert" not in text
        assert "<b>ada" not in text
        assert "<i>tag" not in text


def test_notes_that_cannot_be_read_are_a_box_and_the_page_goes_on(imported, home, open_page, words):
    schema.path().write_bytes(b"no database" * 300)
    test = open_page("errors")
    assert not test.exception
    assert "file of notes is damaged" in words(test)
    assert len(tiles(test)) == 8
    slice_id = next(iter(benchmark_fixture.wrong()))
    test = open_page("errors", slice=slice_id)
    assert not test.exception
    assert "What each model said" in words(test)


def test_notes_are_shown_where_no_model_is_at_hand(phantoms, open_page, words):
    store.add("phantom", "3", "ada", ["hard"], "without any model")
    text = words(open_page("errors"))
    assert "No results yet" in text
    assert "without any model" in text


def test_notes_of_many_pages_are_paged(imported, open_page, words):
    for number in range(40):
        store.add("figshare", str(number), "ada", ["hard"])
    test = open_page("errors", view="notes")
    assert not test.exception
    assert "40** of 40 notes" in words(test)
    assert words(test).count('class="tt-noted"') == 15
