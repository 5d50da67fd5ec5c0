from __future__ import annotations

import torch

from tumortrace.config import AugmentSettings
from tumortrace.imaging.augment import Augment

NOTHING = AugmentSettings(rotate=0, shift=0, scale=0, reflect=False, brightness=0, contrast=0, gamma=0, noise=0)


def test_nothing_asked_changes_nothing() -> None:
    images = torch.rand(2, 1, 32, 32)
    assert torch.equal(Augment(NOTHING)(images)[0], images)


def test_image_and_mask_move_together() -> None:
    images = torch.zeros(8, 1, 64, 64)
    images[:, :, 20:40, 10:30] = 1
    moved, masks = Augment(NOTHING.model_copy(update={"rotate": 45.0, "shift": 0.1, "reflect": True}))(images, images)
    assert masks is not None
    assert set(masks.unique().tolist()) <= {0.0, 1.0}
    assert ((moved > 0.5).float() - masks).abs().mean() < 0.02
    assert not torch.equal(moved, images)


def test_the_slices_of_a_stack_move_together_and_stay_in_range() -> None:
    stack = torch.rand(4, 1, 32, 32).repeat(1, 3, 1, 1)
    moved, _ = Augment(AugmentSettings(noise=0))(stack)
    assert torch.allclose(moved[:, 0], moved[:, 1])
    assert 0 <= moved.min() <= moved.max() <= 1


def test_intensity_leaves_the_mask_alone() -> None:
    masks = (torch.rand(4, 1, 32, 32) > 0.5).float()
    strong = NOTHING.model_copy(update={"brightness": 0.3, "contrast": 0.5, "gamma": 0.5, "noise": 0.1})
    _, after = Augment(strong)(torch.rand(4, 1, 32, 32), masks)
    assert after is not None
    assert torch.equal(after, masks)


def test_the_same_random_state_gives_the_same_batch() -> None:
    augment, images = Augment(AugmentSettings()), torch.rand(4, 1, 32, 32)
    torch.manual_seed(3)
    first = augment(images)[0]
    torch.manual_seed(3)
    assert torch.equal(first, augment(images)[0])
