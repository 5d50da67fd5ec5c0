"""Named settings to start from, each with what was measured of it. No torch: the form and the command line read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tumortrace.errors import ConfigError


@dataclass(frozen=True)
class Preset:
    """A starting point; everything it does not name stays as by default."""

    key: str
    title: str
    text: str
    values: dict[str, Any]  # dotted name of a setting to its value
    measured: str  # time and score, with the machine they were measured on


SPEEDRUN: Final = "speedrun"
_SPEED: Final[dict[str, Any]] = {
    "protocol": "official", "fold": 1, "validation": 0.0, "watch": 0, "model.name": "resnet18",
    "preprocess.size": 128, "optim.epochs": 12, "optim.batch_size": 32, "optim.lr": 2e-3, "optim.start_size": 0.5,
}  # fmt: skip

PRESETS: Final = {
    preset.key: preset
    for preset in (
        Preset(
            "demo",
            "Two-minute demo",
            "A small network on small slices: something to watch on any machine, on whatever dataset is on show.",
            {
                "protocol": "official", "validation": 0.2, "model.name": "cnn3d", "preprocess.size": 64,
                "optim.epochs": 8, "optim.batch_size": 16, "optim.lr": 1e-3,
            },
            "",
        ),
        Preset(
            SPEEDRUN, "Speedrun", "The fastest way found to 95 % on official fold 1, nothing held out.", _SPEED, "",
        ),
        Preset(
            "cnn3d", "Full recipe: 3D CNN", "The milestone paper's network from scratch.",
            {"protocol": "person", "model.name": "cnn3d", "preprocess.size": 128, "optim.epochs": 26},
            "",
        ),
        Preset(
            "resnet18", "Full recipe: ResNet18", "From scratch; give ImageNet weights below where you can.",
            {"protocol": "person", "model.name": "resnet18", "preprocess.size": 160, "optim.epochs": 24},
            "",
        ),
        Preset(
            "inception_v3", "Full recipe: Inception v3", "From scratch, at half its published size.",
            {"protocol": "person", "model.name": "inception_v3", "preprocess.size": 144, "optim.epochs": 26},
            "",
        ),
        Preset(
            "finetune", "ResNet18, fine-tuned", "ImageNet weights, early layers frozen; wants a network and a GPU.",
            {
                "protocol": "person", "model.name": "resnet18", "model.init": "imagenet",
                "model.freeze_until": "layer1", "preprocess.size": 224, "optim.epochs": 20, "optim.lr": 5e-4,
            },
            "",
        ),
    )
}  # fmt: skip


def find(key: str) -> Preset:
    """The preset of that key.

    Raises:
        ConfigError: There is none.
    """
    if key not in PRESETS:
        raise ConfigError("no such preset", value=key, remedy=f"Choose one of {', '.join(PRESETS)}.")
    return PRESETS[key]
