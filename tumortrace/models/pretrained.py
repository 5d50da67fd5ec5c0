"""Starting weights: ImageNet's, as torchvision publishes them, a file, or those of a run.

A ``.safetensors`` file may come from anywhere. A ``.pth`` file is accepted only when it is torchvision's own (its name
carries the first eight digits of its SHA-256), and is read with ``weights_only``: nothing in it is executed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.error import URLError

from torch import Tensor
from torchvision.models import Inception_V3_Weights, ResNet18_Weights, WeightsEnum

from tumortrace import paths
from tumortrace.config import START_RUN
from tumortrace.errors import PretrainedUnavailable, WeightsMismatch
from tumortrace.models.base import SliceNet

_IMAGENET: dict[str, WeightsEnum] = {
    "resnet18": ResNet18_Weights.IMAGENET1K_V1,
    "resnet18_cbam": ResNet18_Weights.IMAGENET1K_V1,
    "tracenet": ResNet18_Weights.IMAGENET1K_V1,
    "inception_v3": Inception_V3_Weights.IMAGENET1K_V1,
}


def load_initial(model: SliceNet, init: str) -> None:
    """Load starting weights into ``model``; layers that depend on the number of classes keep their own.

    Args:
        model: The network, changed in place.
        init: ``imagenet``, the path of a weights file, or ``run:ID``; whether that run may be started from is asked in
            :mod:`tumortrace.training.starting`.

    Raises:
        PretrainedUnavailable: The download failed, or there are no such weights; says how to give a file.
        WeightsMismatch: The file is missing, foreign, or does not fit.
    """
    state = _download(model) if init == "imagenet" else _read(model, _path(init))
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


def _download(model: SliceNet) -> dict[str, Tensor]:
    weights = _IMAGENET.get(model.name)
    if weights is None:
        raise PretrainedUnavailable(
            "there are no ImageNet weights for this model", value=model.name, remedy="Set init to scratch or a file."
        )
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        name = weights.url.rsplit("/", 1)[-1]
        raise PretrainedUnavailable(
            f"the ImageNet weights of {model.name} could not be downloaded ({error})",
            value=weights.url,
            remedy=f"(1) Open that address on a machine with a network. (2) Copy {name} here. "
            f"(3) Train with `--init /path/to/{name}`. Or train with `--init scratch`.",
        ) from error
    return _prefixed(state)


def _read(model: SliceNet, path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsMismatch("there is no such weights file", value=str(path), remedy="Check the path given as init.")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return _prefixed(load_file(path))
        except SafetensorError as error:
            raise WeightsMismatch(
                f"not a safetensors file ({error})", value=str(path), remedy="Fetch it anew."
            ) from error
    weights = _IMAGENET.get(model.name)
    published = weights.url.rsplit("-", 1)[-1].removesuffix(".pth") if weights else None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if published is None or not digest.startswith(published):
        raise WeightsMismatch(
            f"this is not the file torchvision publishes for {model.name} (SHA-256 {digest[:8]}..., not {published})",
            value=str(path),
            remedy="Give that file, or any weights as .safetensors.",
        )
    import torch

    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return _prefixed(state)


def _prefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Published weights name the bare backbone; ours stand under ``backbone.``."""
    ours = any(name.startswith(("backbone.", "blocks.")) for name in state)
    return dict(state) if ours else {f"backbone.{name}": value for name, value in state.items()}


def _is_head(name: str) -> bool:
    heads = ("backbone.fc.", "backbone.AuxLogits.", "head.", "lateral.", "smooth.", "trace.")
    return name.startswith(heads) or ".attention." in name or name.endswith("num_batches_tracked")
