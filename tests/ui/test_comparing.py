"""The Train page's comparison of runs and the buttons of one run, in every state they may meet."""

from __future__ import annotations

import io
import zipfile

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.processes import SCRIPT_S
from tumortrace import runs
from tumortrace.config import fields, parse_config
from tumortrace.errors import RunNotFound
from tumortrace.runs import archive
from tumortrace.ui.shell import state
from tumortrace.ui.shell.cache import RunRow
from tumortrace.ui.train import compare, export_delete


def compared():
    from tumortrace.ui.shell import cache
    from tumortrace.ui.train import compare

    compare.render(cache.run_rows())


def acted(run_id):
    import streamlit as st

    from tumortrace import runs
    from tumortrace.ui.train import export_delete

    st.fragment(export_delete.render, run_every=1.5)(runs.find_run(run_id))


def dialog(run_id, name):
    """A dialog that stays open: AppTest runs the whole page, which would close it."""
    import streamlit as st

    from tumortrace import paths, runs
    from tumortrace.ui.shell import state
    from tumortrace.ui.train import export_delete

    st.session_state.setdefault(state.RUN, run_id)
    if (paths.runs() / run_id).exists():
        getattr(export_delete, name)(runs.find_run(run_id))


def opened(run, name):
    test = AppTest.from_function(dialog, kwargs={"run_id": run.id, "name": name}, default_timeout=SCRIPT_S).run()
    assert not test.exception
    return test


def panel():
    test = AppTest.from_function(compared, default_timeout=SCRIPT_S).run()
    assert not test.exception
    return test


def actions(run):
    test = AppTest.from_function(acted, kwargs={"run_id": run.id}, default_timeout=SCRIPT_S).run()
    assert not test.exception
    return test


def widget(kind, key):
    return next(found for found in kind if found.key == key)


def chosen(test, *found):
    test = widget(test.multiselect, state.COMPARE_RUNS).set_value([run.id for run in found]).run()
    assert not test.exception
    return test


def change(run, **values):
    flat = fields.flatten(run.config.model_dump()) | {name.replace("__", "."): value for name, value in values.items()}
    (run.folder / "config.json").write_text(parse_config(fields.nest(flat)).model_dump_json())


def label(test, key):
    return widget(test.button, key)


@pytest.fixture
def asked(monkeypatch):
    """What a download button was given."""
    given = {}

    def button(text, data, name, *args, **more):
        given.update(text=text, data=data, name=name, **more)

    monkeypatch.setattr(st, "download_button", button)
    return given


def test_without_runs_nothing_is_drawn(phantoms):
    assert not panel().subheader


def test_one_run_stands_alone_without_a_mark(finished, words):
    test = panel()
    assert widget(test.multiselect, state.COMPARE_RUNS).value == [finished.id]
    assert len(test.table) == 1
    assert test.table[0].value.loc["Test accuracy"].iloc[0].startswith("50.0\N{NO-BREAK SPACE}% (")
    text = words(test)
    assert compare.STAR not in text
    assert "Synthetic slices" in text
    assert "by bootstrap over" in text


def test_at_first_the_newest_two_with_curves_are_compared(make_run, finished, words):
    older, _ = make_run("stopped"), make_run("failed", epochs_done=0)
    test = panel()
    assert set(widget(test.multiselect, state.COMPARE_RUNS).value) == {finished.id, older.id}
    assert "None: these runs were asked for the same" in words(test)


def test_settings_that_differ_and_the_best_of_each_row_are_shown(make_run, finished, words):
    other = make_run("stopped", seconds=1.0)
    change(other, optim__lr=0.01, model__dropout=0.5)
    test = panel()
    settings_table, values = (table.value for table in test.table)
    assert settings_table.index.tolist() == ["model.dropout", "optim.lr"]
    assert set(settings_table.loc["optim.lr"]) == {"0.002", "0.01"}
    assert sum(compare.STAR in cell for cell in values.loc["Test accuracy"]) == 1
    assert sum(cell == compare.UNKNOWN for cell in values.loc["Test accuracy"]) == 1
    assert all(compare.STAR in cell for cell in values.loc["Validation loss"])
    # Ended early: the shorter time is no merit.
    assert not any(compare.STAR in cell for cell in values.loc["Training time"])
    assert "no proof of a difference" in words(test)


def test_every_measure_is_drawn_along_every_axis(make_run):
    make_run("stopped"), make_run("stopped")
    test = panel()
    for axis in compare.AXES:
        widget(test.segmented_control, state.COMPARE_X).set_value(axis)
        for measure in compare.MEASURES:
            test = widget(test.segmented_control, state.COMPARE_MEASURE).set_value(measure).run()
            assert not test.exception
            assert len(test.get("plotly_chart")) == 1


def test_other_protocols_or_datasets_get_a_warning_and_other_folds_a_word(make_run, words):
    first, second = make_run("stopped"), make_run("stopped")
    change(second, fold=2)
    text = words(panel())
    assert "tested on different folds" in text
    assert "Folds 2, 1" in text or "Folds 1, 2" in text
    change(second, protocol="person", dataset="other")
    test = chosen(panel(), first, second)
    assert "The figures of these runs do not compare" in words(test)
    assert not any(compare.STAR in cell for cell in test.table[1].value.loc["Validation loss"])


def test_a_run_without_epochs_is_named_and_leaves_dashes(make_run, words):
    test = chosen(panel_of(make_run), runs.list_runs()[0])
    assert "Nothing to draw yet" in words(test)
    assert not test.get("plotly_chart")
    assert test.table[0].value.loc["Validation loss"].tolist() == [compare.UNKNOWN]


def panel_of(make_run):
    make_run("created", epochs_done=0)
    return panel()


def test_a_run_deleted_meanwhile_is_let_go(make_run, words):
    first, second = make_run("stopped"), make_run("stopped")
    test = chosen(panel(), first, second)
    runs.delete(second.id)
    test.run()
    assert not test.exception
    assert widget(test.multiselect, state.COMPARE_RUNS).value == [first.id]
    assert "Choose one run or more" in words(chosen(test))


def test_names_are_short_and_no_two_are_the_same():
    def row(run_id, model="cnn3d", created=0.0):
        return RunRow(run_id, "stopped", model, None, "person", 2, 64, 1, 2, created, 0.0)

    rows = [row("a-1f"), row("a-2e"), row("b-2e"), row("c-3d", "resnet18")]
    named = compare.names(rows)
    assert len(set(named.values())) == 4
    assert named["a-1f"].startswith("3D CNN · person 2 · 64 px · ")
    assert named["a-1f"].endswith("1f")
    assert "3d" not in named["c-3d"]
    assert "Jan" in compare.names([row("a"), row("b", created=5e6)])["a"]


def test_signs_in_a_setting_are_not_read_as_markdown(make_run):
    first, second = make_run("stopped"), make_run("stopped")
    change(second, model__init="/tmp/*my*_weights.safetensors")
    assert r"\*my\*\_weights" in chosen(panel(), first, second).table[0].value.to_string()


def test_a_live_or_waiting_run_cannot_be_deleted_and_says_why(running, make_run):
    button = label(actions(running), f"delete_{running.id}")
    assert button.disabled
    assert "stop it first" in button.help
    waiting = make_run("queued")
    assert "cancel it first" in label(actions(waiting), f"delete_{waiting.id}").help


def test_a_deletion_asks_first_and_names_what_is_lost(finished, words):
    test = label(actions(finished), f"delete_{finished.id}").click().run()
    text = words(test)
    assert "3D CNN, official fold 1, epoch 4 of 4" in text
    assert "Settings, curves, log, test rows and report are lost" in text
    assert "no way back" in text
    assert finished.folder.exists()


def test_a_deleted_run_is_forgotten(finished, make_run):
    other = make_run("stopped")
    test = opened(finished, "confirm")
    assert label(test, f"delete_not_{finished.id}").click().run().button
    test.query_params[state.RUN] = finished.id
    test = label(test, f"delete_sure_{finished.id}").click().run()
    assert not test.exception
    assert not finished.folder.exists()
    assert other.folder.exists()
    assert state.RUN not in test.query_params
    assert not test.button


def test_a_run_that_started_again_meanwhile_is_not_deleted(crashed, words):
    test = opened(crashed, "confirm")
    crashed.write_status(crashed.status.model_copy(update={"state": "queued"}))
    test = label(test, f"delete_sure_{crashed.id}").click().run()
    assert "a run that is queued cannot be deleted" in words(test).lower()
    assert crashed.folder.exists()


def test_the_zip_is_made_when_it_is_asked_for(crashed, asked, monkeypatch):
    made = []
    export = archive.export_run
    monkeypatch.setattr(archive, "export_run", lambda *given, **more: made.append(more) or export(*given, **more))
    label(actions(crashed), f"export_{crashed.id}").click().run()
    assert asked.pop("name") == f"{crashed.id}.zip"
    test = opened(crashed, "take")
    assert not made
    with zipfile.ZipFile(io.BytesIO(asked["data"]())) as held:
        assert f"{crashed.id}/config.json" in held.namelist()
        assert f"{crashed.id}/checkpoint.ckpt" not in held.namelist()
    widget(test.toggle, f"{state.EXPORT_CHECKPOINT}{crashed.id}").set_value(True).run()
    with zipfile.ZipFile(io.BytesIO(asked["data"]())) as held:
        assert f"{crashed.id}/checkpoint.ckpt" in held.namelist()
    assert len(made) == 2


def test_a_zip_too_large_for_a_browser_is_a_command(finished, asked, words, monkeypatch):
    monkeypatch.setattr(export_delete, "LARGEST", 10)
    test = opened(finished, "take")
    assert f"runs export {finished.id}" in words(test)
    assert not asked


def test_a_run_without_a_checkpoint_says_so(finished, asked):
    test = opened(finished, "take")
    toggle = widget(test.toggle, f"{state.EXPORT_CHECKPOINT}{finished.id}")
    assert toggle.disabled
    assert "there is none" in toggle.label


def test_a_live_run_says_that_its_zip_is_not_the_end(running, asked, words):
    test = opened(running, "take")
    assert "what is there when it is made" in words(test)


def test_the_zip_of_a_run_deleted_meanwhile_is_refused(finished):
    runs.delete(finished.id)
    with pytest.raises(RunNotFound):
        export_delete.zipped(finished, False)


def test_sizes_are_said_as_people_say_them():
    assert [export_delete.megabytes(size) for size in (0, 2_000, 1_530_000, 43_100_000)] == [
        "0 kB",
        "2 kB",
        "1.5 MB",
        "43 MB",
    ]
