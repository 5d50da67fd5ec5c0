"""The Train form is the configuration model: same settings, same ranges, same words."""

from __future__ import annotations

import shlex

import pytest

from tumortrace import runs
from tumortrace.config import RunConfig
from tumortrace.config.fields import flatten, settings
from tumortrace.config.presets import PRESETS
from tumortrace.errors import RunBusy
from tumortrace.scheduling import jobs
from tumortrace.ui.train import form


def field(test, name):
    key = f"form:{name}"
    kinds = (test.number_input, test.selectbox, test.toggle, test.text_input)
    return next(widget for kind in kinds for widget in kind if widget.key == key)


def errors(test):
    return [
        element.value for element in test.get("html") if "tt-field" in element.value and "<style>" not in element.value
    ]


def start_button(test):
    return next(button for button in test.button if button.label == "Start training")


def test_every_setting_has_a_field_with_its_description(phantoms, open_page):
    test = open_page("train")
    for setting in settings():
        assert setting.info.description in field(test, setting.name).help


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("optim.epochs", 0, "greater than or equal to 1"),
        ("optim.lr", 7.0, "less than or equal to 1"),
        ("preprocess.size", 4096, "less than or equal to 512"),
        ("model.dropout", -0.5, "greater than or equal to 0"),
    ],
)
def test_a_value_out_of_range_is_said_beside_its_field_and_kept(name, value, message, phantoms, open_page):
    test = open_page("train")
    field(test, name).set_value(value).run()
    assert not test.exception
    assert len(errors(test)) == 1
    assert message in errors(test)[0]
    assert field(test, name).value == value
    assert start_button(test).disabled


def test_an_empty_field_is_said_beside_it(phantoms, open_page):
    test = open_page("train")
    field(test, "optim.epochs").set_value(None).run()
    assert not test.exception
    assert "valid integer" in errors(test)[0]


def test_several_wrong_values_are_all_said(phantoms, open_page):
    test = open_page("train")
    field(test, "optim.epochs").set_value(0)
    field(test, "optim.batch_size").set_value(1).run()
    assert len(errors(test)) == 2


def test_two_settings_that_contradict_are_said_beside_the_one_to_change(phantoms, open_page):
    test = open_page("train")
    field(test, "model.depth").set_value(3).run()
    assert "set depth to 1" in errors(test)[0]
    config, messages = form.validate(flatten(RunConfig().model_dump()) | {"model.depth": 3})
    assert config is None
    assert list(messages) == ["model.depth"]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"model.name": "cnn3d", "model.init": "imagenet"}, "model.init"),
        ({"model.name": "inception_v3", "preprocess.size": 64}, "preprocess.size"),
        ({"patience": 3, "validation": 0.0}, "validation"),
        ({"preprocess.low": 60.0}, "preprocess.low"),
    ],
)
def test_a_contradiction_stands_beside_a_field_it_names(changes, place):
    _, messages = form.validate(flatten(RunConfig().model_dump()) | changes)
    assert place in messages


def test_another_model_offers_its_own_stages(phantoms, open_page):
    test = open_page("train")
    field(test, "model.freeze_until").set_value("layer2")
    field(test, "model.name").set_value("cnn3d").run()
    assert not test.exception
    assert field(test, "model.freeze_until").value is None
    assert not errors(test)


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_holds_and_fills_the_form(name, phantoms, open_page):
    test = open_page("train")
    next(button for button in test.button if button.label == PRESETS[name].title).click().run()
    assert not test.exception
    assert not errors(test)
    assert any(PRESETS[name].measured in caption.value for caption in test.caption)
    for setting, value in PRESETS[name].values.items():
        assert field(test, setting).value == value


def test_the_command_line_names_what_differs(phantoms, open_page):
    test = open_page("train")
    field(test, "optim.lr").set_value(0.004).run()
    command = next(block.value for block in test.code if "tumortrace train" in block.value)
    shown = shlex.split(command.replace("\\\n", " "))
    assert shown[shown.index("--lr") + 1] == "0.004"
    assert "--epochs" not in shown


def test_start_makes_a_run_with_the_settings_of_the_form(phantoms, open_page, monkeypatch):
    started = []

    def start(config):
        started.append(config)
        return runs.create(config)

    monkeypatch.setattr(jobs, "start", start)
    test = open_page("train")
    field(test, "optim.epochs").set_value(3).run()
    start_button(test).click().run()
    assert not test.exception
    assert [config.optim.epochs for config in started] == [3]
    assert started[0].dataset == phantoms
    assert any(button.label == "Stop" for button in test.button)


def test_a_second_click_before_the_page_has_answered_starts_nothing(phantoms, open_page, monkeypatch):
    monkeypatch.setattr(jobs, "start", runs.create)
    test = open_page("train")
    unanswered = test._tree
    start_button(test).click().run()
    assert len(runs.list_runs()) == 1
    test._tree = unanswered  # what a browser shows that has had no answer yet, its button clicked again
    test.run()
    assert not test.exception
    assert len(runs.list_runs()) == 1
    start_button(test).click().run()
    assert len(runs.list_runs()) == 2, "a click on the answered form starts another"


def test_a_start_that_failed_can_be_tried_again_at_once(phantoms, open_page, words, monkeypatch):
    def fail(config):
        raise RunBusy("the queue is locked", value="x", remedy="Try again.")

    monkeypatch.setattr(jobs, "start", fail)
    test = open_page("train")
    start_button(test).click().run()
    assert "The queue is locked" in words(test)
    monkeypatch.setattr(jobs, "start", runs.create)
    start_button(test).click().run()
    assert len(runs.list_runs()) == 1
