"""The guided tour: every step in every state, the address, the note, and a run that it starts."""

from __future__ import annotations

import os

import numpy as np
import psutil
import pytest

from tests.shipping import ship_all
from tests.ui import benchmark_fixture
from tumortrace import runs
from tumortrace.config import presets
from tumortrace.config.fields import flatten
from tumortrace.scheduling import jobs, queue
from tumortrace.ui.tour import data, failure, live, page, prediction

STATES = ("home", "phantoms", "finished", "running", "crashed", "whole")
TEXTS = {
    (1, "home"): ["Which tumour is it?", "meningioma", "glioma", "pituitary", "drawn by the app"],
    (1, "phantoms"): ["drawn by the app"],
    (2, "home"): ["never met", "training", "test", "3,064", "once the benchmark has tested"],
    (2, "whole"): ["209", "Gain by leaking, points", "+3.0", "1.0 to +5.0"],
    (3, "home"): ["Nothing has been trained here yet", "Train it now"],
    (3, "running"): ["2 of 4", "Right on held-out slices", "Drawn slices"],
    (3, "finished"): ["Train again", "On test persons", "n = 6 slices"],
    (3, "crashed"): ["This run is crashed", "Train again"],
    (4, "home"): ["No results yet"],
    (4, "finished"): ["Macro F1", "synthetic slices", "n = 6 slices"],
    (4, "whole"): ["Ensemble", "What this says", "Protocol person", "n = 90 slices", "95 % intervals"],
    (5, "home"): ["There are no mistakes to show yet"],
    (5, "finished"): ["How many of each class it finds", "One of its mistakes", "taken for a", "A drawn slice"],
    (5, "whole"): ["Recall", "taken for a", "once the dataset is imported"],
    (6, "home"): ["There is nobody to ask yet"],
    (6, "phantoms"): ["There is nobody to ask yet"],
    (6, "whole"): ["There is nobody to ask yet"],
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return benchmark_fixture.judged(tmp_path_factory.mktemp("judged"))


@pytest.fixture
def whole(made):
    """Everything that ships of the benchmark, and no slices."""
    return benchmark_fixture.write(benchmark_fixture.document(), made)


def button(test, key):
    return next(found for found in test.button if found.key == key)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", range(1, len(page.STEPS) + 1))
def test_a_step_draws_in_every_state(step, state, request, open_page, words):
    request.getfixturevalue(state)
    test = open_page("present", present=str(step))
    assert not test.exception
    text = words(test)
    assert page.STEPS[step - 1].title in text
    assert 'role="alert"' not in text
    assert "Not for clinical use" in text
    assert not test.sidebar.get("page_link"), "the stage has no sidebar"
    for wanted in TEXTS.get((step, state), []):
        assert wanted in text, wanted


@pytest.mark.parametrize("asked", [None, "0", "7", "-1", "two", "²", ""])
def test_what_is_no_step_is_the_first(asked, open_page, words):
    test = open_page("present", **({} if asked is None else {"present": asked}))
    assert not test.exception
    assert page.STEPS[0].title in words(test)


def test_buttons_and_dots_move_and_the_address_follows(open_page, words):
    test = open_page("present", present="1")
    assert button(test, "tour_back").disabled
    button(test, "tour_next").click().run()
    assert test.query_params["present"] == "2"
    assert page.STEPS[1].title in words(test)
    button(test, "tour_6").click().run()
    assert test.query_params["present"] == "6"
    assert not [found for found in test.button if found.key == "tour_next"]
    button(test, "tour_back").click().run()
    assert page.STEPS[4].title in words(test)


def test_the_speakers_note_is_one_sentence_and_shown_on_request(open_page, words):
    test = open_page("present", present="4")
    assert page.STEPS[3].note not in words(test)
    test.toggle[0].set_value(True).run()
    assert page.STEPS[3].note in words(test)
    button(test, "tour_next").click().run()
    assert page.STEPS[4].note in words(test)
    assert all(step.note.endswith(".") and step.note.count(". ") == 0 for step in page.STEPS)


def test_home_leads_to_the_tour(open_page):
    test = open_page("home")
    assert button(test, "tour_start").label == "Start the guided tour"


def test_training_starts_the_demo_on_phantoms_that_are_drawn_first(home, monkeypatch):
    started = []

    def start(config):
        started.append(config)
        return runs.create(config, None, "queued")

    monkeypatch.setattr(jobs, "start", start)
    run_id = live.start()
    assert run_id == runs.list_runs()[0].id
    assert started[0].dataset == "phantom"
    wanted = presets.find_preset(presets.DEMO).values
    mine = flatten(started[0].model_dump())
    assert {name: mine[name] for name in wanted} == wanted
    from tumortrace.data import datasets

    assert datasets.available() == ["phantom"]


def test_a_run_that_learns_says_how_long_it_will_take(make_run, open_page, words):
    process = {"pid": os.getpid(), "pid_started": psutil.Process().create_time()}
    make_run("running", **process, eta_seconds=62.0, total_seconds=101.0)
    test = open_page("present", present="3")
    assert [element.proto.text for element in test.get("progress")] == ["Epoch 3 of 4, about 62 s left"]
    assert "This run will take about 1 min 40 s on this machine." in words(test)


def test_a_run_that_waits_says_so(make_run, open_page, words, monkeypatch):
    make_run("queued", epochs_done=0)
    # Nothing is started by looking: the device is taken.
    monkeypatch.setattr(queue, "dispatch", lambda: None)
    test = open_page("present", present="3")
    progress = [element.proto.text for element in test.get("progress")]
    assert progress == ["It waits until the device is free: another run is learning on it."]


def test_a_drawn_slice_is_turned_away_or_marked(phantoms, open_page, words):
    ship_all()
    test = open_page("present", present="6")
    assert not test.exception
    text = words(test)
    assert "drawn, not scanned" in text
    first = prediction.slice_for(None, [], 0)
    other = prediction.slice_for(None, [], 1)
    assert first.synthetic
    assert not np.array_equal(first.pixels, other.pixels)
    button(test, "tour_another").click().run()
    assert not test.exception


def test_the_neighbours_are_those_that_differ_least(phantoms):
    assert len(data._neighbours(None)) == data.NEIGHBOURS


def test_the_mistake_told_first_is_the_surest_of_the_confused_classes(finished):
    from tumortrace.ui.shell import results_index

    source = results_index.result_sources()[0]
    wrong = results_index.joined(source)
    wrong = wrong[~wrong["correct"]]
    row = failure.chosen(source, wrong, None)
    assert (row["true_class"], row["predicted_class"]) in failure.CONFUSED
