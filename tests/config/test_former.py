"""Settings of earlier versions are read, and no run changes its name."""

from __future__ import annotations

import json

import pytest

from tumortrace.benchmark import plan
from tumortrace.config import RunConfig, read_config
from tumortrace.config.former import FORMER_NAMES, in_former_names, upgrade_dotted, upgrade_settings
from tumortrace.paths import artifacts

OLD = {
    "train_share": 0.5,
    "watch": 3,
    "model": {"name": "resnet18", "mirror": True, "thaw_epoch": 2, "freeze_until": "layer1"},
    "augment": {"reflect": False},
    "optim": {"clip": 1.5},
}


def test_settings_of_an_earlier_version_are_read_by_todays_names() -> None:
    config = read_config(json.dumps(OLD))
    assert (config.train_fraction, config.validation_tiles) == (0.5, 3)
    assert (config.model.hflip_tta, config.model.unfreeze_epoch) == (True, 2)
    assert (config.augment.hflip, config.optim.grad_clip) == (False, 1.5)
    assert OLD["watch"] == 3, "what is given stays"


def test_every_former_name_has_a_successor_and_is_gone() -> None:
    here = in_former_names(RunConfig().model_dump())
    assert upgrade_settings(here) == RunConfig().model_dump()
    assert set(upgrade_dotted(dict.fromkeys(FORMER_NAMES))) == set(FORMER_NAMES.values())
    with pytest.raises(ValueError, match="Extra inputs"):
        RunConfig.model_validate(OLD)


def test_finished_runs_of_the_benchmark_are_still_in_its_plan() -> None:
    kept = {path.name for path in (artifacts() / "benchmark" / "runs").glob("benchmark-cpu-*")}
    planned = {entry.task.run_id for entry in plan.planned_runs(plan.find_benchmark_preset("cpu"))}
    assert kept
    assert kept <= planned
