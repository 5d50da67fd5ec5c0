"""Filtering and sorting of slices: as a plain loop would, and never a crash."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumortrace.constants import CLASSES, PROTOCOLS
from tumortrace.data.manifest import conform
from tumortrace.data.planes import PLANES
from tumortrace.data.query import SORTS, Query, active, natural, prepare, select, widened, without


def made(count: int = 60, seed: int = 0) -> pd.DataFrame:
    """Rows of which every fourth patient, area and fold is unknown."""
    rng = np.random.default_rng(seed)
    patients = [None if n % 4 == 3 else f"MR{n % 7 + 6}" for n in range(count)]
    rows = conform(
        pd.DataFrame(
            {
                "slice_id": [str(n + 1) for n in range(count)], "label": rng.integers(0, 3, count),
                "patient_id": patients, "series_id": [None if p is None else f"{p}-1" for p in patients],
                "position": [None if n % 4 == 3 else n // 7 for n in range(count)], "width": 256, "height": 256,
                "area_px": [None if n % 4 == 1 else int(rng.integers(1, 500)) for n in range(count)],
                "source": [f"part{n % 3}/{n + 1}.mat" for n in range(count)],
            }
        )
    )  # fmt: skip
    folds = {name: pd.array([None if n % 4 == 2 else n % 5 + 1 for n in range(count)], "Int8") for name in PROTOCOLS}
    plane = pd.array([None if n % 5 == 4 else PLANES[n % 3] for n in range(count)], "string")
    return rows.assign(class_name=[CLASSES[int(label)] for label in rows["label"]], plane=plane, **folds)


ROWS = made()
DOUBTED = np.arange(len(ROWS)) % 6 == 0
TABLE = prepare(ROWS, in_mm=True, flags={"doubted": DOUBTED})
IDS = ROWS["slice_id"].tolist()


def slowly(query: Query) -> list[int]:
    """The same, a row at a time."""
    kept = []
    for place, row in enumerate(TABLE.rows.to_dict("records")):
        parts = [row[n] for n in ("slice_id", "patient_id", "person_id", "series_id", "source", "class_name", "plane")]
        said = "\n".join("" if pd.isna(part) else str(part) for part in parts).lower()
        fits = (
            (not query.classes or row["class_name"] in query.classes)
            and (not query.planes or (pd.notna(row["plane"]) and row["plane"] in query.planes))
            and (query.patient is None or (pd.notna(row["patient_id"]) and row["patient_id"] == query.patient))
            and (query.person is None or (pd.notna(row["person_id"]) and row["person_id"] == query.person))
            and (
                query.protocol is None or query.fold is None
                or (pd.notna(row[query.protocol]) and row[query.protocol] == query.fold)
            )
            and (query.area is None or query.area[0] <= row["area"] <= query.area[1])
            and (query.place is None or query.place[0] <= row["place"] <= query.place[1])
            and (query.among is None or row["slice_id"] in query.among)
            and (query.doubted is None or (query.doubted == "doubted" and bool(DOUBTED[place])))
            and query.missed is None
            and all(word in said for word in query.text.lower().split())
        )  # fmt: skip
        if fits:
            kept.append(place)
    return kept


QUERIES = st.builds(
    Query,
    classes=st.lists(st.sampled_from([*CLASSES, "nothing"]), max_size=2).map(tuple),
    planes=st.lists(st.sampled_from(PLANES), max_size=2).map(tuple),
    patient=st.sampled_from([None, None, "MR6", "MR9", "nobody"]),
    person=st.sampled_from([None, None, "MR6", "MR11"]),
    protocol=st.sampled_from([None, *PROTOCOLS]),
    fold=st.sampled_from([None, 1, 5, 99]),
    area=st.none() | st.tuples(st.floats(0, 900), st.floats(0, 900)),
    place=st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)),
    doubted=st.sampled_from([None, None, "doubted", "no such flag"]),
    missed=st.sampled_from([None, None, None, "no such flag"]),
    text=st.sampled_from(["", "", "mr", "GLIOMA 1", "part1/", ".*", "(", "\n"]) | st.text(max_size=5),
    among=st.none() | st.frozensets(st.sampled_from([*IDS, "no such id"]), max_size=30),
    sort=st.sampled_from([*SORTS, "no such column"]),
    descending=st.booleans(),
)


@given(QUERIES)
@settings(max_examples=100, deadline=None)
def test_the_rows_that_fit_are_those_a_plain_loop_keeps(query):
    assert sorted(select(TABLE, query).tolist()) == slowly(query)


@given(st.sampled_from(list(SORTS)), st.booleans())
@settings(max_examples=40, deadline=None)
def test_rows_are_sorted_stably_and_unknown_ones_come_last(sort, descending):
    found = select(TABLE, Query(sort=sort, descending=descending))
    worth = TABLE.order[SORTS[sort]][found]
    known = worth[~np.isnan(worth)]
    assert np.isnan(worth[len(known) :]).all()
    steps = np.diff(known)
    assert (steps <= 0).all() if descending else (steps >= 0).all()
    assert (np.diff(found)[: len(known) - 1][steps == 0] > 0).all()


@given(QUERIES)
@settings(max_examples=40, deadline=None)
def test_dropping_a_part_of_a_query_never_loses_a_slice(query):
    found = set(select(TABLE, query).tolist())
    for name in active(query):
        assert found <= set(select(TABLE, without(query, name)).tolist())
    assert all(count > 0 for count in widened(TABLE, query).values())


def test_what_to_widen_is_named_with_what_it_would_bring():
    query = Query(classes=("glioma",), patient="nobody")
    assert not len(select(TABLE, query))
    assert widened(TABLE, query) == {"patient": int((ROWS["class_name"] == "glioma").sum())}


def test_a_fold_means_nothing_without_its_protocol():
    assert len(select(TABLE, Query(fold=1))) == len(ROWS)
    assert active(Query(fold=1)) == ()


def test_numbers_inside_names_sort_as_numbers():
    assert sorted(["MR10", "MR9", "2", "10", "MR9B"], key=natural) == ["2", "10", "MR9", "MR9B", "MR10"]
    assert [TABLE.rows["slice_id"].iloc[place] for place in select(TABLE, Query())[:11]][-2:] == ["10", "11"]
    assert TABLE.values("patient_id")[0] == "MR6"


def test_areas_are_in_square_millimetres_where_the_spacing_is_known():
    known = TABLE.rows.dropna(subset="area_px").iloc[0]
    assert known["area"] == pytest.approx(int(known["area_px"]) * 0.98**2)  # 256 px wide: twice the spacing of 512
    assert prepare(ROWS, in_mm=False).rows["area"].dropna().iloc[0] == known["area_px"]


def test_a_table_of_nothing_answers_with_nothing():
    nothing = prepare(ROWS.iloc[:0], in_mm=False)
    assert len(select(nothing, Query(text="x", classes=("glioma",), among=("1",)))) == 0


def test_unknown_areas_do_not_fit_a_range():
    found = select(TABLE, Query(area=(0, math.inf)))
    assert TABLE.rows["area"].iloc[found].notna().all()
