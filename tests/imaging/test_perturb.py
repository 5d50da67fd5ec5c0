"""Changes a user may try."""

from __future__ import annotations

import numpy as np
import pytest

from tumortrace.errors import ConfigError
from tumortrace.imaging.perturb import NOTHING, SMALL_PERTURBATIONS, Perturbation, perturb


@pytest.fixture
def slice_() -> np.ndarray:
    """A bright spot, up and to the right of the middle, on a ramp."""
    grey = np.linspace(0, 400, 80 * 100).reshape(80, 100)
    grey[10:20, 70:80] = 1000
    return grey.astype(np.int16)


def spot(picture: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    return int(row), int(column)


def test_no_change_is_the_slice_in_its_own_range(slice_: np.ndarray) -> None:
    found = perturb(slice_, NOTHING)
    assert found.shape == slice_.shape
    assert found.dtype == np.float32
    assert (found.min(), found.max()) == (0, 1)
    assert spot(found) == (10, 70)


def test_mirror_flip_and_turn_move_the_spot_where_they_should(slice_: np.ndarray) -> None:
    assert spot(perturb(slice_, Perturbation(mirror=True))) == (10, 20)
    assert spot(perturb(slice_, Perturbation(flip=True))) == (60, 70)
    row, column = spot(perturb(slice_, Perturbation(rotate=90)))
    assert row < 40, "anticlockwise, what was to the right is above"
    assert column < 50


def test_a_closer_look_cuts_the_border_off(slice_: np.ndarray) -> None:
    row, column = spot(perturb(slice_, Perturbation(zoom=1.2)))
    assert row < 10
    assert column > 70
    far = perturb(slice_, Perturbation(zoom=0.5))
    assert far[0].max() == 0, "a black border is added"


def test_a_narrow_window_adds_contrast_and_a_lower_level_light(slice_: np.ndarray) -> None:
    same = perturb(slice_, NOTHING)
    slope = perturb(slice_, Perturbation(window=50, level=20))[:, 10].std() / same[:, 10].std()
    assert slope > 1.5
    assert perturb(slice_, Perturbation(level=30)).mean() > same.mean()


def test_noise_is_the_same_each_time_and_as_strong_as_asked(slice_: np.ndarray) -> None:
    flat = np.full((200, 200), 50.0)
    flat[0, :100], flat[-1, :100] = 0, 100
    flat[1:3], flat[-3:-1] = 0, 100
    one, other = perturb(flat, Perturbation(noise=5)), perturb(flat, Perturbation(noise=5))
    assert (one == other).all()
    assert one[50:150].std() == pytest.approx(0.05, rel=0.1)


def test_small_changes_are_named_and_begin_with_none() -> None:
    assert next(iter(SMALL_PERTURBATIONS.values())) == NOTHING
    assert len(set(SMALL_PERTURBATIONS.values())) == len(SMALL_PERTURBATIONS)


@pytest.mark.parametrize(("name", "value"), [("zoom", 0), ("window", 0), ("noise", -1), ("level", float("nan"))])
def test_what_has_no_meaning_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{name} is out of range"):
        Perturbation(**{name: value})
