"""The Results page: every section with a whole benchmark, with half of one, and with none."""

from __future__ import annotations

import io
import shutil

import pandas as pd
import pytest
import streamlit as st

from tests.ui import benchmark_fixture
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.ui import home
from tumortrace.ui.components import tables
from tumortrace.ui.results import leaderboard, pairwise, sections
from tumortrace.ui.shell import benchmark_document, results_index, state

EMPTY = ResultsDocument(preset="full", note="A note.", created="2026-01-02")
TEXTS = {
    "leaderboard": [
        "What this says", "Macro F1 with its 95 % interval", "cannot be told apart",
        "Ensemble", "Majority vote", "Protocol person", "n = 90 slices", "95 % intervals", "Recall",
        "64 px, one seed.", "slice 1", "benchmark --preset cpu --resume", "Shifted test", "12.3 points lost",
        "613 test slices",
    ],
    "confusions": ["Shade: share of the true class", "TraceNet", "Ensemble", "n = 90 slices", "carry no interval"],
    "model": [
        "Confusion matrix", "macro average", "Precision and recall", "ECE, 15 bins",
        "Spread over folds and seeds", "90.0 ± 2.0 %", "soft vote", "Weight in the vote",
    ],
    "pairs": ["Ensemble", "is better than TraceNet by 3.0 points", "quote the interval", "n = 90 slices of 30 persons"],
    "leakage": ["memory of a head", "official against person", "n = 90 slices", "Gliomas seen before", "+3.0"],
    "ablations": ["TraceNet", "n = 90 slices", "The recipe itself: 90.0", "folds 1, 2"],
    "failures": ["Error rates", "Plane (estimated)", "MR1", "4 of 9", "None was removed", "Not known for these slices"],
    "localisation": ["Pointing game", "Blind: even", "Outlines that TraceNet draws itself", "protocol official"],
    "literature": ["Someone et al. 2019", "TraceNet, best single network", "swapped", "https://arxiv.org/abs/2411.12874"],
}  # fmt: skip
FILES = {
    "leaderboard": ["tumortrace_leaderboard_person.csv", "tumortrace_shifted_person.csv"],
    "confusions": [],
    "model": [],
    "pairs": ["tumortrace_comparisons_person_accuracy.csv"],
    "leakage": ["tumortrace_leakage.csv", "tumortrace_follow_ups.csv"],
    "ablations": ["tumortrace_ablations_tracenet.csv"],
    "failures": [
        "tumortrace_error_rates_ensemble_person.csv", "tumortrace_hardest_persons_ensemble_person.csv",
        "tumortrace_label_suspects_person.csv",
    ],
    "localisation": ["tumortrace_localisation.csv", "tumortrace_outlines.csv"],
    "literature": ["tumortrace_literature.csv"],
}  # fmt: skip
NEEDS = [name for name in sections.SECTIONS if name not in ("leaderboard", "confusions", "model", "literature")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return benchmark_fixture.judged(tmp_path_factory.mktemp("judged"))


@pytest.fixture
def whole(made):
    return benchmark_fixture.write(benchmark_fixture.document(), made)


def files(test):
    return [element.proto.label for element in test.get("download_button")]


def widget(kind, key):
    return next(found for found in kind if found.key == key)


@pytest.mark.parametrize("section", sections.SECTIONS)
def test_a_section_shows_its_figures_and_offers_them_as_files(section, whole, open_page, words):
    test = open_page("results", show=section)
    assert not test.exception
    text = words(test)
    assert 'role="alert"' not in text
    for wanted in TEXTS[section]:
        assert wanted.lower() in text.lower(), wanted
    labels = files(test)
    assert [label for label in labels if label.startswith("tumortrace_")] == FILES[section]
    assert any(label.startswith("results.json") for label in labels)
    assert any(label.startswith("predictions.parquet") for label in labels)


@pytest.mark.parametrize("section", NEEDS)
def test_a_section_without_its_part_says_so_and_names_the_command(section, made, open_page, words):
    benchmark_fixture.write(EMPTY, made)
    test = open_page("results", show=section)
    assert not test.exception
    text = words(test)
    assert "yet." in text
    assert "benchmark --preset full --resume" in text


def test_the_honest_protocol_comes_first_and_another_may_be_chosen(whole, open_page, words):
    test = open_page("results")
    assert widget(test.segmented_control, "protocol").value == "person"
    assert "The honest number" in words(test)
    widget(test.segmented_control, "protocol").set_value("official").run()
    assert "Follow-up exams of one head still cross folds" in words(test)
    assert "tumortrace_leaderboard_official.csv" in files(test)
    assert test.query_params["protocol"] == "official"
    widget(test.segmented_control, "protocol").set_value("slice").run()
    assert not test.exception
    assert "No model has been tested under slice yet." in words(test)


@pytest.mark.parametrize(
    ("query", "key", "value"),
    [
        ({"show": "leaderboard", "headline": "accuracy", "count": "patient"}, "headline", "accuracy"),
        ({"show": "leaderboard", "figure": "recall-glioma"}, "figure", "recall-glioma"),
        ({"show": "confusions", "cells": "shares", "protocol": "official"}, "cells", "shares"),
        ({"show": "pairs", "first": "resnet18", "second": "tracenet"}, "second", "tracenet"),
        ({"show": "leakage", "leak": "recall/glioma"}, "leak", "recall/glioma"),
        ({"show": "ablations", "ablation": "log_loss"}, "ablation", "log_loss"),
        ({"show": "localisation", "score": "road", "slices": "wrong"}, "score", "road"),
        ({"show": "failures", "of": "resnet18"}, "of", "resnet18"),
        ({"model": "tracenet", "protocol": "official"}, "results_model", "tracenet"),
    ],
)
def test_a_link_leads_to_the_very_figure(query, key, value, whole, open_page):
    test = open_page("results", **query)
    assert not test.exception
    assert widget([*test.segmented_control, *test.selectbox], key).value == value
    for name, wanted in query.items():
        assert test.query_params[name] == wanted


@pytest.mark.parametrize("section", sections.SECTIONS)
def test_what_the_address_asks_in_vain_is_ignored_and_leaves_it(section, whole, open_page, words):
    junk = dict.fromkeys(state.RESULTS_ADDRESS, "<junk>")
    test = open_page("results", show=section, **junk)
    assert not test.exception
    assert 'role="alert"' not in words(test)
    assert "<junk>" not in [value for name, value in test.query_params.items() if name != "show"]
    assert test.query_params["show"] == section
    assert not open_page("results", show="<junk>").exception


def test_a_choice_of_one_section_leaves_the_address_with_it(whole, open_page):
    test = open_page("results", show="ablations", ablation="log_loss", protocol="official")
    widget(test.segmented_control, "show").set_value("pairs").run()
    assert "ablation" not in test.query_params
    assert test.query_params["protocol"] == "official"
    widget(test.segmented_control, "show").set_value("ablations").run()
    assert test.query_params["ablation"] == "log_loss", "the session keeps it"


def test_a_section_is_kept_in_the_address(whole, open_page):
    test = open_page("results")
    widget(test.segmented_control, "show").set_value("ablations").run()
    assert test.query_params["show"] == "ablations"
    assert widget(test.segmented_control, "base").value == "tracenet"


def test_a_link_to_a_model_leads_to_it_and_the_reader_may_leave_it(whole, open_page, words):
    test = open_page("results", model="shipped/resnet18/official")
    assert widget(test.selectbox, "results_model").value == "resnet18"
    assert "Protocol official, folds 1, 2" in words(test)
    widget(test.selectbox, "results_model").set_value("tracenet").run()
    assert widget(test.selectbox, "results_model").value == "tracenet"
    widget(test.segmented_control, "show").set_value("leaderboard").run()
    assert "Leaderboard" in [element.value for element in test.subheader]


def test_a_model_shows_its_recipe_its_temperature_and_its_cost(whole, open_page, words):
    text = words(open_page("results", model="shipped/resnet18/person"))
    for wanted in ("preprocess.size", "With its temperature", "Temperatures 0.90 to 0.90", "CPU, 1 thread", "1.2"):
        assert wanted in text


def test_runs_of_the_user_stand_apart_from_the_benchmark(whole, finished, open_page, words):
    text = words(open_page("results"))
    assert "Your runs" in text
    assert "not part of the benchmark" in text
    assert "Some results here rest on synthetic slices" in text
    assert text.index("Majority vote") < text.index("(synthetic slices)")


def test_patients_are_counted_on_request(whole, open_page, words):
    test = open_page("results")
    widget(test.segmented_control, "count").set_value("patient").run()
    assert not test.exception
    assert "patients;" in words(test)
    assert "tumortrace_leaderboard_person_patients.csv" in files(test)


def test_a_synthetic_benchmark_is_marked_in_every_section(made, open_page, words):
    benchmark_fixture.write(benchmark_fixture.document().model_copy(update={"synthetic": True}), made)
    assert "These results rest on synthetic slices" in words(open_page("results", show="leakage"))


def test_results_that_cannot_be_read_are_a_box_and_the_rest_stays(made, open_page, words):
    folder = benchmark_fixture.write(None, made)
    (folder / "results.json").write_text("{")
    test = open_page("results")
    assert not test.exception
    text = words(test)
    assert "results cannot be read" in text
    assert "TraceNet" in text


def test_published_figures_are_shown_without_any_results(open_page, words):
    benchmark_fixture.write(None, None)
    test = open_page("results")
    assert not test.exception
    assert "No results yet" in words(test)
    assert "Someone et al. 2019" in words(test)


def test_home_headlines_the_ensemble_under_the_honest_protocol(whole, open_page, words):
    text = words(open_page("home"))
    assert "Macro F1 on slices the model never saw. Protocol person" in text
    assert "Ensemble has the highest macro F1 of 3 models" in text
    assert "n = 90 slices" in text
    assert "Majority" not in text


def test_sources_list_networks_first_and_baselines_last(whole):
    found = [(source.report.model, source.report.protocol) for source in results_index.result_sources()]
    assert found[:4] == [
        ("ensemble", "person"),
        ("tracenet", "person"),
        ("resnet18", "person"),
        ("ensemble", "official"),
    ]
    assert [model for model, _ in found[-2:]] == ["majority", "majority"]
    assert home.leading([]) == []


def test_models_stand_in_one_order():
    names = ["majority", "cnn3d", "new", "classical", "tracenet", "ensemble", "cnn3d"]
    assert benchmark_document.in_order(names) == ["ensemble", "tracenet", "cnn3d", "new", "classical", "majority"]


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (
            (0.012, 0.001, 0.023),
            "TraceNet is better than ResNet18 by 1.2 points of accuracy (95 % interval 0.1 to 2.3).",
        ),
        (
            (-0.02, -0.03, -0.01),
            "ResNet18 is better than TraceNet by 2.0 points of accuracy (95 % interval 1.0 to 3.0).",
        ),
        ((0.01, -0.01, 0.03), "No difference can be told: TraceNet less ResNet18 is +1.0 points"),
    ],
)
def test_a_comparison_is_one_plain_sentence(gap, said):
    line = dict(zip(("difference", "low", "high"), gap, strict=True)) | {"first": "tracenet", "second": "resnet18"}
    assert pairwise.outcome(line, "Accuracy").startswith(said)


def test_a_small_p_is_not_shown_as_nought():
    assert pairwise.p_value(1e-9).endswith("0.001")
    assert pairwise.p_value(0.0321).endswith("0.032")


def test_a_file_has_the_numbers_unrounded(monkeypatch):
    given = {}
    monkeypatch.setattr(st, "download_button", lambda label, data, name, *rest, **more: given.update({name: data()}))
    tables.download(lambda: pd.DataFrame({"value": [0.123456789]}), "numbers")
    read = pd.read_csv(io.StringIO(given["tumortrace_numbers.csv"]))
    assert read["value"].tolist() == [0.123456789]


def test_what_stands_in_a_table_is_escaped(monkeypatch):
    drawn = []
    monkeypatch.setattr(st, "html", drawn.append)
    tables.show_table("<b>", ["<i>"], [tables.Group("<u>"), tables.Line([tables.Cell("<s>", "<q>", 'x"y')])])
    assert not any(tag in drawn[0] for tag in ("<b>", "<i>", "<u>", "<s>", "<q>", 'x"y'))


def test_where_the_board_of_runs_is_cut_off_it_says_so(finished, open_page, words, monkeypatch):
    monkeypatch.setattr(leaderboard, "NEWEST", 1)
    shutil.copytree(finished.folder, finished.folder.with_name("another"))
    said = words(open_page("results"))
    assert "The newest 1 of 2 runs; every one can be chosen under One model." in said
    model = next(box for box in open_page("results", show="model").selectbox if box.key == state.RESULTS_MODEL)
    assert len(model.options) == 2
