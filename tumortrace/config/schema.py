"""Everything a run is made of, validated, to and from JSON.

A field's ``description`` is its help and ``unit`` its unit: the command line and the Train page's form are both made
from this module, so a setting exists everywhere or nowhere. No torch here: the pages read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema, core_schema

from tumortrace.config.former import upgrade_settings
from tumortrace.config.models import MODEL_SPECS, ModelSpec, encoder_names, model_names
from tumortrace.config.preprocess import PreprocessSettings
from tumortrace.constants import Protocol
from tumortrace.errors import ConfigError


@dataclass(frozen=True)
class OneOf:
    """Marks a setting whose values are names of a table: they are looked up when it is validated or listed."""

    what: str
    names: Callable[[], tuple[str, ...]]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._known, handler(source))

    def _known(self, value: str | None) -> str | None:
        if value is not None and value not in self.names():
            raise ValueError(f"Unknown {self.what}; choose one of {', '.join(self.names())}")
        return value


START_RUN: Final = "run:"
"""What ``model.init`` begins with where a run's weights are the starting weights."""


def _those(which: Callable[[ModelSpec], bool]) -> str:
    return " or ".join(model_names(which))


def _field(default: Any, description: str, unit: str | None = None, **limits: Any) -> Any:
    extra: Any = {"unit": unit} if unit else None
    return Field(default, description=description, json_schema_extra=extra, **limits)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class ModelSettings(_Settings):
    """Which network, and where its weights start."""

    name: Annotated[str, OneOf("model", model_names)] = _field("resnet18", "Architecture")
    encoder: Annotated[str | None, OneOf("encoder", encoder_names)] = _field(
        None,
        f"What {_those(lambda spec: bool(spec.encoder))} stands on; empty takes "
        f"{' or '.join(spec.encoder for spec in MODEL_SPECS.values() if spec.encoder)}. Other models have none",
    )
    init: str = _field("scratch", "Starting weights: scratch, imagenet, a weights file, or run:ID for those of a run")
    freeze_until: str | None = _field(
        None, "Freeze every stage up to and including this one; BatchNorm stays with them"
    )
    unfreeze_epoch: int = _field(
        0, "Train the frozen stages too from this epoch on (fine-tuning in two steps); 0: never", ge=0, le=500
    )
    dropout: float = _field(0.2, "Share of features dropped before the last layer", ge=0, le=0.9)
    hflip_tta: bool = _field(
        False, "Test-time augmentation: the mean over the slice and its mirror image; twice the work"
    )
    batchnorm: bool = _field(
        True, f"Normalise each batch's features ({_those(lambda spec: spec.can_drop_batchnorm)} alone can do without)"
    )
    depth: int = _field(
        1, "Neighbouring slices seen at once (cnn3d: 1 takes the three colour planes)", "slices", ge=1, le=9
    )

    @property
    def spec(self) -> ModelSpec:
        """What is known of the network."""
        return MODEL_SPECS[self.name]

    @property
    def backbone(self) -> str:
        """The model whose stages it has: its own name, or that of the encoder it stands on."""
        return (self.encoder or self.spec.encoder) if self.spec.encoder else self.name

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the network's stages, from the input on."""
        return MODEL_SPECS[self.backbone].stages

    @model_validator(mode="after")
    def _fits(self) -> ModelSettings:
        name, spec, stages = self.name, self.spec, self.stages
        if self.encoder is not None and spec.encoder is None:
            other = _those(lambda one: one.encoder is not None)
            raise ValueError(f"{name} stands on no encoder; leave encoder empty or choose {other}")
        if self.freeze_until is not None and self.freeze_until not in stages:
            raise ValueError(f"{name} has no stage {self.freeze_until!r}; choose one of {', '.join(stages)}")
        if self.unfreeze_epoch and self.freeze_until is None:
            raise ValueError("nothing is frozen that could be unfrozen; set freeze_until or unfreeze_epoch to 0")
        if self.depth > spec.max_depth:
            sees = "one slice" if spec.max_depth == 1 else f"{spec.max_depth} slices at most"
            other = _those(lambda one: one.max_depth >= self.depth)
            raise ValueError(f"{name} sees {sees}; set depth to {spec.max_depth} or choose {other}")
        if not self.batchnorm and not spec.can_drop_batchnorm:
            other = _those(lambda one: one.can_drop_batchnorm)
            raise ValueError(f"{name} cannot do without batchnorm; leave it on or choose {other}")
        if self.depth % 2 == 0:
            raise ValueError(f"depth must be odd, so that the slice stands in the middle; got {self.depth}")
        if self.init == "imagenet" and MODEL_SPECS[self.backbone].imagenet is None:
            raise ValueError(f"there are no ImageNet weights for {self.backbone}; set init to scratch or a file")
        return self


class AugmentSettings(_Settings):
    """What happens to a training batch, anew each time it is seen; 0 switches a part off."""

    rotate: float = _field(15.0, "Rotation, up to", "degrees", ge=0, le=180)
    shift: float = _field(0.06, "Shift, up to this share of the side", ge=0, le=0.5)
    scale: float = _field(0.12, "Zoom in or out, up to", ge=0, le=0.5)
    hflip: bool = _field(True, "Horizontal flip, half of the time")
    brightness: float = _field(0.1, "Brightness, up to", ge=0, le=0.5)
    contrast: float = _field(0.2, "Contrast, up to", ge=0, le=0.8)
    gamma: float = _field(0.2, "Gamma, up to (log scale)", ge=0, le=1)
    noise: float = _field(0.02, "Gaussian noise, standard deviation up to", ge=0, le=0.3)
    tight_crop: float = _field(
        0.0, "Cut-outs of the head, zoomed in by up to this share more, for a fifth of the slices", ge=0, le=2
    )
    bias_field: float = _field(0.0, "Bias field (slow change of brightness), up to (log scale)", ge=0, le=1)
    blur: float = _field(0.0, "Gaussian blur, standard deviation up to", "% of the side", ge=0, le=3)
    jpeg: float = _field(0.0, "JPEG artefacts, up to this strength (1 is about quality 10)", ge=0, le=2)
    marks: float = _field(0.0, "Share of slices with a burnt-in border or a mark like text", ge=0, le=1)
    mixup: float = _field(
        0.0, "Mixup: parameter of the Beta distribution by which slices are mixed in pairs", ge=0, le=1
    )


class OptimSettings(_Settings):
    """Settings of the optimiser: epochs, batch size, learning rate, decay, loss."""

    epochs: int = _field(14, "Passes over the training part", ge=1, le=500)
    batch_size: int = _field(32, "Slices a step", "slices", ge=2, le=1024)
    lr: float = _field(2e-3, "Peak learning rate of the one-cycle schedule", gt=0, le=1)
    warmup: float = _field(0.25, "Share of the schedule that rises", ge=0, le=0.9)
    weight_decay: float = _field(0.05, "AdamW weight decay", ge=0, le=1)
    label_smoothing: float = _field(0.05, "Label smoothing", ge=0, le=0.5)
    class_weights: Literal["none", "balanced"] = _field("none", "Weight classes by inverse frequency")
    ema: float = _field(0.995, "Decay of the moving average of weights; 0 switches it off", ge=0, lt=1)
    grad_clip: float = _field(2.0, "Clip the norm of the gradient at; 0 switches it off", ge=0, le=100)
    outline_weight: float = _field(
        1.0,
        f"Weight of the outline task ({_those(lambda spec: spec.draws_outlines)}); 0 leaves the outlines out",
        ge=0,
        le=10,
    )
    start_size: float = _field(
        1.0, "Share of the image size to begin at, growing to all of it by two thirds of the epochs", ge=0.25, le=1
    )


class RunConfig(_Settings):
    """One run: a model, trained on the training part of one fold, tested once on its test part."""

    dataset: str | None = _field(None, "Imported dataset; empty takes the real one where it is imported")
    protocol: Protocol = _field("official", "How folds are formed")
    fold: int = _field(1, "Test fold; the other four train. 0 tests nothing and trains on all five", ge=0, le=5)
    validation: float = _field(0.1, "Share of the training part held out, whole persons at a time", ge=0, le=0.5)
    train_fraction: float = _field(
        1.0, "Fraction of the training part that is used, whole persons at a time", gt=0, le=1
    )
    patience: int = _field(0, "Stop after this many epochs without a better validation loss; 0 never", "epochs", ge=0)
    seed: int = _field(0, "Seed of everything random", ge=0, lt=2**31)
    device: Literal["auto", "cpu", "cuda", "mps"] = _field("auto", "Where to train")
    precision: Literal["auto", "32-true", "bf16-mixed"] = _field("auto", "Arithmetic; auto takes bf16 where it is fast")
    threads: int = _field(0, "CPU threads; 0 takes all", ge=0, le=256)
    devices: int = _field(1, "Devices (GPUs, or processes on a CPU) that share each batch", "per machine", ge=1, le=64)
    nodes: int = _field(1, "Machines that share each batch; start the same command on each", ge=1, le=64)
    compile: Literal["auto", "on", "off"] = _field(
        "auto", "torch.compile the network; auto does so on a GPU, for runs long enough to pay for it"
    )
    checkpoint: int = _field(10, "Least time between two checkpoints at ends of epochs", "seconds", ge=0, le=3600)
    validation_tiles: int = _field(
        8, "Validation slices whose saliency is kept after each epoch", "slices", ge=0, le=24
    )
    tensorboard: bool = _field(False, "Write TensorBoard files too")
    preprocess: PreprocessSettings = Field(default_factory=PreprocessSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    augment: AugmentSettings = Field(default_factory=AugmentSettings)
    optim: OptimSettings = Field(default_factory=OptimSettings)

    @model_validator(mode="after")
    def _contradictions(self) -> RunConfig:
        if self.patience and not self.validation:
            raise ValueError("early stopping needs a validation part; set validation above 0 or patience to 0")
        least = self.model.spec.min_size
        if self.preprocess.size < least:
            raise ValueError(f"{self.model.name} needs {least} px or more; got size {self.preprocess.size}")
        if self.model.unfreeze_epoch and self.devices * self.nodes > 1:
            raise ValueError(
                "stages are unfrozen on one device alone; set unfreeze_epoch to 0 or devices and nodes to 1"
            )
        if self.optim.batch_size % (self.devices * self.nodes):
            raise ValueError(
                f"batch_size {self.optim.batch_size} cannot be shared evenly by {self.devices * self.nodes} devices; "
                "change batch_size or devices"
            )
        return self


def parse_config(values: dict[str, Any]) -> RunConfig:
    """Validate nested settings.

    Raises:
        ConfigError: The first setting that does not hold, by its dotted name.
    """
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        what, value, remedy = _first(error)
        raise ConfigError(what, value=value, remedy=remedy) from error


def read_config(text: str | bytes) -> RunConfig:
    """The settings of a run or of a shipped model, as any version has written them.

    Raises:
        ValidationError: They are damaged, or were written by a later version.
    """
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    return RunConfig.model_validate(upgrade_settings(values) if isinstance(values, dict) else values)


def field_errors(error: ValidationError) -> dict[str, str]:
    """Dotted field name to message, for showing each beside its field."""
    return {".".join(map(str, item["loc"])) or "run": _message(item["msg"]) for item in error.errors()}


def _first(error: ValidationError) -> tuple[str, Any, str]:
    item = error.errors()[0]
    said = _message(item["msg"])
    if not item["loc"]:
        return "the settings contradict each other", said, "Change one of them."
    value = said if isinstance(item["input"], dict) else item["input"]
    return f"{'.'.join(map(str, item['loc']))} does not hold", value, f"{said}."


def _message(text: str) -> str:
    return text.removeprefix("Value error, ").rstrip(".")
