"""How long a run will take: counted from handed-in times, said in words, and written into a run's status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tumortrace import runs
from tumortrace.cli import progress
from tumortrace.config import ModelSettings, RunConfig, parse_config, presets
from tumortrace.config.fields import nest
from tumortrace.runs.run import Run, Status
from tumortrace.training import frozen_features, throughput, trainer
from tumortrace.training.forecast import EXPLAINED, LOOK, REPORT_S, Forecast, duration, sentence
from tumortrace.training.status_writer import StatusWriter


def measured(steps: int = 4, step_s: float = 0.5, **given: Any) -> Forecast:
    """After ``steps`` steps of an epoch of 100, each ``step_s`` seconds; 1,600 slices, so 50 seconds an epoch."""
    sizes: dict[str, Any] = {"learnt": 1600, "validation": 480, "test": 320}
    forecast = Forecast(**(sizes | given))
    for number in range(steps):
        forecast.step(step_s if number else 30.0, 0.01)
    return forecast


def test_nothing_is_said_before_a_second_step() -> None:
    assert measured(steps=0).left(2.0, 2) is None
    assert measured(steps=1).left(2.0, 2) is None
    assert measured(steps=2).left(2.0, 2) is not None


def test_the_first_step_which_sets_everything_up_does_not_count() -> None:
    assert measured(steps=2).left(2.0, 2) == pytest.approx(measured(steps=50).left(2.0, 2))


def test_what_is_left_is_training_validation_and_the_last_look_at_validation_and_test() -> None:
    slice_s = 50 / 1600
    looks = (2 * 480 + 480 + 320) * slice_s * LOOK
    assert measured().left(1.96, 2) == pytest.approx(1.96 * 50 + looks + REPORT_S)
    # At the end nothing is to be trained any more.
    assert measured().left(0.0, 0) == pytest.approx(800 * slice_s * LOOK + REPORT_S)


def test_small_slices_of_growing_runs_count_by_their_work() -> None:
    small = Forecast(1600, 480, 320)
    small.step(9.0, 0.0025)
    small.step(0.125, 0.0025)  # a quarter of the work in a quarter of the time
    assert small.left(2.0, 2) == pytest.approx(measured().left(2.0, 2))


def test_kept_features_are_paid_again_by_the_test_and_by_watched_slices() -> None:
    plain, kept = measured(watched=8), measured(watched=8, features=0.02)
    more = (480 + 320) * 0.02 + 2 * EXPLAINED * 8 * 0.02
    assert kept.left(2.0, 2) == pytest.approx(plain.left(2.0, 2) + more)


def test_before_the_first_step_a_guess_speaks_and_then_the_steps() -> None:
    forecast = Forecast(1600, 480, 320)
    forecast.guess(features=0.02, learning=50 / 1600)
    measured_one = measured(features=0.02)
    assert forecast.left(2.0, 2) == pytest.approx(measured_one.left(2.0, 2))
    forecast.step(9.0, 0.01)
    forecast.step(1.0, 0.01)  # twice as slow as it was guessed
    assert forecast.left(2.0, 2) == pytest.approx(measured(step_s=1.0, features=0.02).left(2.0, 2))


def test_a_timed_validation_replaces_the_guess() -> None:
    forecast = measured()
    forecast.between(24.0)
    look = 24.0 / 480
    assert forecast.left(1.0, 1) == pytest.approx(50 + 24 + 800 * look + REPORT_S)
    forecast.between(12.0)  # the first imported and set up what the second found ready
    assert forecast.left(1.0, 1) == pytest.approx(50 + 12 + 400 * look + REPORT_S)


def test_a_machine_as_fast_as_promised_gets_no_advice() -> None:
    assert measured().advice(120.0, 120.0, 2, 128) is None
    assert measured(steps=1).advice(500.0, 120.0, 2, 128) is None


def test_a_slow_machine_is_told_how_many_epochs_fit() -> None:
    said = measured().advice(230.0, 120.0, 4, 128)  # 55 seconds an epoch with its validation
    assert said is not None
    assert said.startswith("That is more than the 2 min this preset promises")
    assert said.endswith("With epochs set to 2 it would take about 2 min.")
    more = measured().advice(172.0, 120.0, 4, 128)
    assert more is not None
    assert "epochs set to 3 it would take about 1 min 55 s" in more


def test_where_one_epoch_is_too_long_a_smaller_size_is_named_that_fits() -> None:
    forecast = measured(step_s=1.0, features=0.05)
    seconds = 30 + 2080 * 0.05 + 110 + 8.33 + 800 * 0.05 + 8.33 + REPORT_S  # one epoch
    said = forecast.advice(seconds, 180.0, 1, 128)
    assert said is not None
    assert "With size set to 80 it would take about" in said
    assert "less accurate" in said


def test_where_nothing_alone_is_enough_it_says_so() -> None:
    said = measured(step_s=20.0).advice(9000.0, 120.0, 2, 128)
    assert said is not None
    assert "both together" in said
    assert "set to" not in said


def test_the_sentence_names_the_whole_time_and_whose_it_is() -> None:
    status = Status(state="running", total_seconds=101.0, starts=1)
    assert sentence(status) == "This run will take about 1 min 40 s on this machine."
    assert sentence(status, may_stop_early=True) == (
        "This run will take about 1 min 40 s on this machine, less where early stopping ends it."
    )
    resumed = sentence(status.model_copy(update={"starts": 2}))
    assert resumed == "What is left of this run will take about 1 min 40 s on this machine."
    assert sentence(status.model_copy(update={"advice": "Take less."})) == (
        "This run will take about 1 min 40 s on this machine. Take less."
    )


@pytest.mark.parametrize("changes", [{"state": "finished"}, {"state": "created"}, {"total_seconds": None}])
def test_a_run_that_has_not_measured_or_has_ended_says_nothing(changes: dict[str, Any]) -> None:
    assert sentence(Status(state="running", total_seconds=60.0).model_copy(update=changes)) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"), (0.4, "0 s"), (89.4, "89 s"), (89.6, "1 min 30 s"), (101.0, "1 min 40 s"), (119.0, "2 min"),
        (596.0, "9 min 55 s"), (598.0, "10 min"), (5300.0, "88 min"), (5400.0, "1.5 h"),
    ],
)  # fmt: skip
def test_seconds_are_said_as_people_say_them(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


def test_only_the_demo_as_it_stands_promises_two_minutes() -> None:
    demo = presets.find_preset(presets.DEMO).values
    assert presets.promised(parse_config(nest(demo))) == 120
    assert presets.promised(parse_config(nest(demo | {"dataset": "phantom", "fold": 3, "threads": 1}))) == 120
    for changes in ({"optim.epochs": 9}, {"augment.rotate": 5.0}, {"model.hflip_tta": True}):
        assert presets.promised(parse_config(nest(demo | changes))) is None
    assert presets.promised(RunConfig()) is None


def noted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a training says to its monitor, as it says it; it looks after every step."""
    monkeypatch.setattr(throughput, "_CHECK_SECONDS", 0.0)
    said: list[dict[str, Any]] = []
    before = StatusWriter.note

    def note(self: StatusWriter, **changes: object) -> None:
        said.append(changes)
        before(self, **changes)

    monkeypatch.setattr(StatusWriter, "note", note)
    return said


def test_a_run_says_from_its_second_step_on_how_long_it_will_take(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = noted(monkeypatch)
    run = runs.create(tiny)
    assert trainer.train(run)
    steps = [changes for changes in said if "loss" in changes]
    assert steps[0]["total_seconds"] is None
    assert all(changes["total_seconds"] > changes["eta_seconds"] > REPORT_S for changes in steps[1:])
    # Between epochs too, and after the last nothing but the end is left.
    between = [changes for changes in said if "eta_seconds" in changes and "loss" not in changes]
    assert len(between) == 3
    assert between[-1]["eta_seconds"] < between[0]["eta_seconds"]
    status = run.status
    assert status.eta_seconds is None
    assert status.total_seconds is not None
    assert status.total_seconds > status.seconds


def test_a_run_that_keeps_features_says_so_before_its_first_step(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ModelSettings(name="cnn3d", freeze_until="block2")
    run = runs.create(tiny.model_copy(update={"model": model, "augment": frozen_features.still(tiny.augment)}))
    early: list[Status] = []
    stepped: list[int] = []

    def tell() -> None:
        assert not stepped
        early.append(run.status)

    assert trainer.train(run, lambda epoch, batch: stepped.append(batch), tell)
    assert len(early) == 1
    assert early[0].state == "preparing"
    assert early[0].total_seconds is not None
    assert early[0].eta_seconds is not None
    assert early[0].total_seconds > early[0].eta_seconds > REPORT_S
    assert sentence(early[0]) is not None


def test_a_promise_that_a_run_cannot_keep_is_said_in_its_status(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = noted(monkeypatch)
    monkeypatch.setattr(presets, "promised", lambda _: 0.5)
    run = runs.create(tiny)
    assert trainer.train(run)
    told = [changes["advice"] for changes in said if changes.get("total_seconds")]
    assert all("more than" in advice for advice in told)
    assert run.status.advice is None, "a run that has ended has nothing left to choose"


def test_a_terminal_is_told_once(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runs.create(tiny)

    def train(run: Run, on_step: Any, on_outlook: Any) -> bool:
        for seconds in (None, 101.0, 95.0):
            changes = {"state": "running", "steps": 2, "total_seconds": seconds, "eta_seconds": 50.0, "starts": 1}
            run.write_status(run.status.model_copy(update=changes))
            on_step(0, 0)
        return True

    monkeypatch.setattr(progress, "train", train)
    monkeypatch.setattr(progress, "_LOOK_S", 0.0)
    assert progress.train_with_bar(run, quiet=False)
    shown = " ".join(capsys.readouterr().err.split())
    assert shown.count("This run will take about") == 1
    assert "This run will take about 1 min 40 s on this machine." in shown
    assert "about 50 s left" in shown
