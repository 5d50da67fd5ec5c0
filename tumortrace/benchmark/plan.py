"""What the benchmark trains: recipes, presets, and every run that follows from them. No torch here.

A recipe is fixed before the benchmark begins; how it was found stands in ``docs/benchmark.md``. Two presets differ in
size and in how often: ``quick`` is what two CPU cores do in some six hours, ``full`` wants a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tumortrace.benchmark.ablations import BASE
from tumortrace.benchmark.ensemble import UNHEARD
from tumortrace.config import START_RUN, RunConfig, parse_config
from tumortrace.data.catalog import FIGSHARE, FOLDS
from tumortrace.errors import ConfigError
from tumortrace.settings import nest
from tumortrace.training.sweep import make_task
from tumortrace.training.sweep_worker import Task

Settings = dict[str, Any]
Part = Literal["official", "person", "shipped", "slice", "seeds", "ablations"]
PARTS: Final[tuple[Part, ...]] = ("official", "person", "shipped", "slice", "seeds", "ablations")

_COMMON: Final[Settings] = {"dataset": FIGSHARE, "validation": 0.1, "watch": 0, "checkpoint": 60}
_GEOMETRY: Final[Settings] = {"augment.rotate": 30.0, "augment.shift": 0.1, "augment.scale": 0.2}
_OUTLINED: Final[Settings] = {"model.dropout": 0.0, "optim.outline_weight": 3.0}
_STARTED: Final[Settings] = {"model.init": f"{START_RUN}tracenet", "optim.lr": 1e-3}
"""From the encoder of the same fold's TraceNet: what the outlines taught it replaces ImageNet."""
_SHORT: Final[Settings] = {"preprocess.size": 112, "preprocess.crop": True, "model.mirror": True,
                           "optim.epochs": 14, "optim.batch_size": 16, "optim.lr": 1.5e-3,
                           "optim.start_size": 0.6}  # fmt: skip
_LONG: Final[Settings] = {"preprocess.size": 224, "preprocess.crop": True, "model.mirror": True,
                          "optim.epochs": 40, "optim.batch_size": 32, "optim.lr": 2e-3,
                          "optim.start_size": 0.6}  # fmt: skip

ABLATIONS: Final[Mapping[str, Mapping[str, Settings]]] = {
    "tracenet": {
        "crop: none": {"preprocess.crop": False},
        "normalisation: least to greatest": {"preprocess.low": 0.0, "preprocess.high": 100.0},
        "normalisation: 2nd to 98th percentile": {"preprocess.low": 2.0, "preprocess.high": 98.0},
        "size: three quarters": {"preprocess.size": 0.75},
        "size: half as large again": {"preprocess.size": 1.5},
        "augmentation: none": dict.fromkeys(
            ("augment.rotate", "augment.shift", "augment.scale", "augment.brightness", "augment.contrast",
             "augment.gamma", "augment.noise"), 0.0) | {"augment.reflect": False},
        "augmentation: geometry alone": dict.fromkeys(
            ("augment.brightness", "augment.contrast", "augment.gamma", "augment.noise"), 0.0),
        "augmentation: intensity alone": dict.fromkeys(("augment.rotate", "augment.shift", "augment.scale"), 0.0)
        | {"augment.reflect": False},
        "augmentation: half the geometry": {"augment.rotate": 15.0, "augment.shift": 0.05, "augment.scale": 0.1},
        "augmentation: twice the intensity": {
            "augment.brightness": 0.2, "augment.contrast": 0.4, "augment.gamma": 0.4, "augment.noise": 0.04},
        "augmentation: with mixup": {"augment.mixup": 0.2},
        "mirror at test time: off": {"model.mirror": False},
        "outline task: off": {"optim.outline_weight": 0.0},
        "outline task: a third of the weight": {"optim.outline_weight": 1.0},
        "architecture: ResNet18": {"model.name": "resnet18"},
        "architecture: ResNet18 with CBAM": {"model.name": "resnet18_cbam"},
        "dropout: 0.3": {"model.dropout": 0.3},
        "weight decay: none": {"optim.weight_decay": 0.0},
        "label smoothing: none": {"optim.label_smoothing": 0.0},
        "moving average: none": {"optim.ema": 0.0},
        "learning rate: half": {"optim.lr": 0.5},
        "learning rate: twice": {"optim.lr": 2.0},
        "batch: twice": {"optim.batch_size": 2},
        "epochs: half": {"optim.epochs": 0.5},
        "epochs: half as many again": {"optim.epochs": 1.5},
        "training persons: a quarter": {"train_share": 0.25},
        "training persons: half": {"train_share": 0.5},
    },
    "cnn3d": {
        "depth: 3 neighbouring slices": {"model.depth": 3},
        "depth: 5 neighbouring slices": {"model.depth": 5},
        "batchnorm: none": {"model.batchnorm": False},
        "dropout: none": {"model.dropout": 0.0},
        "weight decay: none": {"optim.weight_decay": 0.0},
        "augmentation: none": dict.fromkeys(
            ("augment.rotate", "augment.shift", "augment.scale", "augment.brightness", "augment.contrast",
             "augment.gamma", "augment.noise"), 0.0) | {"augment.reflect": False},
    },
    "resnet18": {
        "start: from scratch": {"model.init": "scratch"},
        "start: from scratch, three quarters longer": {"model.init": "scratch", "optim.epochs": 1.75},
        "start: first layers frozen": {"model.freeze_until": "layer1"},
    },
}  # fmt: skip
"""Base model to variant (``factor: level``) to what it changes; :data:`_SCALED` are multiples of the base's."""
_SCALED: Final = {"optim.lr", "optim.epochs", "optim.batch_size", "preprocess.size"}


@dataclass(frozen=True)
class Preset:
    """How large, and how often."""

    key: str
    note: str
    recipes: Mapping[str, Settings]
    seeds: tuple[int, ...]  # of the headline models; the others have the first
    headline: tuple[str, ...]
    slice_folds: tuple[int, ...]
    ablation_folds: tuple[int, ...]
    ablation: Settings = field(default_factory=dict)  # what the bases of the ablations change to be affordable
    sample: int = 40  # slices a fold and model for Score-CAM and ROAD


def _recipes(base: Settings, more: Mapping[str, Settings]) -> dict[str, Settings]:
    return {name: _COMMON | base | {"model.name": name} | changes for name, changes in more.items()}


PRESETS: Final = {
    preset.key: preset
    for preset in (
        Preset(
            "quick",
            "112 px, one seed, ablations at 64 px on two folds: some six hours on two CPU cores.",
            _recipes(
                _SHORT,
                {
                    "tracenet": _OUTLINED | _GEOMETRY,
                    "inception_v3": {"optim.start_size": 0.86, "optim.lr": 1e-3, "optim.epochs": 12},
                    "cnn3d": {"optim.epochs": 16},
                    "resnet18": _STARTED | _GEOMETRY | {"optim.epochs": 8},
                    "resnet18_cbam": _STARTED | _GEOMETRY | {"optim.epochs": 8},
                },
            ),
            seeds=(0,),
            headline=("tracenet", "resnet18"),
            slice_folds=(1,),
            ablation_folds=(1, 2),
            ablation={"preprocess.size": 64},
            sample=8,
        ),
        Preset(
            "full",
            "224 px (Inception v3 256), three seeds for TraceNet and ResNet18, ablations at 128 px, five folds: a GPU.",
            _recipes(
                _LONG,
                {
                    "tracenet": _OUTLINED | _GEOMETRY,
                    "inception_v3": {"preprocess.size": 256, "optim.start_size": 0.7, "optim.lr": 1e-3},
                    "cnn3d": {"preprocess.size": 160},
                    "resnet18": _STARTED | _GEOMETRY | {"optim.epochs": 24},
                    "resnet18_cbam": _STARTED | _GEOMETRY | {"optim.epochs": 24},
                },
            ),
            seeds=(0, 1, 2),
            headline=("tracenet", "resnet18"),
            slice_folds=FOLDS,
            ablation_folds=FOLDS,
            ablation={"preprocess.size": 128, "optim.epochs": 20},
        ),
    )
}


@dataclass(frozen=True)
class Entry:
    """One run of the benchmark, and what it is for."""

    part: Part
    base: str  # for an ablation the model whose recipe is departed from; otherwise empty
    variant: str  # ``factor: level`` or ``base``; otherwise empty
    task: Task


def find(key: str) -> Preset:
    """The preset of that key.

    Raises:
        ConfigError: There is none.
    """
    if key not in PRESETS:
        raise ConfigError("no such preset", value=key, remedy=f"Choose one of {', '.join(PRESETS)}.")
    return PRESETS[key]


def entries(preset: Preset, parts: Sequence[Part] = PARTS, overrides: Settings | None = None) -> list[Entry]:
    """Every run of the preset, what matters most first, a model after the other.

    A run that serves twice (a base, say) appears twice.

    Args:
        preset: From :data:`PRESETS`.
        parts: Which; all by default.
        overrides: Settings that every run gets (another dataset, fewer epochs), for trials.
    """
    found: list[Entry] = []
    for part in (part for part in PARTS if part in parts):
        if part == "ablations":
            found += _ablations(preset, overrides or {})
            continue
        changed = overrides or {}
        found += [Entry(part, "", "", _task(preset, values | changed, changed)) for values in _plain(preset, part)]
    return found


def name_of(preset: Preset) -> str:
    """What the ids of the preset's runs begin with."""
    return f"benchmark-{preset.key}"


def config_of(values: Settings) -> RunConfig:
    """The configuration of dotted settings."""
    return parse_config(nest(values))


def _plain(preset: Preset, part: Part) -> list[Settings]:
    first, *others = preset.seeds
    if part == "shipped":
        # All five folds, and nothing held out: the recipe is known by now. Those that vote are heard by the app.
        return [
            recipe | {"fold": 0, "validation": 0.0, "seed": first}
            for name, recipe in preset.recipes.items()
            if name not in UNHEARD
        ]
    if part == "seeds":
        return [
            preset.recipes[name] | {"protocol": protocol, "fold": fold, "seed": seed}
            for seed in others
            for protocol in ("official", "person")
            for name in preset.headline
            for fold in FOLDS
        ]
    folds = preset.slice_folds if part == "slice" else FOLDS
    return [
        recipe | {"protocol": part, "fold": fold, "seed": first} for recipe in preset.recipes.values() for fold in folds
    ]


def _ablations(preset: Preset, overrides: Settings) -> list[Entry]:
    found = []
    changed = preset.ablation | overrides
    for base, variants in ABLATIONS.items():
        if base not in preset.recipes:
            continue
        recipe = preset.recipes[base] | changed
        for variant, changes in {BASE: {}, **variants}.items():
            for fold in preset.ablation_folds:
                values = recipe | {key: _scaled(recipe, key, value) for key, value in changes.items()}
                values |= {"protocol": "official", "fold": fold, "seed": preset.seeds[0]}
                found.append(Entry("ablations", base, variant, _task(preset, values, changed)))
    return found


def _scaled(recipe: Settings, key: str, value: Any) -> Any:
    if key not in _SCALED:
        return value
    scaled = recipe[key] * value
    return max(1, round(scaled)) if isinstance(recipe[key], int) else scaled


def _task(preset: Preset, values: Settings, changed: Settings) -> Task:
    start = str(values.get("model.init", ""))
    if start.startswith(START_RUN):
        # The run of that recipe on the very same slices; it stands earlier in the plan.
        same = {key: values[key] for key in ("fold", "seed", "validation", "train_share", "protocol") if key in values}
        source = preset.recipes[start.removeprefix(START_RUN)] | changed | same
        values = values | {"model.init": f"{START_RUN}{_task(preset, source, {}).run_id}"}
    return make_task(name_of(preset), config_of(values))
