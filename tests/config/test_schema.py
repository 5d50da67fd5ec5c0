from __future__ import annotations

import pytest
from pydantic import ValidationError

from tumortrace.config import MODEL_SPECS, RunConfig, field_errors, parse_config
from tumortrace.config.fields import command_line, flatten, nest, settings
from tumortrace.errors import ConfigError


def test_a_configuration_survives_json() -> None:
    config = parse_config({"model": {"name": "inception_v3", "freeze_until": "mixed5"}, "optim": {"lr": 1e-3}})
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"optim": {"lr": 5}}, ["optim.lr", "5"]),
        ({"fold": 6}, ["fold", "6"]),
        ({"model": {"name": "resnet18", "freeze_until": "mixed5"}}, ["mixed5", "layer1"]),
        ({"model": {"name": "resnet18", "depth": 3}}, ["depth", "cnn3d"]),
        ({"model": {"name": "cnn3d", "depth": 2}}, ["odd"]),
        ({"model": {"name": "cnn3d", "init": "imagenet"}}, ["ImageNet", "scratch"]),
        ({"validation": 0, "patience": 3}, ["validation"]),
        ({"model": {"name": "inception_v3"}, "preprocess": {"size": 64}}, ["96"]),
        ({"preprocess": {"low": 49.0, "high": 101}}, ["preprocess.high", "101"]),
        ({"nonsense": 1}, ["nonsense"]),
        ({"model": {"name": "vgg16"}}, ["model.name", "'vgg16'", "Unknown model; choose one of tracenet, ", "cnn3d"]),
        ({"model": {"name": "tracenet", "encoder": "cnn3d"}}, ["model.encoder", "Unknown encoder; choose one of "]),
        ({"model": {"name": "cnn3d", "encoder": "resnet18"}}, ["cnn3d stands on no encoder", "choose tracenet"]),
        ({"model": {"name": "resnet18", "batchnorm": False}}, ["cannot do without batchnorm", "choose cnn3d"]),
    ],
)
def test_a_setting_that_does_not_hold_is_named_with_its_value_and_a_remedy(values: dict, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(values)
    assert all(word in str(caught.value) for word in words)


def test_every_setting_has_help_and_a_flag_of_its_own() -> None:
    found = settings()
    assert all(setting.info.description for setting in found)
    assert len({setting.flag for setting in found}) == len(found)


def test_every_stage_name_is_accepted() -> None:
    for name, spec in MODEL_SPECS.items():
        for stage in spec.stages:
            parse_config({"model": {"name": name, "freeze_until": stage}})


def test_errors_are_listed_by_field() -> None:
    with pytest.raises(ValidationError) as caught:
        RunConfig.model_validate({"fold": 9, "optim": {"epochs": 0}})
    assert set(field_errors(caught.value)) == {"fold", "optim.epochs"}


def test_flatten_and_nest_are_inverse() -> None:
    nested = RunConfig().model_dump()
    assert nest(flatten(nested)) == nested


def test_the_command_line_names_what_differs() -> None:
    text = command_line(parse_config({"model": {"name": "cnn3d"}, "augment": {"hflip": False}, "optim": {"lr": 0.01}}))
    assert "--model cnn3d" in text
    assert "--no-hflip" in text
    assert "--lr 0.01" in text
    assert "--epochs" not in text
