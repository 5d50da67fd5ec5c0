"""Near-duplicates: planted ones are found, chance ones are not, and the limit comes from different persons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tumortrace.data import datasets, duplicates, pixel_facts
from tumortrace.data.phantom import make_phantom


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def dataset(home: Path) -> datasets.Dataset:
    make_phantom(persons=15, size=48)
    return datasets.open_dataset("phantom")


def random_hashes(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 4), dtype=np.uint64)


def nobody(count: int) -> pd.Series:
    return pd.Series([pd.NA] * count, dtype="string")


def flip(row: np.ndarray, bits: int) -> np.ndarray:
    """The same hash with so many bits changed."""
    changed = row.copy()
    for bit in range(bits):
        changed[bit % 4] ^= np.uint64(1 << (bit // 4))
    return changed


def test_planted_pairs_are_found_with_their_distance_and_nothing_else() -> None:
    hashes = random_hashes(300)
    hashes[10], hashes[250] = hashes[200], flip(hashes[3], 40)
    near = duplicates.find_near_duplicates(hashes, nobody(300), duplicates.HASH_LIMIT)
    assert list(zip(near.first, near.second, near.distance, strict=True)) == [(10, 200, 0), (3, 250, 40)]
    assert near.measured == near.more == 0


def test_nothing_planted_nothing_found() -> None:
    near = duplicates.find_near_duplicates(random_hashes(300), nobody(300), duplicates.HASH_LIMIT)
    assert len(near.first) == 0
    assert len(duplicates.find_near_duplicates(np.empty((0, 4), np.uint64), nobody(0), 42).first) == 0


def test_features_are_compared_by_their_distance() -> None:
    features = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    features[7] = features[150]
    near = duplicates.find_near_duplicates(features, nobody(200), 0.01)
    assert list(zip(near.first, near.second, strict=True)) == [(7, 150)]


def test_the_limit_lets_one_in_a_hundred_thousand_pairs_of_different_persons_through() -> None:
    hashes = random_hashes(1500)
    persons = pd.Series([f"p{row // 3}" for row in range(1500)], dtype="string")
    # Slices of one person are alike: they must not count.
    hashes[1::3] = hashes[0::3]
    limit, measured = duplicates.limit_of(hashes, persons, 0.0)
    assert measured == 1500 * 1499 // 2 - 1500
    near = duplicates.find_near_duplicates(hashes, persons, 0.0)
    apart = persons.to_numpy()[near.first] != persons.to_numpy()[near.second]
    assert 0 < apart.sum() <= measured / duplicates.FALSE
    assert (~apart).sum() >= 500
    assert near.limit == limit


def test_with_few_pairs_the_limit_of_the_published_set_is_taken() -> None:
    persons = pd.Series(["a", "b", "c"], dtype="string")
    assert duplicates.limit_of(random_hashes(3), persons, 42.0) == (42.0, 0)


def test_too_many_pairs_are_cut_to_the_closest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MOST", 50)
    hashes = np.repeat(random_hashes(1), 200, axis=0)
    hashes[150] = flip(hashes[0], 20)
    near = duplicates.find_near_duplicates(hashes, nobody(200), 42.0)
    assert len(near.first) == 50
    assert near.more == 200 * 199 // 2 - 50
    assert near.distance.max() == 0


def test_the_table_says_whose_the_pairs_are_and_which_protocol_tears_them_apart() -> None:
    rows = pd.DataFrame(
        {
            "slice_id": ["1", "2", "3", "4"], "label": [0, 0, 1, 1], "patient_id": ["A", "A", "B", None],
            "person_id": pd.array(["A", "A", "B", None], "string"),
            "official": pd.array([1, 1, 2, 2], "Int8"), "person": pd.array([1, 1, 2, None], "Int8"),
            "slice": pd.array([1, 2, 3, 3], "Int8"),
        }
    )  # fmt: skip
    near = duplicates.NearDuplicates(np.array([0, 1, 2]), np.array([1, 2, 3]), np.zeros(3, np.float32), 42, 0, 0)
    pairs = duplicates.with_descriptions(near, rows)
    assert pairs["same_person"].tolist() == [True, False, pd.NA]
    assert pairs["same_label"].tolist() == [True, False, True]
    counted = duplicates.across_folds(pairs).set_index("protocol")
    assert counted.loc["official"].tolist() == [3, 1, 0, 1]
    assert counted.loc["person"].tolist() == [2, 1, 0, 1], "a pair without a fold is not counted"
    assert counted.loc["slice"].tolist() == [3, 2, 1, 1]


def test_pairs_are_kept_and_made_again_once_their_source_is_newer_or_the_file_damaged(tmp_path: Path) -> None:
    path, calls = tmp_path / "near.npz", []

    def make() -> duplicates.NearDuplicates:
        calls.append(1)
        return duplicates.NearDuplicates(np.array([0]), np.array([1]), np.array([3], np.float32), 42.0, 7, 1)

    first = duplicates.load_near_duplicates(path, make)
    again = duplicates.load_near_duplicates(path, make)
    assert len(calls) == 1
    assert (again.limit, again.measured, again.more) == (first.limit, first.measured, first.more) == (42.0, 7, 1)
    duplicates.load_near_duplicates(path, make, newer_than=2**62)
    path.write_bytes(b"not a file of arrays")
    duplicates.load_near_duplicates(path, make)
    assert len(calls) == 3


def test_a_slice_has_nearly_the_same_hash_scaled_windowed_and_compressed() -> None:
    from tumortrace.data.phantom import render_phantom

    image = render_phantom(1, "axial", 0.0, (3, 0, 0), 256)[0]
    other = render_phantom(1, "axial", 0.0, (4, 0, 0), 256)[0]
    large = np.asarray(Image.fromarray(image).resize((400, 400)))
    hashes = [pixel_facts.perceptual_hash(one) for one in (image, large, image.astype(np.uint16) * 37, other)]
    apart = [int(np.bitwise_count(hashes[0] ^ one).sum()) for one in hashes]
    assert apart[0] == apart[2] == 0
    assert apart[1] <= 16
    assert apart[3] > duplicates.HASH_LIMIT


def test_a_copied_slice_is_found_and_a_flat_or_missing_one_is_nobodys_duplicate(dataset: datasets.Dataset) -> None:
    ids = dataset.manifest["slice_id"].tolist()
    persons = dataset.manifest["person_id"]
    clean = duplicates.by_pixels(pixel_facts.load_pixel_facts(dataset), persons)
    strangers = persons.to_numpy()[clean.first] != persons.to_numpy()[clean.second]
    last = len(ids) - 1
    assert (0, last) not in set(zip(clean.first.tolist(), clean.second.tolist(), strict=True))
    Image.fromarray(dataset.pixels(ids[0])).save(dataset.image_path(ids[last]))
    for slice_id in ids[5:7]:
        Image.fromarray(np.full((48, 48), 9, np.uint8)).save(dataset.image_path(slice_id))
    for slice_id in ids[8:10]:
        dataset.image_path(slice_id).unlink()
    facts = pixel_facts.load_pixel_facts(dataset, again=True)
    near = duplicates.by_pixels(facts, persons)
    pairs = set(zip(near.first.tolist(), near.second.tolist(), strict=True))
    assert (0, last) in pairs
    assert not {row for pair in pairs for row in pair} & {5, 6, 8, 9}
    found = persons.to_numpy()[near.first] != persons.to_numpy()[near.second]
    assert found.sum() >= strangers.sum() + 1 - 4


def test_facts_of_the_pixels_are_kept_by_fingerprint_and_made_again_when_damaged(dataset: datasets.Dataset) -> None:
    assert pixel_facts.cached_pixel_facts(dataset) is None
    seen: list[tuple[int, int]] = []
    first = pixel_facts.load_pixel_facts(dataset, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(first), len(first))
    assert (first["problem"] == "").all()
    assert pixel_facts.cached_pixel_facts(dataset).equals(first)
    pixel_facts.path_of(dataset).write_bytes(b"damaged")
    assert pixel_facts.cached_pixel_facts(dataset) is None
    assert pixel_facts.load_pixel_facts(dataset).equals(first)
