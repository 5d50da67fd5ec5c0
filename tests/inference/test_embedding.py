"""The map of a dataset: laid out the same each time, kept whole, drawn from a part where there is too much."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests import shipping
from tests.datasets import write_published
from tumortrace import paths
from tumortrace.data import datasets, splits
from tumortrace.data.phantom import make_phantom
from tumortrace.errors import DataError, UnknownModel
from tumortrace.inference import embedding, embedding_fit
from tumortrace.inference.bundle import find_bundle
from tumortrace.inference.classifier import Classifier


@pytest.fixture(scope="module")
def groups() -> tuple[np.ndarray, np.ndarray]:
    """Three groups of 30 far apart in 40 dimensions."""
    rng = np.random.default_rng(0)
    centres = rng.normal(scale=10, size=(3, 40))
    names = np.repeat([0, 1, 2], 30)
    return centres[names] + rng.normal(size=(90, 40)), names


@pytest.fixture
def phantom() -> datasets.Dataset:
    make_phantom(persons=15, size=48)
    return datasets.open_dataset("phantom")


def test_neighbours_stay_neighbours_and_the_seed_is_fixed(groups: tuple[np.ndarray, np.ndarray]) -> None:
    seen, names = groups
    features, places = embedding.lay_out(seen)
    assert features.shape == (90, 40)
    assert np.allclose(np.linalg.norm(features, axis=1), 1, atol=1e-3)
    assert places.shape == (90, 2)
    assert np.abs(places).max() == pytest.approx(1)
    apart = np.linalg.norm(places[:, None] - places, axis=2) + 10 * np.eye(90)
    assert (names[apart.argmin(axis=1)] == names).all()
    assert np.allclose(embedding.lay_out(seen)[1], places, atol=1e-3)


def test_too_few_slices_are_refused_and_too_many_are_drawn_from_with_the_seed() -> None:
    with pytest.raises(DataError, match=r"too few slices for a map: 9\. Import 10 or more"):
        embedding.lay_out(np.zeros((9, 4)))
    assert embedding.sample(7).tolist() == list(range(7))
    part = embedding.sample(100_000)
    assert len(part) == len(set(part.tolist())) == embedding.MOST
    assert (part == embedding.sample(100_000)).all()


def test_the_preferred_judge_is_tracenet_then_resnet() -> None:
    assert embedding.embedding_model() is None
    shipping.ship("resnet18")
    assert embedding.embedding_model().name == "resnet18"
    shipping.ship("tracenet")
    assert embedding.embedding_model().name == "tracenet"


@pytest.mark.parametrize(("name", "width"), [("resnet18", 512), ("tracenet", 1636)])
def test_what_the_last_layer_is_given_is_what_the_answer_comes_from(
    name: str, width: int, phantom: datasets.Dataset
) -> None:
    shipping.ship(name)
    ids = phantom.manifest["slice_id"].astype(str).tolist()[:3]
    model = Classifier.from_bundle(find_bundle(name))
    seen = embedding_fit.feature_vectors(model, phantom, ids)
    assert seen.shape == (3, width)
    if name == "tracenet":
        images = np.stack([model.prepare(phantom.pixels(one)) for one in ids])
        assert np.allclose(seen, model.forward(images).features, atol=1e-4)


def test_a_map_made_here_is_found_until_other_weights_ship(phantom: datasets.Dataset) -> None:
    assert embedding.find_embedding(phantom) is None
    with pytest.raises(UnknownModel, match="no model ships"):
        embedding_fit.map_here(phantom)
    shipping.ship("resnet18")
    told: list[tuple[int, int]] = []
    folder = embedding_fit.map_here(phantom, lambda done, total: told.append((done, total)))
    count = len(phantom.manifest)
    assert told[-1] == (count, count)
    found = embedding.find_embedding(phantom)
    assert found.points["slice_id"].tolist() == phantom.manifest["slice_id"].tolist()
    assert found.features.shape == (count, embedding.DIRECTIONS)
    assert found.facts["n"] == found.facts["of"] == count
    assert found.facts["weights_sha256"] == find_bundle("resnet18").card["weights_sha256"]
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    shipping.ship("tracenet")
    assert embedding.find_embedding(phantom) is None


def test_a_damaged_map_of_ones_own_is_none_and_a_damaged_shipped_one_says_what_to_do(phantom: datasets.Dataset) -> None:
    shipping.ship("resnet18")
    folder = embedding_fit.map_here(phantom)
    (folder / "features.npz").write_bytes(b"damaged")
    assert embedding.find_embedding(phantom) is None
    with pytest.raises(DataError, match="publish-map"):
        embedding.load_embedding(folder)


def test_the_real_dataset_takes_the_map_that_ships_whatever_its_pixels_are(phantom: datasets.Dataset) -> None:
    frozen = splits.frozen_figshare()
    assert embedding.is_published(frozen)
    assert not embedding.is_published(frozen.head(100))
    assert not embedding.is_published(frozen.assign(label=0))
    assert not embedding.is_published(phantom.manifest)


def test_the_map_that_ships_is_of_the_real_dataset_alone(phantom: datasets.Dataset) -> None:
    shipping.ship("resnet18")
    shutil.rmtree(paths.data() / "figshare")
    with pytest.raises(DataError, match="not imported"):
        embedding_fit.publish_map()
    write_published(paths.home(), slices=100)
    with pytest.raises(DataError, match="Import the whole dataset first"):
        embedding_fit.publish_map()


def test_a_slice_that_cannot_be_read_is_one_error(phantom: datasets.Dataset) -> None:
    shipping.ship("resnet18")
    phantom.image_path(str(phantom.manifest["slice_id"][0])).unlink()
    with pytest.raises(DataError, match=r"phantom is damaged.*images/"):
        embedding_fit.map_here(phantom)


def test_what_ships_is_whole_small_and_of_the_slices_of_the_real_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUMORTRACE_ARTIFACTS")
    folder = embedding.shipped()
    found = embedding.load_embedding(folder)
    assert found.points["slice_id"].tolist() == splits.frozen_figshare()["slice_id"].tolist()
    assert list(found.points.columns) == ["slice_id", "x", "y"]
    assert found.points[["x", "y"]].abs().to_numpy().max() == pytest.approx(1)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 700_000
    facts = json.loads((folder / "map.json").read_text())
    assert {"model", "weights_sha256", "method", "seed", "n", "near", "held_out"} <= set(facts)
    assert Path(folder / "features.npz").is_file()
