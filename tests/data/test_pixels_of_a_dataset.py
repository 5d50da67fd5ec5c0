"""Where tumours sit, and how bright they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tumortrace import paths
from tumortrace.constants import CLASSES
from tumortrace.data import datasets, tumour_positions
from tumortrace.data import intensities as bright
from tumortrace.data.phantom import make_phantom


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORTRACE_HOME", str(home))
        make_phantom(persons=15, size=64)
    return home


@pytest.fixture
def dataset(phantoms, monkeypatch):
    monkeypatch.setenv("TUMORTRACE_HOME", str(phantoms))
    return datasets.open_dataset()


@pytest.fixture
def rows(dataset):
    names = [CLASSES[int(label)] for label in dataset.manifest["label"]]
    return dataset.manifest.assign(class_name=names, plane=pd.Series("axial", index=dataset.manifest.index))


def test_a_filled_outline_covers_what_the_mask_covers(dataset, rows):
    found = tumour_positions.places(dataset, rows)
    for row in rows.head(20).to_dict("records"):
        mask = dataset.mask(row["slice_id"])
        laid = tumour_positions.laid(row["outline"], row["width"], row["height"]) > 127
        assert np.count_nonzero(laid ^ mask) <= max(12, 0.3 * np.count_nonzero(mask))
    assert found.of == len(rows)
    assert set(found.maps) == {(name, "axial") for name in CLASSES}
    assert sum(found.counts.values()) == len(rows)
    assert all(shares.min() >= 0 and 0 < shares.max() <= 1 for shares in found.maps.values())


def test_masks_serve_where_no_line_is_known(dataset, rows):
    by_mask = tumour_positions.places(dataset, rows.assign(outline=pd.Series(pd.NA, index=rows.index, dtype="string")))
    by_line = tumour_positions.places(dataset, rows)
    for group, shares in by_line.maps.items():
        assert np.abs(shares - by_mask.maps[group]).mean() < 0.01


def test_a_cell_leads_to_the_slices_that_touch_it(dataset, rows):
    found = tumour_positions.places(dataset, rows)
    down, across = np.unravel_index(found.maps["pituitary", "axial"].argmax(), (64, 64))
    cell = ("pituitary", "axial", int(down) // 4, int(across) // 4)
    ids = found.touching([cell])
    assert ids
    held = rows.set_index("slice_id").loc[ids]
    assert set(held["class_name"]) == {"pituitary"}
    assert found.touching([]) == []
    assert set(ids) <= set(found.touching([cell, ("glioma", "axial", 8, 8)]))


def test_planes_nobody_knows_are_one_group(dataset, rows):
    found = tumour_positions.places(dataset, rows.assign(plane=pd.Series(pd.NA, index=rows.index, dtype="string")))
    assert {plane for _, plane in found.maps} == {tumour_positions.UNKNOWN}


def test_brightness_is_measured_once_and_read_back(dataset, rows, monkeypatch):
    told = []
    first = bright.brightness(dataset, rows, told.append)
    assert told[0] == 0
    monkeypatch.setattr(bright, "measured", lambda *given: pytest.fail("it was kept"))
    again = bright.brightness(dataset, rows)
    assert np.array_equal(first.inside, again.inside)
    assert np.allclose(first.inside.sum(axis=1), 1, atol=1e-5)
    lines = first.by_class("outside")
    assert set(lines["class_name"]) == set(CLASSES)
    assert lines.groupby("class_name")["share"].sum().to_numpy() == pytest.approx(1, abs=1e-4)
    means = first.means("inside")
    assert ((means > 0) & (means < 1)).all()


def test_a_damaged_cache_is_made_anew(dataset, rows):
    bright.brightness(dataset, rows)
    path = next((paths.cache() / "brightness").glob("*.npz"))
    path.write_bytes(path.read_bytes()[:100])
    assert len(bright.brightness(dataset, rows).inside) == len(rows)


def test_a_slice_without_a_mask_has_no_brightness(dataset, rows):
    (dataset.folder / "masks" / "nosuch.png").unlink(missing_ok=True)
    inside, outside = bright.measured(dataset, "nosuch")
    assert inside.sum() == outside.sum() == 0
    assert np.isnan(bright.Brightness(rows.head(1), inside[None], outside[None], 1).means("inside")).all()
