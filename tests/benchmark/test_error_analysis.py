from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.datasets import write_published
from tumortrace.benchmark.error_analysis import GROUPS, PERSONS, describe, error_rates, hardest_persons, suspects
from tumortrace.data.datasets import Dataset
from tumortrace.data.manifest import conform
from tumortrace.evaluation.predictions import COLUMNS, PROBABILITIES

SIDE = 100


def dataset(folder: Path, ids: list[str], patients: list[str | None], name: str = "figshare") -> Dataset:
    (folder / name).mkdir()
    rows = pd.DataFrame({"slice_id": ids, "label": [place % 3 for place in range(len(ids))], "patient_id": patients})
    conform(rows).to_parquet(folder / name / "manifest.parquet")
    return Dataset(folder / name, {"kind": "real", "fingerprint": f"{folder}"})


def slices(*boxes: tuple[int, int, int, int] | None, inside: int = 200, outside: int = 98) -> tuple[np.ndarray, ...]:
    """Slices with one box each (top, bottom, left, right), and its mask."""
    masks = np.zeros((len(boxes), SIDE, SIDE), np.uint8)
    for mask, box in zip(masks, boxes, strict=True):
        if box:
            mask[box[0] : box[1], box[2] : box[3]] = 1
    return np.where(masks, inside, outside).astype(np.uint8), masks


def made(persons: int = 60, each: int = 4) -> pd.DataFrame:
    number = np.repeat(np.arange(persons), each)
    names = pd.Series([f"P{one}" for one in number], dtype="string")
    ids = pd.Series([str(place) for place in range(len(number))], dtype="string")
    return pd.DataFrame({"slice_id": ids, "label": number % 3, "patient_id": names, "person_id": names})


def answers(truth: pd.DataFrame, wrong: Any, **more: object) -> pd.DataFrame:
    labels = truth["label"].to_numpy()
    shares = np.full((len(truth), 3), 0.05)
    shares[np.arange(len(truth)), (labels + np.asarray(wrong, dtype=np.int64)) % 3] = 0.9
    rows = pd.DataFrame(shares, columns=list(PROBABILITIES)).assign(
        **{"model": "tracenet", "protocol": "person", "seed": 0, "fold": 1, **more}
    )
    rows["slice_id"] = truth["slice_id"].array
    return rows[list(COLUMNS)]


def facts_of(truth: pd.DataFrame, **columns: object) -> pd.DataFrame:
    values = {"plane": "axial", "size": 0.015, "side": 0.1, "height": 0.5, "contrast": 0.15, "slices": 4} | columns
    return pd.DataFrame(values, index=pd.Index(truth["slice_id"]))


def pick(lines: list[dict[str, Any]], **wanted: object) -> Mapping[str, Any]:
    (found,) = [line for line in lines if all(line[key] == value for key, value in wanted.items())]
    return found


def test_size_side_height_and_contrast_of_a_made_tumour(tmp_path: Path) -> None:
    # 20 x 10 pixels in the middle; 10 x 10 in the upper left corner; its mirror image
    images, masks = slices((40, 60, 45, 55), (0, 10, 0, 10), (0, 10, 90, 100))
    found = describe(dataset(tmp_path, ["1", "59", "442"], ["A", "A", "B"]), images, masks)
    assert found.index.tolist() == ["1", "59", "442"]
    assert found["size"].tolist() == pytest.approx([0.02, 0.01, 0.01])
    assert found["side"].tolist() == pytest.approx([0, 0.45, 0.45])
    assert found["height"].tolist() == pytest.approx([0.5, 0.05, 0.05])
    assert found["contrast"].tolist() == pytest.approx([0.4] * 3)
    assert found["slices"].tolist() == [2, 2, 1]


def test_a_tumour_darker_than_its_surroundings_has_a_contrast_below_zero(tmp_path: Path) -> None:
    images, masks = slices((40, 60, 40, 60), inside=98, outside=200)
    images[:, :20] = 0  # far from the tumour: no part of its surroundings
    found = describe(dataset(tmp_path, ["1"], ["A"]), images, masks)
    assert found["contrast"].tolist() == pytest.approx([-0.4])


def test_a_slice_without_an_outline_is_not_measured(tmp_path: Path) -> None:
    images, masks = slices(None, (40, 60, 40, 60))
    found = describe(dataset(tmp_path, ["1", "2"], [None, "A"]), images, masks)
    assert found.loc["1", ["size", "side", "height", "contrast"]].isna().all()
    assert pd.isna(found.loc["1", "slices"])
    assert found.loc["2", ["size", "side", "height", "contrast", "slices"]].notna().all()


def test_the_published_slices_tell_their_plane_by_their_numbers(tmp_path: Path) -> None:
    folder = write_published(tmp_path)
    images, masks = slices(*[(40, 60, 40, 60)] * 3)
    published = Dataset(folder, {"kind": "real", "fingerprint": str(folder)})
    three = published.manifest[published.manifest["slice_id"].isin(["1", "59", "442"])].reset_index(drop=True)
    three.to_parquet(folder / "manifest.parquet")
    part = Dataset(folder, {"kind": "real", "fingerprint": "three"})
    assert describe(part, images, masks)["plane"].tolist() == ["axial", "coronal", "sagittal"]


def test_another_datasets_numbers_say_nothing_of_the_plane(tmp_path: Path) -> None:
    images, masks = slices((40, 60, 40, 60))
    phantoms = dataset(tmp_path, ["1"], ["A"], name="phantom")
    facts = describe(phantoms, images, masks)
    assert facts["plane"].isna().all()
    rows = answers(phantoms.manifest, [0])
    assert {line["by"] for line in error_rates(rows, phantoms.manifest, facts)} == set(GROUPS) - {"plane"}


def test_a_group_that_is_harder_has_the_higher_error_rate() -> None:
    truth = made()
    small = np.arange(len(truth)) // 4 % 2 == 0
    wrong = small & (np.random.default_rng(0).random(len(truth)) < 0.5)
    lines = error_rates(answers(truth, wrong), truth, facts_of(truth, size=np.where(small, 0.003, 0.03)))
    hard, easy = pick(lines, by="size", group="0.0% to 0.5%"), pick(lines, by="size", group="2.0% to 4.0%")
    assert hard["value"] == pytest.approx(wrong[small].mean())
    assert 0.2 < hard["low"] < hard["value"] < hard["high"]
    assert (easy["value"], easy["low"], easy["high"]) == (0, 0, 0)
    assert (hard["n"], hard["persons"]) == (120, 30)
    assert (hard["model"], hard["protocol"]) == ("tracenet", "person")


def test_every_slice_stands_in_one_group_of_each_kind() -> None:
    truth = made()
    random = np.random.default_rng(0)
    facts = facts_of(
        truth,
        plane=random.choice(["axial", "coronal", "sagittal"], len(truth)),
        size=random.uniform(0, 0.1, len(truth)),
        side=random.uniform(0, 0.5, len(truth)),
        height=random.uniform(0, 1, len(truth)),
        contrast=random.uniform(-0.5, 0.5, len(truth)),
        slices=random.integers(1, 40, len(truth)),
    )
    lines = error_rates(answers(truth, 0), truth, facts)
    for by in GROUPS:
        assert sum(line["n"] for line in lines if line["by"] == by) == len(truth)


def test_groups_come_in_the_order_of_their_edges_and_classes_in_their_own() -> None:
    truth = made()
    spread = {"size": [0.5, 0.03, 0.015, 0.007, 0.001], "slices": [30, 16, 15, 6, 5], "contrast": [0.3, 0.1, 0, -0.2]}
    facts = facts_of(truth, **{name: np.resize(values, len(truth)) for name, values in spread.items()})
    lines = error_rates(answers(truth, 0), truth, facts)
    groups = {by: [line["group"] for line in lines if line["by"] == by] for by in GROUPS}
    assert groups["class"] == ["meningioma", "glioma", "pituitary"]
    assert groups["size"] == ["0.0% to 0.5%", "0.5% to 1.0%", "1.0% to 2.0%", "2.0% to 4.0%", "4.0% and more"]
    assert groups["slices"] == ["1 to 5", "6 to 10", "11 to 15", "16 to 20", "21 and more"]
    assert groups["contrast"] == ["-1.0 to +0.0", "+0.0 to +0.1", "+0.1 to +0.2", "+0.2 and more"]


def test_slices_without_an_outline_count_for_their_class_but_for_no_size() -> None:
    truth = made()
    size = np.where(np.arange(len(truth)) < 40, np.nan, 0.015)
    lines = error_rates(answers(truth, 0), truth, facts_of(truth, size=size))
    assert sum(line["n"] for line in lines if line["by"] == "size") == len(truth) - 40
    assert sum(line["n"] for line in lines if line["by"] == "class") == len(truth)


def test_several_seeds_are_errors_of_the_same_slices() -> None:
    truth = made()
    rows = pd.concat([answers(truth, 0), answers(truth, 1, seed=1)])
    found = pick(error_rates(rows, truth, facts_of(truth)), by="class", group="glioma")
    assert (found["value"], found["n"], found["persons"]) == (0.5, 80, 20)


def test_the_persons_behind_most_errors_come_first() -> None:
    truth = made(persons=30)
    wrong = np.zeros(len(truth), np.int64)
    wrong[4 * 7 : 4 * 7 + 4] = 1  # all four of P7
    wrong[4 * 2] = 1  # one of P2
    first, second = hardest_persons(answers(truth, wrong), truth)
    assert (first["person_id"], first["class"], first["errors"], first["n"]) == ("P7", "glioma", 4, 4)
    assert (second["person_id"], second["class"], second["errors"]) == ("P2", "pituitary", 1)
    assert (first["share"], second["share"]) == (0.8, 0.2)


def test_of_many_erring_persons_only_the_worst_are_told_for_each_model() -> None:
    truth = made(persons=30)
    rows = pd.concat([answers(truth, 1, model="a"), answers(truth, 0, model="b"), answers(truth, 1, model="c")])
    lines = hardest_persons(rows, truth)
    assert [line["model"] for line in lines] == ["a"] * PERSONS + ["c"] * PERSONS


def test_a_flipped_label_is_found() -> None:
    truth = made()
    rows = pd.concat([answers(truth, 0), answers(truth, 0, seed=1)])
    flipped = truth.copy()
    flipped.loc[10, "label"] = (truth.loc[10, "label"] + 1) % 3  # P2, a pituitary tumour, called a meningioma
    (found,) = suspects(rows, flipped)
    assert (found["slice_id"], found["patient_id"]) == ("10", "P2")
    assert (found["label"], found["suggested"]) == ("meningioma", "pituitary")
    assert 0 <= found["quality"] < 0.2


def test_the_most_doubtful_label_comes_first_and_a_patient_may_be_unknown() -> None:
    truth = made().assign(patient_id=pd.Series(pd.NA, index=range(240), dtype="string"))
    rows = answers(truth, 0)
    flipped = truth.copy()
    for place, share in ((10, 0.91), (50, 0.99)):
        own = int(truth.loc[place, "label"])
        shares = np.full(3, (1 - share) / 2)
        shares[own] = share
        rows.loc[place, list(PROBABILITIES)] = shares
        flipped.loc[place, "label"] = (own + 1) % 3
    found = suspects(rows, flipped)
    assert [one["slice_id"] for one in found] == ["50", "10"]
    assert {one["patient_id"] for one in found} == {None}


def test_labels_that_the_model_agrees_with_are_not_doubted() -> None:
    truth = made()
    assert suspects(answers(truth, 0), truth) == []
    two = truth[truth["label"] < 2].reset_index(drop=True)
    assert suspects(answers(two, 0), two) == []
