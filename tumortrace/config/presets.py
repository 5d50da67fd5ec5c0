"""Named settings to start from, each with what was measured of it. No torch: the form and the command line read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tumortrace.config.fields import flatten
from tumortrace.config.schema import RunConfig
from tumortrace.errors import ConfigError


@dataclass(frozen=True)
class TrainingPreset:
    """A starting point; everything it does not name stays as by default."""

    key: str
    title: str
    text: str
    values: dict[str, Any]  # dotted name of a setting to its value
    measured: str  # time and score, with the machine they were measured on
    promised: float | None = None  # seconds of the whole run that its title promises, on two CPU cores


DEMO: Final = "demo"
# Two minutes on two plain cores do not teach a network from scratch what it takes. ImageNet's early layers do, and they
# come with an installed package, so no network is needed. Frozen, and with nothing random before them, they see each
# slice once: their features are kept, and an epoch costs only the last two stages. Precision is fixed for the same
# reason: bf16 is fast on few CPUs. A third epoch and more only fit the training slices better.
_DEMO: Final[dict[str, Any]] = {
    "protocol": "official", "validation": 0.2, "precision": "32-true", "model.name": "efficientnet_lite0",
    "model.init": "imagenet", "model.freeze_until": "blocks4", "preprocess.size": 128,
    "augment.rotate": 0.0, "augment.shift": 0.0, "augment.scale": 0.0, "augment.hflip": False,
    "augment.brightness": 0.0, "augment.contrast": 0.0, "augment.gamma": 0.0, "augment.noise": 0.0,
    "optim.epochs": 2, "optim.batch_size": 16, "optim.lr": 1e-3,
}  # fmt: skip

SPEEDRUN: Final = "speedrun"
_SPEED: Final[dict[str, Any]] = {
    "protocol": "official", "fold": 1, "validation": 0.0, "validation_tiles": 0, "model.name": "tracenet",
    "model.encoder": "resnet18", "model.dropout": 0.0,
    "preprocess.size": 128, "optim.epochs": 14, "optim.batch_size": 16, "optim.lr": 1.5e-3, "optim.start_size": 0.6,
}  # fmt: skip

_FULL: Final[dict[str, Any]] = {"protocol": "official", "fold": 1, "validation": 0.0}
_CPU: Final = "Measured on official fold 1 on two CPU cores"

PRESETS: Final = {
    preset.key: preset
    for preset in (
        TrainingPreset(
            DEMO,
            "Two-minute demo",
            "EfficientNet-Lite0 from ImageNet, its last layers alone taught: something to watch on any machine, on "
            "whatever dataset is on show. Its weights are installed along; it needs no network.",
            _DEMO,
            "Measured on a fifth of official fold 1's training persons, held out: validation accuracy 0.858 (n = 499), "
            "one seed; the whole command took 141 seconds, 102 of CPU time, on two busy cores.",
            promised=120.0,
        ),
        TrainingPreset(
            SPEEDRUN,
            "Speedrun",
            "The fastest way found to 95 % on official fold 1 from scratch: TraceNet on ResNet18.",
            _SPEED,
            f"{_CPU}: accuracy 0.951 (95 % interval 0.909 to 0.980, n = 570) after 500 seconds, one seed.",
        ),
        TrainingPreset(
            "tracenet",
            "Full recipe: TraceNet",
            "The benchmark's best: EfficientNet-Lite0 from ImageNet with the outline task, growing from 96 to 192 px.",
            {
                "protocol": "official", "fold": 1, "validation": 0.1, "precision": "32-true", "model.name": "tracenet",
                "model.init": "imagenet", "model.dropout": 0.0, "model.hflip_tta": True, "preprocess.size": 192,
                "preprocess.crop": True, "augment.rotate": 30.0, "augment.shift": 0.15, "augment.scale": 0.15,
                "augment.brightness": 0.15, "augment.contrast": 0.3, "augment.gamma": 0.4, "augment.tight_crop": 0.6,
                "augment.bias_field": 0.5, "augment.blur": 1.0, "augment.jpeg": 1.0, "augment.marks": 0.1,
                "optim.epochs": 14, "optim.batch_size": 32, "optim.lr": 1e-3, "optim.start_size": 0.5,
            },
            "Measured on official fold 1: accuracy 0.968 (95 % interval 0.939 to 0.991, n = 570) after some 25 minutes "
            "of one CPU core.",
        ),
        TrainingPreset(
            "cnn3d",
            "Full recipe: 3D CNN",
            "The milestone paper's network from scratch, nothing held out.",
            _FULL | {"model.name": "cnn3d", "preprocess.size": 128, "optim.epochs": 26},
            f"{_CPU}: accuracy 0.933 (95 % interval 0.892 to 0.965, n = 570) after 33 minutes.",
        ),
        TrainingPreset(
            "resnet18",
            "Full recipe: ResNet18",
            "From scratch, nothing held out; give ImageNet weights below where you can.",
            _FULL | {"model.name": "resnet18", "preprocess.size": 160, "optim.epochs": 24},
            f"{_CPU}: accuracy 0.956 (95 % interval 0.920 to 0.982, n = 570) after 36 minutes.",
        ),
        TrainingPreset(
            "inception_v3",
            "Full recipe: Inception v3",
            "From scratch, at half its published size, nothing held out.",
            _FULL | {"model.name": "inception_v3", "preprocess.size": 144, "optim.epochs": 26, "optim.lr": 1e-3},
            f"{_CPU}: accuracy 0.951 (95 % interval 0.910 to 0.980, n = 570) after 31 minutes.",
        ),
        TrainingPreset(
            "finetune",
            "ResNet18, fine-tuned",
            "ImageNet weights, early layers frozen; wants a network for the download, and better a GPU.",
            {
                "protocol": "person", "model.name": "resnet18", "model.init": "imagenet",
                "model.freeze_until": "layer1", "preprocess.size": 224, "optim.epochs": 20, "optim.lr": 5e-4,
            },
            "Not measured: the published weights could not be downloaded where the other figures were made.",
        ),
    )
}  # fmt: skip


def find_preset(key: str) -> TrainingPreset:
    """The preset of that key.

    Raises:
        ConfigError: There is none.
    """
    if key not in PRESETS:
        raise ConfigError("no such preset", value=key, remedy=f"Choose one of {', '.join(PRESETS)}.")
    return PRESETS[key]


_ELSEWHERE: Final = (
    "dataset", "protocol", "fold", "seed", "device", "devices", "nodes", "threads", "checkpoint", "tensorboard",
)  # fmt: skip
"""Settings that say where and on what a run is trained: a promise holds whatever they are."""


def promised(config: RunConfig) -> float | None:
    """Seconds in which a preset promises to end a run of these settings; None where they are no such preset's."""
    mine = flatten(config.model_dump())
    for preset in PRESETS.values():
        if preset.promised is not None:
            its = flatten(RunConfig().model_dump()) | preset.values
            if all(mine[name] == value for name, value in its.items() if name not in _ELSEWHERE):
                return preset.promised
    return None
