from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tumortrace import paths
from tumortrace.cli.main import app
from tumortrace.config import PreprocessSettings
from tumortrace.data import cache
from tumortrace.data.datasets import Dataset, open_dataset
from tumortrace.data.phantom import make_phantom
from tumortrace.imaging.preprocess import preprocess

SMALL = PreprocessSettings(size=32)


@pytest.fixture
def phantom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    make_phantom(persons=15, size=48)
    return open_dataset("phantom")


def test_rows_are_the_preprocessed_slices_with_their_masks(phantom: Dataset) -> None:
    found = cache.load_cache(phantom, SMALL, workers=1)
    assert isinstance(found.images, np.memmap)
    assert found.images.dtype == found.masks.dtype == np.uint8
    assert found.slice_ids == phantom.manifest["slice_id"].tolist()
    for row in (0, 50, len(found.slice_ids) - 1):
        slice_id = found.slice_ids[row]
        image, mask = preprocess(phantom.pixels(slice_id), SMALL, phantom.mask(slice_id))
        assert np.array_equal(found.images[row], image)
        assert mask is not None
        assert np.array_equal(found.masks[row] > 0, mask)


def test_several_processes_build_the_same_cache(phantom: Dataset) -> None:
    seen: list[tuple[int, int]] = []
    one = np.array(cache.load_cache(phantom, SMALL, workers=1).images)
    folder = paths.cache() / cache.cache_key(phantom, SMALL)
    folder.rename(folder.with_name("kept"))
    two = cache.load_cache(phantom, SMALL, lambda done, total: seen.append((done, total)), workers=2)
    assert np.array_equal(one, two.images)
    assert seen[-1] == (len(one), len(one))


def test_other_settings_or_slices_are_another_cache(phantom: Dataset) -> None:
    other = PreprocessSettings(size=32, crop=True)
    assert cache.cache_key(phantom, SMALL) != cache.cache_key(phantom, other)
    before = cache.cache_key(phantom, SMALL)
    make_phantom(persons=15, size=48, seed=1, replace=True)
    assert cache.cache_key(open_dataset("phantom"), SMALL) != before


def test_a_build_that_fails_leaves_nothing(phantom: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the power went out")

    monkeypatch.setattr(cache, "_prepare", fail)
    with pytest.raises(RuntimeError, match="power"):
        cache.load_cache(phantom, SMALL, workers=1)
    assert list(paths.cache().iterdir()) == []


def test_what_belongs_to_no_imported_dataset_goes_at_the_next_import(phantom: Dataset) -> None:
    cache.load_cache(phantom, SMALL, workers=1)
    cache.load_cache(phantom, PreprocessSettings(size=40), workers=1)
    assert [one.dataset for one in cache.cache_entries()] == ["phantom", "phantom"]
    assert cache.cache_entries()[0].size > 2 * 32 * 32 * len(phantom.manifest)
    make_phantom(persons=15, size=48, name="other", seed=2)
    assert len(cache.cache_entries()) == 2, "what is imported keeps its caches"
    make_phantom(persons=15, size=48, seed=1, replace=True)
    assert cache.cache_entries() == []


def test_a_damaged_dataset_costs_nobody_a_cache_and_the_command_clears_all(phantom: Dataset) -> None:
    cache.load_cache(phantom, SMALL, workers=1)
    (phantom.folder / "dataset.json").write_text("")
    assert cache.prune_caches() == []
    assert len(cache.cache_entries()) == 1
    said = CliRunner().invoke(app, ["data", "cache", "--json"])
    assert json.loads(said.output)["bytes"] == cache.cache_entries()[0].size
    assert "removed" in CliRunner().invoke(app, ["data", "cache", "--clear"]).output
    assert cache.cache_entries() == []
