"""A run as it learns, in every state: what shows, what is said where something is missing, and what pins do."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests.processes import SCRIPT_S
from tumortrace import paths
from tumortrace.data import datasets
from tumortrace.runs import snapshots
from tumortrace.runs.run import Run
from tumortrace.runs.snapshots import Snapshot
from tumortrace.ui.shell import state
from tumortrace.ui.train import epochs

VALIDATION = ("7", "8", "9", "10", "11", "12")
TRUTH = (0, 0, 1, 1, 2, 2)  # patients 3 to 5 of the phantoms


def panel() -> None:
    from tumortrace import runs
    from tumortrace.ui.shell import layout
    from tumortrace.ui.train import validation_tiles

    with layout.errors():
        validation_tiles.render(runs.list_runs()[0])


def opened() -> AppTest:
    test = AppTest.from_function(panel, default_timeout=SCRIPT_S).run()
    assert not test.exception
    return test


def typed(run: Run, slice_id: str) -> AppTest:
    """With an id typed into the box, which a test cannot do itself."""
    test = AppTest.from_function(panel, default_timeout=SCRIPT_S)
    test.session_state[f"{state.LEARNING_CANDIDATE}{run.id}"] = slice_id
    test.run()
    assert not test.exception
    return test


def think(run: Run, epoch: int, watched: tuple[str, ...] = VALIDATION[:3], parts: str = "validation") -> None:
    """Slice 9, a glioma, is taken for a meningioma until epoch 3; all others are right."""
    shares = np.full((len(VALIDATION), 3), 0.1, np.float32)
    shares[range(len(VALIDATION)), TRUTH] = 0.8
    if epoch < 3:
        shares[2] = (0.9, 0.05, 0.05)
    maps = np.zeros((len(watched), 8, 8), np.uint8)
    maps[:, 2:5, 2:5] = 200
    snapshots.write_snapshot(
        run, Snapshot(epoch, list(VALIDATION), [parts] * len(VALIDATION), shares, list(watched), maps)
    )


@pytest.fixture
def learning_run(running: Run) -> Run:
    """Two epochs seen, and a second of the third."""
    folder = running.folder / "telemetry" / "version_1"
    folder.mkdir(parents=True)
    telemetry = pd.DataFrame({"epoch": [0.5, 1.5, 2.1], "step": [5, 15, 21], "loss": [1.0, 0.8, 0.7], "lr": 1e-3})
    telemetry.to_csv(folder / "metrics.csv", index=False)
    for epoch in (1, 2):
        think(running, epoch)
    return running


Words = Callable[[AppTest], str]


def test_before_the_first_epoch_the_loss_shows_and_the_rest_is_announced(make_run, words: Words):
    run = make_run("created", epochs_done=0)
    folder = run.folder / "telemetry" / "version_1"
    folder.mkdir(parents=True)
    pd.DataFrame({"epoch": [0.1], "step": [1], "loss": [1.1]}).to_csv(folder / "metrics.csv", index=False)
    test = opened()
    assert "after the first epoch" in words(test)
    assert len(test.get("plotly_chart")) == 6
    assert "single steps" in test.get("plotly_chart")[0].proto.spec


def test_a_run_shows_its_watched_slices_with_what_the_model_says(learning_run, words: Words):
    test = opened()
    text = words(test)
    assert len(test.get("image")) == 3
    assert "Validation slices after epoch 2" in text
    assert "Grad-CAM towards the predicted class" in text
    assert "Chosen at random per class before training" in text
    assert "<b>Wrong</b>: says meningioma" in text
    assert "<b>Right</b>" in text
    assert "These slices are synthetic" in text
    assert "validation part, not the test fold; n = 6 slices" in text


def test_the_newest_epoch_shows_by_itself_until_somebody_looks_back(learning_run, words: Words):
    test = opened()
    think(learning_run, 3)
    test.run()
    assert "after epoch 3" in words(test)
    assert "<b>Wrong</b>" not in words(test)
    test.select_slider[0].set_value("1").run()
    assert "after epoch 1" in words(test)
    think(learning_run, 4)
    test.run()
    assert "after epoch 1" in words(test)
    assert "<b>Wrong</b>" in words(test)
    test.select_slider[0].set_value("newest").run()
    assert not test.exception
    assert "after epoch 4" in words(test)


def test_saliency_can_be_switched_off(learning_run, words: Words):
    test = opened()
    test.toggle[0].set_value(False).run()
    assert not test.exception
    assert "Grad-CAM" not in words(test)
    assert len(test.get("image")) == 3


def test_a_run_that_kept_no_maps_shows_slices_without_them(running, words: Words):
    think(running, 1, watched=())
    test = opened()
    assert "without saliency" in words(test)
    assert test.toggle[0].disabled
    assert len(test.get("image")) == 6


def test_a_run_without_validation_part_says_so(make_run, words: Words):
    make_run("finished", counts={"train": 24, "validation": 0, "test": 6})
    assert "This run has no validation part" in words(opened())


def test_an_ended_run_without_snapshots_says_so(make_run, words: Words):
    make_run("finished")
    assert "kept no view of single slices" in words(opened())


def test_without_the_dataset_the_numbers_stay(learning_run, words: Words):
    snapshots.pin(learning_run, "9")
    shutil.rmtree(paths.data() / "phantom")
    test = opened()
    text = words(test)
    assert "The dataset of this run is not imported" in text
    assert "Says <b>meningioma</b>" in text
    assert "No confusion matrix" in text
    assert "true classes are unknown" in text
    assert not test.get("image")


def test_a_snapshot_that_cannot_be_read_is_passed_over(learning_run, words: Words):
    (learning_run.folder / "epochs" / "0003.npz").write_bytes(b"half")
    assert "after epoch 2" in words(opened())


def test_a_missing_picture_does_not_stop_the_page(learning_run):
    datasets.open_dataset("phantom").image_path("7").unlink()
    snapshots.pin(learning_run, "7")
    assert len(opened().get("image")) == 2


def test_the_surest_mistake_is_offered_first_and_can_be_pinned_and_let_go(learning_run, words: Words):
    test = opened()
    first = test.selectbox[0].options[0]
    assert first == "9 · glioma · wrong: meningioma 90%"
    test.selectbox[0].select(first).run()
    test.button(f"pin_chosen_{learning_run.id}").click().run()
    assert snapshots.pins(learning_run) == ["9"]
    assert "Probability of the true class" in words(test)
    assert "9 (glioma)" in test.get("plotly_chart")[-1].proto.spec
    test.button(f"unpin_{learning_run.id}_9").click().run()
    assert not test.exception
    assert snapshots.pins(learning_run) == []


def test_a_tile_can_be_pinned_by_its_button(learning_run):
    test = opened()
    test.button(f"pin_{learning_run.id}_8").click().run()
    assert snapshots.pins(learning_run) == ["8"]
    assert test.button(f"pin_{learning_run.id}_8").disabled


def test_one_pin_shows_all_three_classes(learning_run, words: Words):
    snapshots.pin(learning_run, "9")
    test = opened()
    test.get("button_group")[0].set_value("9").run()
    assert not test.exception
    assert "The three probabilities of slice 9" in words(test)
    assert "glioma (true)" in test.get("plotly_chart")[-1].proto.spec


def test_any_slice_of_the_dataset_can_be_typed_and_is_followed_from_the_next_epoch(learning_run, words: Words):
    assert not typed(learning_run, "1").button(f"pin_chosen_{learning_run.id}").disabled
    snapshots.pin(learning_run, "1")
    text = words(opened())
    assert "Followed from the next epoch on" in text
    assert "a training or test slice is followed from the next epoch on" in text
    assert "watched only: it decides nothing" in text


def test_an_id_that_no_slice_has_is_refused(learning_run, words: Words):
    test = typed(learning_run, "<b>no</b>")
    assert "The dataset has no slice" in words(test)
    assert test.button(f"pin_chosen_{learning_run.id}").disabled


def test_no_more_pins_than_fit(learning_run, words: Words):
    for number in range(13, 13 + snapshots.MAX_PINS):
        snapshots.pin(learning_run, str(number))
    test = typed(learning_run, "1")
    assert "Unpin one first" in words(test)


def test_an_epoch_is_read_once_and_anew_when_its_file_changes(learning_run):
    first = epochs.read_epochs(learning_run, 1)
    assert epochs.read_epochs(learning_run, 1) is first
    think(learning_run, 1, watched=())
    assert epochs.read_epochs(learning_run, 1).watched == []


def test_only_validation_slices_are_counted(learning_run):
    think(learning_run, 3, parts="test")
    epoch = epochs.newest(learning_run)
    assert epochs.confusion(epoch, epochs.labels(epochs.dataset_of(learning_run)))["count"].sum() == 0


def test_a_history_has_a_row_an_epoch_slice_and_class(learning_run):
    table = epochs.history(learning_run, ["9", "missing"])
    assert len(table) == 6
    assert table[table["class_name"] == "glioma"]["probability"].tolist() == pytest.approx([0.05, 0.05])
