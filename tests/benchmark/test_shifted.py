"""Which slices of a test part are shifted."""

from __future__ import annotations

import numpy as np
import pytest

from tumortrace.benchmark.shifted import chosen
from tumortrace.imaging.shift import EVERY


def test_a_slice_is_shifted_or_not_whatever_else_is_tested() -> None:
    ids = np.array([str(number) for number in range(1, 2001)], dtype=object)
    taken = set(chosen(ids))
    assert len(taken) == pytest.approx(len(ids) / EVERY, rel=0.1)
    for part in (ids[::2], ids[700:], ids[::-1]):
        assert set(chosen(part)) == taken & set(part)
