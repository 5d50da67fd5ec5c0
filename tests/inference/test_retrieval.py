"""Slices that resemble one of the index: no model is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumortrace import paths
from tumortrace.data import splits
from tumortrace.inference.retrieval import RetrievalIndex, load_index, save_index


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RetrievalIndex:
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path))
    seen = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    save_index(seen, [str(place) for place in range(1, 301)], paths.artifacts() / "models" / "tracenet")
    found = load_index()
    assert found is not None
    return found


def test_beside_a_slice_of_the_index_stands_nobody_of_its_own_person(index: RetrievalIndex) -> None:
    truth = splits.frozen_figshare().set_index("slice_id")
    found = index.beside("42", 5)
    assert found is not None
    persons = [one.person_id for one in found]
    assert truth.loc["42", "person_id"] not in persons
    assert len(set(persons)) == 5
    assert [one.similarity for one in found] == sorted((one.similarity for one in found), reverse=True)
    assert index.beside("3000") is None


def test_neighbours_may_be_asked_for_among_the_training_slices_alone(index: RetrievalIndex) -> None:
    truth = splits.frozen_figshare()
    held_out = truth.loc[truth["slice_id"] == "42", "official"].iloc[0]
    training = set(truth.loc[truth["official"] != held_out, "slice_id"])
    found = index.beside("42", 8, training)
    assert found is not None
    assert {one.slice_id for one in found} <= training
    assert index.beside("42", 3, set()) == []
