from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from tumortrace.config import AugmentSettings
from tumortrace.imaging.augment import (
    _BIAS_ON,
    _BLUR,
    _BLUR_ON,
    _CROP,
    _CROP_DOWN,
    _CROP_ON,
    _CROP_RIGHT,
    _JPEG,
    _JPEG_ON,
    _MARK_ON,
    NUMBERS,
    Augment,
    sample_parameters,
)  # fmt: skip

NOTHING = AugmentSettings(rotate=0, shift=0, scale=0, hflip=False, brightness=0, contrast=0, gamma=0, noise=0)


def numbers(count: int, seed: int = 0) -> torch.Tensor:
    return sample_parameters(count, torch.Generator().manual_seed(seed))


def changed(**values: object) -> Augment:
    return Augment(NOTHING.model_copy(update=values))


def test_nothing_asked_changes_nothing() -> None:
    images = torch.rand(2, 1, 32, 32)
    augment = Augment(NOTHING)
    assert torch.equal(augment(images, numbers(2))[0], images)
    assert not augment.changes
    assert Augment(AugmentSettings()).changes


def test_a_quarter_turn_is_a_quarter_turn() -> None:
    images = torch.rand(1, 1, 16, 16)
    turned, _ = changed(rotate=90.0)(images, torch.ones(1, NUMBERS))
    assert torch.allclose(turned, torch.rot90(images, -1, (2, 3)), atol=1e-5)


def test_a_reflection_swaps_left_and_right() -> None:
    images = torch.rand(1, 1, 16, 16)
    mirrored, _ = changed(hflip=True)(images, torch.zeros(1, NUMBERS))
    assert torch.allclose(mirrored, images.flip(3), atol=1e-5)


def test_a_shift_moves_by_its_share_of_the_side_and_brings_in_black() -> None:
    images = torch.rand(1, 1, 16, 16)
    moved, _ = changed(shift=0.25)(images, torch.ones(1, NUMBERS))
    assert torch.allclose(moved[..., 4:, 4:], images[..., :-4, :-4], atol=1e-5)
    assert float(moved[..., :4, :].abs().max()) < 1e-5


def test_a_larger_scale_enlarges() -> None:
    images = torch.zeros(1, 1, 32, 32)
    images[..., 12:20, 12:20] = 1
    larger, _ = changed(scale=0.5)(images, torch.ones(1, NUMBERS))
    assert float(larger.sum()) == pytest.approx(64 * 1.5**2, rel=0.05)


def test_intensities_change_as_written() -> None:
    images = torch.full((1, 1, 4, 4), 0.5)
    on = torch.zeros(1, NUMBERS)
    on[0, 5:9] = 1.0  # the largest amount; the deciding numbers are 0, so all happen
    assert changed(brightness=0.2)(images, on)[0].mean() == pytest.approx(0.7)
    assert changed(contrast=0.4)(images, on)[0].mean() == pytest.approx(0.7)
    assert changed(gamma=0.5)(images, on)[0].mean() == pytest.approx(0.5 ** math.exp(0.5))
    noisy = changed(noise=0.1)(torch.full((64, 1, 32, 32), 0.5), on.repeat(64, 1))[0]
    assert noisy.std() == pytest.approx(0.1, rel=0.1)
    assert noisy.mean() == pytest.approx(0.5, abs=0.01)


def test_intensity_happens_to_half_of_the_slices() -> None:
    images = torch.full((400, 1, 2, 2), 0.5)
    bright, _ = changed(brightness=0.2)(images, numbers(400))
    share = float(((bright - 0.5).abs().amax((1, 2, 3)) > 1e-6).float().mean())
    assert 0.4 < share < 0.6


def test_the_same_numbers_do_the_same_whatever_else_is_in_the_batch() -> None:
    images, drawn = torch.rand(6, 1, 32, 32), numbers(6)
    augment = Augment(AugmentSettings())
    whole = augment(images, drawn)[0]
    assert torch.allclose(whole[2:4], augment(images[2:4], drawn[2:4])[0], atol=1e-6)


def test_image_and_mask_move_together() -> None:
    images = torch.zeros(8, 1, 64, 64)
    images[:, :, 20:40, 10:30] = 1
    moved, masks = changed(rotate=45.0, shift=0.1, hflip=True)(images, numbers(8), images)
    assert masks is not None
    assert set(masks.unique().tolist()) <= {0.0, 1.0}
    assert ((moved > 0.5).float() - masks).abs().mean() < 0.02
    assert not torch.equal(moved, images)


def test_the_slices_of_a_stack_move_together_and_stay_in_range() -> None:
    stack = torch.rand(4, 1, 32, 32).repeat(1, 3, 1, 1)
    moved, _ = Augment(AugmentSettings(noise=0))(stack, numbers(4))
    assert torch.allclose(moved[:, 0], moved[:, 1])
    assert 0 <= moved.min() <= moved.max() <= 1


def test_intensity_leaves_the_mask_alone() -> None:
    masks = (torch.rand(4, 1, 32, 32) > 0.5).float()
    strong = changed(brightness=0.3, contrast=0.5, gamma=0.5, noise=0.1)
    _, after = strong(torch.rand(4, 1, 32, 32), numbers(4), masks)
    assert after is not None
    assert torch.equal(after, masks)


def test_the_same_generator_draws_the_same_numbers() -> None:
    assert torch.equal(numbers(5, seed=3), numbers(5, seed=3))
    assert not torch.equal(numbers(5, seed=3), numbers(5, seed=4))


def on(place: int, count: int = 4, seed: int = 0) -> torch.Tensor:
    """Numbers under which the change decided by ``place`` happens to every slice."""
    found = numbers(count, seed)
    found[:, place] = 0
    return found


@pytest.mark.parametrize(
    ("name", "decides"),
    [("bias_field", _BIAS_ON), ("blur", _BLUR_ON), ("jpeg", _JPEG_ON), ("marks", _MARK_ON), ("tight_crop", _CROP_ON)],
)
def test_what_other_scanners_bring_happens_to_some_slices_alone(name: str, decides: int) -> None:
    images = torch.rand(4, 1, 48, 48, generator=torch.Generator().manual_seed(1))
    some = on(decides)
    some[:, _BLUR] = 0.9
    some[2:, decides] = 1
    found, _ = changed(**{name: 0.8})(images, some)
    assert found.shape == images.shape
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert torch.allclose(found[2:], images[2:], atol=1e-5)
    assert all(not torch.allclose(found[place], images[place], atol=1e-3) for place in (0, 1))


def test_a_blur_keeps_the_mean_and_takes_the_detail() -> None:
    images, strongest = torch.rand(4, 1, 64, 64), on(_BLUR_ON)
    strongest[:, _BLUR] = 1
    found, _ = changed(blur=3.0)(images, strongest)
    assert found.mean() == pytest.approx(float(images.mean()), abs=0.02)
    assert float(found.std()) < float(images.std()) / 2


def test_jpeg_rounds_to_what_pillow_writes_at_the_same_quality() -> None:
    y, x = torch.meshgrid(torch.linspace(0, 6, 64), torch.linspace(0, 6, 64), indexing="ij")
    image = (0.5 + 0.3 * torch.sin(x * y / 2))[None, None]
    drawn = on(_JPEG_ON, 1)
    drawn[:, _JPEG] = 1.0  # five times the standard table, which is quality 10
    found, _ = changed(jpeg=1.0)(image, drawn)
    raw = io.BytesIO()
    Image.fromarray((image[0, 0].numpy() * 255).round().astype(np.uint8)).save(raw, "JPEG", quality=10)
    written = torch.from_numpy(np.asarray(Image.open(raw), dtype=np.float32) / 255)
    assert float((found[0, 0] - written).abs().mean()) < 0.01
    assert float((found[0, 0] - image[0, 0]).abs().mean()) > 0.01


def test_a_cut_out_that_would_lose_the_tumour_is_not_made() -> None:
    images = torch.rand(2, 1, 64, 64)
    masks = torch.zeros(2, 1, 64, 64)
    masks[0, 0, :6, :6] = 1  # in the corner: any cut-out loses it
    masks[1, 0, 28:36, 28:36] = 1
    drawn = on(_CROP_ON, 2)
    drawn[:, [_CROP, _CROP_RIGHT, _CROP_DOWN]] = torch.tensor([1.0, 0.5, 0.5])
    found, kept = changed(tight_crop=1.0)(images, drawn, masks)
    assert kept is not None
    assert torch.allclose(found[0], images[0], atol=1e-5)
    assert float(kept[0].sum()) == 36
    assert float(kept[1].sum()) == pytest.approx(4 * 64, rel=0.1), "twice as large"
    assert not torch.allclose(found[1], images[1], atol=1e-2)


def test_new_numbers_leave_those_of_older_recipes_as_they_were() -> None:
    generator = torch.Generator().manual_seed(5)
    assert torch.equal(
        sample_parameters(6, torch.Generator().manual_seed(5))[:, :14], torch.rand(6, 14, generator=generator)
    )
