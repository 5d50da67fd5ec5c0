"""Runs that cannot be read: every page shows the rest and names them."""

from __future__ import annotations

import json
import shutil

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import PAGES
from tumortrace import runs
from tumortrace.ui.shell import cache
from tumortrace.ui.train import monitor


@pytest.fixture
def broken(finished):
    """Three copies of a finished run: of another version, half a status, no report."""
    made = []
    for name in ("of-later", "half", "without"):
        shutil.copytree(finished.folder, finished.folder.with_name(name))
        made.append(runs.Run(finished.folder.with_name(name)))
    config = made[0].folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"note": "x"}))
    (made[1].folder / "status.json").write_text("{")
    (made[2].folder / "report.json").unlink()
    return made


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_rest_and_names_what_it_cannot_read(page, finished, broken, open_page, words):
    test = open_page(page, **({"present": "3"} if page == "present" else {}))
    assert not test.exception
    text = words(test)
    assert "3 runs cannot be read" in text
    for run in broken:
        assert run.id in text
    assert 'role="alert"' not in text
    assert ("runs delete of-later" in text) == (page == "train")
    assert page == "train" or "The Train page says why, and what to do" in text


def test_the_good_run_is_offered_where_runs_are_chosen(finished, broken, open_page, words):
    boxes = {box.key: box for box in open_page("train").selectbox}
    assert len(boxes["run"].options) == 1
    assert [entry.run.id for entry in cache.finished_runs()] == [finished.id]
    assert "3 of 6" in words(open_page("errors"))


def test_the_reasons_of_many_unreadable_runs_are_cut_off_and_this_is_said(make_run, open_page, words):
    for _ in range(monitor.SAID + 1):
        (make_run("cancelled").folder / "config.json").write_text("")
    text = words(open_page("train"))
    assert f"{monitor.SAID + 1} runs cannot be read" in text
    assert f"{monitor.SAID} of {monitor.SAID + 1} runs; all with" in text


def test_a_waiting_run_that_cannot_be_read_hides_no_other(make_run, open_page, words):
    lost, good = make_run("queued"), make_run("queued")
    (lost.folder / "config.json").write_text("{}x")
    test = open_page("train")
    assert not test.exception
    text = words(test)
    assert "waits in vain" in text
    assert {f"queue_cancel_{run.id}" for run in (lost, good)} <= {button.key for button in test.button}


def test_a_run_damaged_while_its_dialog_is_open_is_said_in_it(finished, words):
    (finished.folder / "config.json").write_text("")

    def script(run_id):
        from tumortrace import runs
        from tumortrace.ui.train import export_delete

        export_delete.confirm(runs.find_run(run_id))

    dialog = AppTest.from_function(script, args=(finished.id,), default_timeout=30).run()
    assert not dialog.exception
    assert "cannot be read: config.json is damaged" in words(dialog)


def test_the_list_of_runs_says_where_it_is_cut_off(make_run, open_page, words, monkeypatch):
    monkeypatch.setattr(monitor, "NEWEST", 2)
    made = [make_run("cancelled") for _ in range(3)]
    test = open_page("train")
    text = words(test)
    assert "2 of 3 runs; all with" in text
    assert "runs list" in text
    assert len(test.dataframe[0].value) == 2
    assert len(next(box for box in test.selectbox if box.key == "run").options) == len(made)
