"""Every page in every state: it draws, raises nothing, and says what a reader needs."""

from __future__ import annotations

import os

import psutil
import pytest
from streamlit.testing.v1 import AppTest

PAGES = ("home", "dataset", "train", "results", "errors", "classify")
STATES = ("home", "phantoms", "finished", "running", "crashed")
TITLES = {"home": "TumorTrace", "dataset": "Dataset", "train": "Train", "results": "Results", "errors": "Errors",
          "classify": "Classify"}  # fmt: skip
TEXTS = {
    ("home", "home"): ["No dataset is imported yet", "Nothing is running", "Explore", "Train", "Classify"],
    ("home", "phantoms"): ["30 synthetic slices", "No trained models are shipped"],
    ("home", "running"): ["1 run running"],
    ("home", "finished"): ["n = 6 slices", "synthetic slices"],
    ("dataset", "home"): ["No dataset is imported yet", "Make phantom slices", "Download the real", "data import"],
    ("dataset", "phantoms"): ["These slices are synthetic", "<dt>Slices</dt><dd>30<", "30 of 30 slices"],
    ("train", "home"): ["Make phantom slices"],
    ("train", "phantoms"): ["Start training", "-m tumortrace train", "No runs yet", "synthetic slices"],
    ("train", "running"): ["Stop", "Epoch", "cpu"],
    ("train", "crashed"): [
        "This run is crashed", "the last line of the log", "Resume", "from the last checkpoint",
        "The process was killed",
    ],
    ("train", "finished"): ["See its results", "Export", "Compare runs", "Nothing waits"],
    ("results", "home"): ["No results yet", "Make phantom slices"],
    ("results", "phantoms"): ["No results yet", "Train a model"],
    ("results", "finished"): [
        "Leaderboard", "No benchmark ships with this copy", "Your runs", "official; fold 1; n = 6 slices",
        "95 % intervals", "Not for clinical use", "rest on synthetic slices",
    ],
    ("errors", "home"): ["Make phantom slices"],
    ("errors", "finished"): ["3 of 6", "all mistakes", "Not for clinical use"],
    ("classify", "home"): ["No trained model is shipped", "Make phantom slices"],
    ("classify", "phantoms"): ["Train a model"],
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_draws_in_every_state(page, state, request, open_page, words):
    request.getfixturevalue(state)
    test = open_page(page)
    assert not test.exception
    text = words(test)
    assert TITLES[page] in text
    assert 'role="alert"' not in text or state == "crashed"
    for wanted in TEXTS.get((page, state), []):
        assert wanted in text, wanted


@pytest.mark.parametrize(
    ("advice", "box"), [(None, False), ("That is more than the 2 min this preset promises.", True)]
)
def test_a_live_run_says_how_long_it_will_take_and_warns_where_it_was_promised_less(
    advice, box, make_run, open_page, words
):
    process = {"pid": os.getpid(), "pid_started": psutil.Process().create_time()}
    make_run("running", **process, eta_seconds=130.0, total_seconds=200.0, advice=advice)
    test = open_page("train")
    assert not test.exception
    text = words(test)
    assert "This run will take about 3 min 20 s on this machine." in text
    assert [element.proto.text for element in test.get("progress")] == [
        "Epoch 3 of 4, step 5 of 10, about 2 min 10 s left"
    ]
    warned = [
        element.value for element in test.get("html") if "tt-warn" in element.value and "tt-note" in element.value
    ]
    assert any("2 min this preset promises" in value for value in warned) == box


@pytest.mark.parametrize("page", PAGES)
def test_every_page_links_to_every_other_and_names_the_classes(page, open_page, words):
    test = open_page(page)
    assert len(test.sidebar.get("page_link")) == len(PAGES)
    text = words(test)
    assert all(name in text for name in ("meningioma", "glioma", "pituitary"))


def test_a_finished_run_leads_to_all_its_figures(finished, open_page, words):
    test = open_page("results", model=finished.id)
    assert not test.exception
    text = words(test)
    for wanted in (
        "Confusion matrix", "Classification report", "ROC", "Reliability", "Training curves",
        "Protocol official, fold 1; n = 6 slices", "95 % intervals", "rest on synthetic slices",
    ):  # fmt: skip
        assert wanted in text, wanted


def test_a_finished_run_has_no_stop_button(finished, open_page):
    labels = [button.label for button in open_page("train").button]
    assert "Stop" not in labels
    assert "Resume" not in labels


def test_a_stop_is_asked_for_once_and_shown(running, open_page):
    test = open_page("train")
    next(button for button in test.button if button.label == "Stop").click().run()
    assert not test.exception
    assert running.stop_requested()
    asked = next(button for button in test.button if button.label.startswith("Stopping"))
    assert asked.disabled


def test_a_run_that_failed_shows_its_error_and_its_log(make_run, open_page, words):
    make_run("failed", error="the loss is nan at epoch 2, step 3 of 10")
    text = words(open_page("train"))
    assert "the loss is nan at epoch 2" in text
    assert "the last line of the log" in text


def test_the_run_chosen_stands_in_the_address_and_survives_a_reload(make_run, open_page):
    older, newer = make_run("cancelled"), make_run("cancelled", created=2e9)
    test = open_page("train")
    box = next(one for one in test.selectbox if one.key == "run")
    assert box.value == newer.id
    assert "run" not in test.query_params, "what is watched by itself may change"
    box.set_value(older.id).run()
    assert older.id in test.query_params["run"]
    again = open_page("train", run=older.id)
    assert next(one for one in again.selectbox if one.key == "run").value == older.id


@pytest.mark.parametrize(("dialog", "drawn"), [(False, 2), (True, 1)])
def test_a_run_that_ends_has_the_page_drawn_anew_unless_a_dialog_is_open(dialog, drawn, make_run):
    def script(run_id, dialog):
        import streamlit as st

        from tumortrace.ui.train import monitor

        times = st.session_state["times"] = st.session_state.get("times", 0) + 1
        st.session_state["run_dialog"] = dialog
        monitor._panel(run_id, times == 1)

    test = AppTest.from_function(script, args=(make_run("stopped").id, dialog), default_timeout=30).run()
    assert not test.exception
    assert test.session_state["times"] == drawn


def test_opening_a_dialog_is_known_to_the_page(running, open_page):
    test = open_page("train")
    next(button for button in test.button if button.key == f"export_{running.id}").click().run()
    assert test.session_state["run_dialog"]
