"""Phantoms: the same seed, the same bytes; the real set's shape; and never taken for real."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tumortrace.data import datasets, splits
from tumortrace.data.phantom import PLANES, make_phantom, render_phantom
from tumortrace.errors import ImportFailed


def digest(folder: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("images/*.png")))).hexdigest()


@pytest.fixture
def phantom() -> datasets.Dataset:
    make_phantom(persons=15, size=64)
    return datasets.open_dataset("phantom")


def test_the_same_seed_gives_the_same_slices_and_another_others(phantom: datasets.Dataset) -> None:
    make_phantom("again", persons=15, size=64)
    make_phantom("other", persons=15, size=64, seed=1)
    digests = [digest(datasets.open_dataset(name).folder) for name in ("phantom", "again", "other")]
    assert digests[0] == digests[1] != digests[2]


def test_it_has_classes_folds_outlines_planes_and_follow_ups(phantom: datasets.Dataset) -> None:
    table = phantom.manifest
    assert phantom.synthetic
    assert set(table["label"]) == {0, 1, 2}
    assert set(table["official_fold"]) == {1, 2, 3, 4, 5}
    assert table["outline"].notna().all()
    assert {source.split()[-1] for source in table["source"]} == set(PLANES)
    assert table["patient_id"].nunique() > table["person_id"].nunique() == 15
    assert table.groupby("series_id").size().eq(3).all(), "a series is three neighbours of one plane"
    for protocol in splits.PROTOCOLS:
        assert len(splits.split(splits.table_for(phantom), protocol, 1).test)


def test_each_class_is_where_such_tumours_are() -> None:
    where = {}
    for label in range(3):
        centres = []
        for person in range(6):
            _, outline = render_phantom(label, "sagittal", 0.0, (person, 0, 0), 128)
            points = np.array([[float(v) for v in pair.split(",")] for pair in outline.split()])
            centres.append(points.mean(axis=0))
        where[label] = np.array(centres)
    spread = {label: float(np.linalg.norm(at.std(axis=0))) for label, at in where.items()}
    assert spread[2] < min(spread[0], spread[1]), "pituitary tumours sit at the sella"


def test_too_few_persons_are_refused() -> None:
    with pytest.raises(ImportFailed, match="15 or more"):
        make_phantom(persons=5)
