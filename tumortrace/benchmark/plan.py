"""What the benchmark trains: recipes, presets, and every run that follows from them. No torch here.

A recipe is fixed before the benchmark begins; how it was found stands in ``docs/benchmark.md``. Two presets differ in
size and in how often: ``cpu`` is what two plain CPU cores do in some ten hours, ``full`` wants a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tumortrace.benchmark.ablations import BASE
from tumortrace.config import RunConfig, parse_config
from tumortrace.config.fields import as_type, nest
from tumortrace.config.models import has_vote
from tumortrace.constants import FIGSHARE, FOLDS
from tumortrace.errors import ConfigError
from tumortrace.scheduling.sweep import make_task
from tumortrace.scheduling.worker import Task

Settings = dict[str, Any]
Part = Literal["official", "person", "shipped", "slice", "seeds", "ablations"]
PARTS: Final[tuple[Part, ...]] = ("official", "person", "shipped", "slice", "seeds", "ablations")

_COMMON: Final[Settings] = {"dataset": FIGSHARE, "validation": 0.1, "validation_tiles": 0, "checkpoint": 60}
_GEOMETRY: Final[Settings] = {"augment.rotate": 30.0, "augment.shift": 0.15, "augment.scale": 0.15}
_SCANNERS: Final[Settings] = {
    "augment.brightness": 0.15, "augment.contrast": 0.3, "augment.gamma": 0.4, "augment.tight_crop": 0.6,
    "augment.bias_field": 0.5, "augment.blur": 1.0, "augment.jpeg": 1.0, "augment.marks": 0.1,
}  # fmt: skip
"""What other people's scans bring."""
_BASE: Final[Settings] = {"preprocess.crop": True, "model.hflip_tta": True} | _GEOMETRY | _SCANNERS
_IMAGENET: Final[Settings] = _BASE | {
    "model.init": "imagenet", "precision": "32-true", "optim.batch_size": 32, "optim.lr": 1e-3,
}  # fmt: skip
_SCRATCH: Final[Settings] = _BASE | {"optim.batch_size": 16, "optim.lr": 1.5e-3}
_NO_SCANNERS: Final[Settings] = dict.fromkeys(
    ("augment.tight_crop", "augment.bias_field", "augment.blur", "augment.jpeg", "augment.marks"), 0.0
) | {"augment.brightness": 0.1, "augment.contrast": 0.2, "augment.gamma": 0.2}
_NO_GEOMETRY: Final[Settings] = dict.fromkeys(("augment.rotate", "augment.shift", "augment.scale"), 0.0) | {
    "augment.hflip": False, "augment.tight_crop": 0.0,
}  # fmt: skip
_NO_INTENSITY: Final[Settings] = _NO_SCANNERS | dict.fromkeys(
    ("augment.brightness", "augment.contrast", "augment.gamma", "augment.noise"), 0.0
)

_MATTER: Final[Mapping[str, Mapping[str, Settings]]] = {
    "tracenet": {
        "start: from scratch": {"model.init": "scratch"},
        "start: first stages frozen": {"model.freeze_until": "blocks2"},
        "start: first stages frozen, then all trained": {"model.freeze_until": "blocks2", "model.unfreeze_epoch": 3},
        "encoder: ResNet18 from scratch": {"model.encoder": "resnet18", "model.init": "scratch"},
        "outline task: off": {"optim.outline_weight": 0.0},
        "outline task: three times the weight": {"optim.outline_weight": 3.0},
        "augmentation: without other scanners": _NO_SCANNERS,
        "augmentation: none": _NO_GEOMETRY | _NO_INTENSITY,
        "crop: none": {"preprocess.crop": False},
        "epochs: half": {"optim.epochs": 0.5},
        "training persons: half": {"train_fraction": 0.5},
    },
    "cnn3d": {"depth: 3 neighbouring slices": {"model.depth": 3}},
}
"""The ablations that matter: base model to variant (``factor: level``) to what it changes; :data:`_SCALED` are
multiples of the base's."""
_MORE: Final[Mapping[str, Mapping[str, Settings]]] = {
    "tracenet": {
        "encoder: EfficientNet-Lite2": {"model.encoder": "efficientnet_lite2"},
        "normalisation: least to greatest": {"preprocess.low": 0.0, "preprocess.high": 100.0},
        "normalisation: 2nd to 98th percentile": {"preprocess.low": 2.0, "preprocess.high": 98.0},
        "size: three quarters": {"preprocess.size": 0.75},
        "size: half as large again": {"preprocess.size": 1.5},
        "augmentation: geometry alone": _NO_INTENSITY,
        "augmentation: intensity alone": _NO_GEOMETRY,
        "augmentation: with mixup": {"augment.mixup": 0.2},
        "test-time augmentation: none": {"model.hflip_tta": False},
        "dropout: 0.3": {"model.dropout": 0.3},
        "weight decay: none": {"optim.weight_decay": 0.0},
        "label smoothing: none": {"optim.label_smoothing": 0.0},
        "moving average: none": {"optim.ema": 0.0},
        "learning rate: half": {"optim.lr": 0.5},
        "learning rate: twice": {"optim.lr": 2.0},
        "batch: half": {"optim.batch_size": 0.5},
        "epochs: half as many again": {"optim.epochs": 1.5},
        "training persons: a quarter": {"train_fraction": 0.25},
    },
    "cnn3d": {
        "depth: 5 neighbouring slices": {"model.depth": 5},
        "batchnorm: none": {"model.batchnorm": False},
        "dropout: none": {"model.dropout": 0.0},
        "weight decay: none": {"optim.weight_decay": 0.0},
        "augmentation: none": _NO_GEOMETRY | _NO_INTENSITY,
    },
    "resnet18": {
        "attention: CBAM": {"model.name": "resnet18_cbam"},
        "epochs: three quarters longer": {"optim.epochs": 1.75},
    },
}
ABLATIONS: Final[Mapping[str, Mapping[str, Settings]]] = {
    base: {**_MATTER.get(base, {}), **variants} for base, variants in _MORE.items()
}
"""Every ablation, for those with a GPU."""
_SCALED: Final = {"optim.lr", "optim.epochs", "optim.batch_size", "preprocess.size"}


@dataclass(frozen=True)
class BenchmarkPreset:
    """How large, and how often."""

    key: str
    note: str
    recipes: Mapping[str, Settings]
    seeds: tuple[int, ...]  # of the headline models; the others have the first
    headline: tuple[str, ...]
    slice_folds: tuple[int, ...]
    ablation_folds: tuple[int, ...]
    ablations: Mapping[str, Mapping[str, Settings]]
    ablation: Settings = field(default_factory=dict)  # what the bases of the ablations change to be affordable
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of a part; all where it is not named
    sample: int = 40  # slices a fold and model for Score-CAM and ROAD


def _recipes(base: Settings, more: Mapping[str, Settings]) -> dict[str, Settings]:
    return {name: _COMMON | base | {"model.name": name} | changes for name, changes in more.items()}


PRESETS: Final = {
    preset.key: preset
    for preset in (
        BenchmarkPreset(
            "cpu",
            "112 to 192 px, one seed, a dozen ablations at 96 px on two folds: some ten hours on two plain CPU cores.",
            _recipes(
                {},
                {
                    "tracenet": _IMAGENET
                    | {"preprocess.size": 192, "optim.epochs": 14, "optim.start_size": 0.5, "model.dropout": 0.0},
                    "efficientnet_lite0": _IMAGENET
                    | {"preprocess.size": 160, "optim.epochs": 12, "optim.start_size": 0.6},
                    "resnet18": _SCRATCH | {"preprocess.size": 128, "optim.epochs": 20, "optim.start_size": 0.6},
                    "inception_v3": _SCRATCH
                    | {"preprocess.size": 128, "optim.epochs": 16, "optim.start_size": 0.8, "optim.lr": 1e-3},
                    "cnn3d": _SCRATCH | {"preprocess.size": 112, "optim.epochs": 20, "optim.start_size": 0.6},
                },
            ),
            seeds=(0,),
            headline=("tracenet",),
            slice_folds=(1,),
            ablation_folds=(1, 2),
            ablations=_MATTER,
            ablation={"preprocess.size": 96, "optim.epochs": 8, "optim.start_size": 1.0},
            models={"person": ("tracenet", "efficientnet_lite0"), "slice": ("tracenet",)},
            sample=8,
        ),
        BenchmarkPreset(
            "full",
            "160 to 256 px, three seeds for TraceNet and ResNet18, every ablation at 128 px on five folds: a GPU.",
            _recipes(
                {"optim.start_size": 0.6, "optim.epochs": 40, "preprocess.size": 224},
                {
                    "tracenet": _IMAGENET
                    | {"preprocess.size": 256, "optim.epochs": 24, "optim.start_size": 0.5, "model.dropout": 0.0},
                    "efficientnet_lite0": _IMAGENET | {"optim.epochs": 20},
                    "efficientnet_lite2": _IMAGENET | {"preprocess.size": 256, "optim.epochs": 20},
                    "resnet18": _SCRATCH,
                    "resnet18_cbam": _SCRATCH,
                    "inception_v3": _SCRATCH | {"preprocess.size": 256, "optim.start_size": 0.7, "optim.lr": 1e-3},
                    "cnn3d": _SCRATCH | {"preprocess.size": 160},
                },
            ),
            seeds=(0, 1, 2),
            headline=("tracenet", "resnet18"),
            slice_folds=FOLDS,
            ablation_folds=FOLDS,
            ablations=ABLATIONS,
            ablation={"preprocess.size": 128, "optim.epochs": 20},
        ),
    )
}


@dataclass(frozen=True)
class PlannedRun:
    """One run of the benchmark, and what it is for."""

    part: Part
    base: str  # for an ablation the model whose recipe is departed from; otherwise empty
    variant: str  # ``factor: level`` or ``base``; otherwise empty
    task: Task


def find_benchmark_preset(key: str) -> BenchmarkPreset:
    """The preset of that key.

    Raises:
        ConfigError: There is none.
    """
    if key not in PRESETS:
        raise ConfigError("no such preset", value=key, remedy=f"Choose one of {', '.join(PRESETS)}.")
    return PRESETS[key]


def planned_runs(
    preset: BenchmarkPreset, parts: Sequence[Part] = PARTS, overrides: Settings | None = None
) -> list[PlannedRun]:
    """Every run of the preset, what matters most first: the first model of each protocol, then the others.

    A run that serves twice (a base, say) appears twice.

    Args:
        preset: From :data:`PRESETS`.
        parts: Which; all by default.
        overrides: Settings that every run gets (another dataset, fewer epochs), for trials.
    """
    changed = {key: as_type(key, value) for key, value in (overrides or {}).items()}
    found: list[PlannedRun] = []
    for part in (part for part in PARTS if part in parts):
        if part == "ablations":
            found += _ablations(preset, changed)
            continue
        found += [PlannedRun(part, "", "", _task(preset, values | changed)) for values in _plain(preset, part)]
    best = next(iter(preset.recipes))
    protocols = ("official", "person")
    return sorted(found, key=lambda one: not (one.part in protocols and one.task.config.model.name == best))


def sweep_name(preset: BenchmarkPreset) -> str:
    """What the ids of the preset's runs begin with."""
    return f"benchmark-{preset.key}"


def config_of_settings(values: Settings) -> RunConfig:
    """The configuration of dotted settings."""
    return parse_config(nest(values))


def _plain(preset: BenchmarkPreset, part: Part) -> list[Settings]:
    first, *others = preset.seeds
    recipes = {name: preset.recipes[name] for name in preset.models.get(part, tuple(preset.recipes))}
    if part == "shipped":
        # All five folds, and nothing held out: the recipe is known by now. The app asks those in the ensemble.
        return [
            recipe | {"fold": 0, "validation": 0.0, "seed": first} for name, recipe in recipes.items() if has_vote(name)
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
    return [recipe | {"protocol": part, "fold": fold, "seed": first} for recipe in recipes.values() for fold in folds]


def _ablations(preset: BenchmarkPreset, overrides: Settings) -> list[PlannedRun]:
    found = []
    changed = preset.ablation | overrides
    for base, variants in preset.ablations.items():
        if base not in preset.recipes:
            continue
        recipe = preset.recipes[base] | changed
        for variant, changes in {BASE: {}, **variants}.items():
            for fold in preset.ablation_folds:
                values = recipe | {key: _scaled(recipe, key, value) for key, value in changes.items()}
                values |= {"protocol": "official", "fold": fold, "seed": preset.seeds[0]}
                found.append(PlannedRun("ablations", base, variant, _task(preset, values)))
    return found


def _scaled(recipe: Settings, key: str, value: Any) -> Any:
    if key not in _SCALED:
        return value
    scaled = recipe[key] * value
    return max(1, round(scaled)) if isinstance(recipe[key], int) else scaled


def _task(preset: BenchmarkPreset, values: Settings) -> Task:
    return make_task(sweep_name(preset), config_of_settings(values))
