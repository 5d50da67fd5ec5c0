"""Saliency points at the place that spoke; overlays show it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tumortrace.config import ModelSettings
from tumortrace.errors import ConfigError
from tumortrace.explain import overlay
from tumortrace.explain.gradcam import _enlarge, saliency
from tumortrace.explain.methods import METHODS
from tumortrace.models.registry import build

SIDES = {"cnn3d": 128, "resnet18": 160, "inception_v3": 143, "efficientnet_lite0": 160, "efficientnet_lite2": 160}


def receptive_field_centre(model, cell: tuple[int, int], side: int) -> tuple[float, float]:
    """Where a cell of the saliency layer looks, weighed by what moves it."""
    kept: list[torch.Tensor] = []
    handle = model.saliency_layer.register_forward_hook(lambda module, given, out: kept.append(out))
    total = torch.zeros(side, side, dtype=torch.float64)
    for seed in range(6):
        image = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(seed)).requires_grad_()
        model(image)
        row, column = cell
        model.saliency_reshape(kept.pop())[0, :, row, column].sum().backward()
        assert image.grad is not None
        total += image.grad[0, 0].abs().double()
    handle.remove()
    share = total / total.sum()
    places = torch.arange(side, dtype=torch.float64)
    return float(share.sum(1) @ places), float(share.sum(0) @ places)


@pytest.mark.parametrize("name", sorted(SIDES))
def test_the_grid_says_where_each_cell_looks(name: str) -> None:
    torch.manual_seed(0)
    model = build(ModelSettings.model_validate({"name": name})).eval()
    for module in model.modules():
        if isinstance(module, nn.ReLU | nn.ReLU6):
            module.inplace = False
    start, step = model.saliency_grid
    centre = (SIDES[name] - 1) / 2
    cell = round((centre - start) / step)
    found = receptive_field_centre(model, (cell, cell), SIDES[name])
    assert found == pytest.approx((start + cell * step,) * 2, abs=step / 4)


def test_cells_are_drawn_at_their_pixels() -> None:
    cells = torch.zeros(1, 8, 8)
    cells[0, 2, 5] = 1
    heat = _enlarge(cells, 128, 0, 16)[0]
    assert np.unravel_index(int(heat.argmax()), heat.shape) == (32, 80)
    assert _enlarge(torch.ones(1, 1, 1), 16, 7, 16).eq(1).all(), "a single cell covers everything"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_a_map_between_0_and_1(method: str) -> None:
    torch.manual_seed(0)
    model = build(ModelSettings(name="cnn3d")).eval()
    heat = saliency(model, torch.rand(2, 1, 64, 64), [0, 2], method)
    assert heat.shape == (2, 64, 64)
    assert heat.dtype == np.float32
    assert 0 <= heat.min() <= heat.max() <= 1


def test_an_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="gradcam"):
        saliency(build(ModelSettings(name="cnn3d")), torch.rand(1, 1, 64, 64), [0], "magic")


def test_no_heat_or_no_opacity_leaves_the_slice_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 255, (16, 16)).astype(np.uint8)
    hot = np.ones((16, 16), np.float32)
    grey = np.repeat(image[..., None], 3, axis=2)
    assert np.array_equal(overlay.blend(image, hot * 0), grey)
    assert np.array_equal(overlay.blend(image, hot, 0), grey)
    assert np.array_equal(overlay.blend(image, hot, 1)[0, 0], [252, 255, 164])


def test_an_outline_is_drawn_closed_and_scaled() -> None:
    image = np.zeros((40, 40), np.uint8)
    drawn = overlay.draw_outline(image, "10.0,10.0 30.0,10.0 30.0,30.0 10.0,30.0", width=1, scale=0.5)
    yellow = (drawn == [255, 212, 0]).all(axis=2)
    assert yellow[5, 5:15].all()
    assert yellow[5:15, 5].all(), "the last point joins the first"
    assert not yellow[8:12, 8:12].any()


def test_any_range_is_windowed_for_display() -> None:
    wide = np.linspace(-500, 9000, 256).reshape(16, 16)
    shown = overlay.to_display(wide)
    assert shown.dtype == np.uint8
    assert (shown.min(), shown.max()) == (0, 255)
