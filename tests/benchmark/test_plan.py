from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from tumortrace.benchmark import plan
from tumortrace.benchmark.plan import BASE, PARTS, PRESETS, PlannedRun, find_benchmark_preset, planned_runs
from tumortrace.config import RunConfig, presets
from tumortrace.config.fields import flatten
from tumortrace.config.models import has_vote
from tumortrace.errors import ConfigError

MODELS = {
    "cpu": ("tracenet", "efficientnet_lite0", "resnet18", "inception_v3", "cnn3d"),
    "full": (
        "tracenet",
        "efficientnet_lite0",
        "efficientnet_lite2",
        "resnet18",
        "resnet18_cbam",
        "inception_v3",
        "cnn3d",
    ),
}


def variants(key: str) -> int:
    return sum(len(named) + 1 for named in find_benchmark_preset(key).ablations.values())


def changes(config: RunConfig, base: RunConfig) -> dict[str, object]:
    ours, theirs = flatten(config.model_dump()), flatten(base.model_dump())
    return {key: value for key, value in ours.items() if value != theirs[key]}


def ablations(key: str) -> tuple[dict[str, PlannedRun], list[PlannedRun]]:
    """The bases on the first fold by model, and every entry of that fold."""
    found = [entry for entry in planned_runs(find_benchmark_preset(key), ("ablations",)) if entry.task.config.fold == 1]
    return {entry.base: entry for entry in found if entry.variant == BASE}, found


@pytest.mark.parametrize(
    ("key", "counts"),
    [
        ("cpu", {"official": 25, "person": 10, "slice": 1, "ablations": 2 * variants("cpu"), "shipped": 5}),
        (
            "full",
            {"official": 35, "person": 35, "slice": 35, "seeds": 40, "ablations": 5 * variants("full"), "shipped": 6},
        ),
    ],
)
def test_how_many_runs_each_part_has(key: str, counts: dict[str, int]) -> None:
    assert Counter(entry.part for entry in planned_runs(find_benchmark_preset(key))) == counts


@pytest.mark.parametrize("key", PRESETS)
def test_no_run_is_trained_twice_and_the_presets_share_none(key: str) -> None:
    ids = [entry.task.run_id for entry in planned_runs(find_benchmark_preset(key))]
    assert len(set(ids)) == len(ids)
    assert all(run_id.startswith(f"benchmark-{key}-") for run_id in ids)


@pytest.mark.parametrize("key", PRESETS)
def test_every_model_is_tested_on_every_fold(key: str) -> None:
    for part in ("official", "person"):
        configs = [entry.task.config for entry in planned_runs(find_benchmark_preset(key), (part,))]
        assert {config.protocol for config in configs} == {part}
        assert {(config.model.name, config.fold) for config in configs} == {
            (name, fold)
            for name in find_benchmark_preset(key).models.get(part, MODELS[key])
            for fold in (1, 2, 3, 4, 5)
        }
        assert all(config.validation > 0 and config.dataset == "figshare" for config in configs)


def test_further_seeds_are_those_of_the_headline_models() -> None:
    configs = [entry.task.config for entry in planned_runs(find_benchmark_preset("full"), ("seeds",))]
    assert {config.seed for config in configs} == {1, 2}
    assert {config.model.name for config in configs} == {"tracenet", "resnet18"}
    assert {config.protocol for config in configs} == {"official", "person"}


def test_what_ships_is_what_votes_trained_on_all_five_folds() -> None:
    configs = [entry.task.config for entry in planned_runs(find_benchmark_preset("cpu"), ("shipped",))]
    assert sorted(config.model.name for config in configs) == sorted(filter(has_vote, MODELS["cpu"]))
    assert {(config.fold, config.validation) for config in configs} == {(0, 0.0)}


def test_parts_come_in_their_own_order_whatever_the_order_asked_for() -> None:
    chosen = planned_runs(find_benchmark_preset("cpu"), ("shipped", "slice", "official"))
    assert list(dict.fromkeys(entry.part for entry in chosen)) == ["official", "shipped", "slice"]
    assert list(dict.fromkeys(entry.part for entry in planned_runs(find_benchmark_preset("full"), PARTS[2:]))) == list(
        PARTS[2:]
    )


@pytest.mark.parametrize("key", PRESETS)
def test_the_first_model_is_trained_under_both_protocols_before_the_others(key: str) -> None:
    first = [(entry.part, entry.task.config.model.name) for entry in planned_runs(find_benchmark_preset(key))][:11]
    assert first[:10] == [("official", "tracenet")] * 5 + [("person", "tracenet")] * 5
    assert first[10] == ("official", "efficientnet_lite0")


def test_what_every_run_is_told_reaches_every_run() -> None:
    told = planned_runs(find_benchmark_preset("cpu"), overrides={"dataset": "tiny", "optim.warmup": 0.5})
    assert {(entry.task.config.dataset, entry.task.config.optim.warmup) for entry in told} == {("tiny", 0.5)}
    plain = {entry.task.run_id for entry in planned_runs(find_benchmark_preset("cpu"))}
    assert plain.isdisjoint(entry.task.run_id for entry in told)


def test_trials_of_a_single_epoch_are_possible() -> None:
    tried = planned_runs(find_benchmark_preset("cpu"), overrides={"optim.epochs": 1})
    assert {entry.task.config.optim.epochs for entry in tried} == {1}


def test_a_base_that_is_an_ordinary_run_serves_twice_and_is_trained_once() -> None:
    preset = dataclasses.replace(find_benchmark_preset("cpu"), ablation={})
    plain = {entry.task.run_id for entry in planned_runs(preset, ("official",))}
    bases = [entry for entry in planned_runs(preset, ("ablations",)) if entry.variant == BASE]
    assert len(bases) == len(preset.ablations) * len(preset.ablation_folds)
    assert all(entry.task.run_id in plain for entry in bases)
    twice = Counter(entry.task.run_id for entry in planned_runs(preset))
    assert {entry.task.run_id for entry in bases} == {run_id for run_id, times in twice.items() if times == 2}


@pytest.mark.parametrize("key", PRESETS)
def test_an_ablation_changes_its_own_factor_and_nothing_else(key: str) -> None:
    bases, found = ablations(key)
    assert set(bases) == set(find_benchmark_preset(key).ablations)
    for entry in found:
        changed = changes(entry.task.config, bases[entry.base].task.config)
        if entry.variant == BASE:
            assert changed == {}
        else:
            assert ": " in entry.variant
            assert set(changed) == set(find_benchmark_preset(key).ablations[entry.base][entry.variant]), entry.variant


def test_multiples_are_of_the_base_and_the_type_is_kept() -> None:
    bases, found = ablations("full")
    base = bases["tracenet"].task.config
    by_variant = {entry.variant: entry.task.config for entry in found if entry.base == "tracenet"}
    assert by_variant["size: half as large again"].preprocess.size == base.preprocess.size * 3 // 2
    assert by_variant["size: three quarters"].preprocess.size == base.preprocess.size * 3 // 4
    assert by_variant["learning rate: half"].optim.lr == pytest.approx(base.optim.lr / 2)
    assert by_variant["learning rate: twice"].optim.lr == pytest.approx(2 * base.optim.lr)
    assert by_variant["batch: half"].optim.batch_size == base.optim.batch_size // 2
    assert by_variant["epochs: half"].optim.epochs == base.optim.epochs // 2
    assert by_variant["epochs: half as many again"].optim.epochs == base.optim.epochs * 3 // 2


def test_the_train_page_offers_the_very_recipe_of_tracenet() -> None:
    offered = flatten(plan.config_of_settings(presets.find_preset("tracenet").values).model_dump())
    planned = flatten(planned_runs(find_benchmark_preset("cpu"), ("official",))[0].task.config.model_dump())
    differing = {key for key in offered if offered[key] != planned[key]}
    assert differing == {"dataset", "checkpoint", "validation_tiles"}, "which say nothing of the network"


def test_the_ablations_that_matter_are_among_those_of_the_larger_preset() -> None:
    small, large = find_benchmark_preset("cpu").ablations, find_benchmark_preset("full").ablations
    assert all(variant in large[base] for base, named in small.items() for variant in named)


def test_no_augmentation_leaves_nothing_switched_on() -> None:
    _, found = ablations("cpu")
    for entry in found:
        if entry.variant == "augmentation: none":
            assert not any(entry.task.config.augment.model_dump().values())


def test_an_unknown_preset_is_refused_by_naming_the_others() -> None:
    with pytest.raises(ConfigError, match="no such preset") as refusal:
        find_benchmark_preset("enormous")
    assert refusal.value.value == "enormous"
    assert all(key in refusal.value.remedy for key in PRESETS)
    assert {key: find_benchmark_preset(key).key for key in PRESETS} == {key: key for key in PRESETS}


def test_settings_for_trials_may_be_text_as_from_a_command_line() -> None:
    found = planned_runs(find_benchmark_preset("cpu"), overrides={"optim.epochs": "2", "model.hflip_tta": "false"})
    assert {entry.task.config.model.hflip_tta for entry in found} == {False}
    assert {entry.task.config.optim.epochs for entry in found if entry.part != "ablations"} == {2}
    halved = [entry for entry in found if entry.variant == "epochs: half"]
    assert {entry.task.config.optim.epochs for entry in halved} == {1}


def test_a_setting_that_does_not_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="contradict") as refusal:
        planned_runs(find_benchmark_preset("cpu"), ("official",), {"preprocess.size": 64})
    assert "inception_v3" in str(refusal.value)
    with pytest.raises(ConfigError):
        plan.config_of_settings({"optim.no_such_setting": 1})
