"""Who stands on which side of which split: folds by person, and the follow-up exams of one head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.constants import CLASSES, PROTOCOLS

UNITS: Final = {"slices": "slice_id", "patients": "patient_id", "persons": "person_id"}

Thumbnails = npt.NDArray[np.float32]


def places(rows: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Where each person's slices stand under a protocol.

    Args:
        rows: ``person_id, class_name`` and the protocol's fold column.
        protocol: One of the three.

    Returns:
        A row a person and fold: ``person_id, class_name`` (of most of the person's slices), ``fold, slices``, and
        ``folds``, in how many the person stands. Persons come in the order of their class, their main fold, their
        number of slices; slices without person or fold are left out.
    """
    known = rows[rows["person_id"].notna() & rows[protocol].notna()]
    table = known.groupby(["person_id", protocol], observed=True).size().rename("slices").reset_index()
    table = table.rename(columns={protocol: "fold"}).astype({"fold": "int64", "person_id": "object"})
    if table.empty:
        return table.assign(class_name=pd.Series(dtype="object"), folds=pd.Series(dtype="int64"))
    classes = known.groupby("person_id", observed=True)["class_name"].agg(lambda names: names.mode().iloc[0])
    by_person = table.groupby("person_id")
    table["class_name"] = table["person_id"].map(classes)
    table["folds"] = by_person["fold"].transform("nunique")
    most = table.loc[by_person["slices"].idxmax()].set_index("person_id")["fold"]
    table["main"] = table["person_id"].map(most)
    table["all"] = by_person["slices"].transform("sum")
    table["label"] = table["class_name"].map(CLASSES.index)
    order = ["label", "main", "all", "person_id", "fold"]
    table = table.sort_values(order, ascending=[True, True, False, True, True], ignore_index=True)
    return table.drop(columns=["label", "main", "all"])


def make_up(rows: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """How each fold is made up.

    Args:
        rows: ``slice_id, patient_id, person_id, class_name`` and the protocol's fold column.
        protocol: One of the three.

    Returns:
        A row a fold and class: ``fold, class_name, slices, patients, persons``; the last two ``<NA>`` where unknown.
    """
    known = rows[rows[protocol].notna()]
    groups = known.groupby([protocol, "class_name"], observed=True)
    counted = {name: groups[column].nunique().astype("Int64") for name, column in UNITS.items()}
    for name in ("patients", "persons"):
        if rows[UNITS[name]].isna().all():
            counted[name] = pd.Series(pd.NA, index=counted[name].index, dtype="Int64")
    return pd.DataFrame(counted).reset_index().rename(columns={protocol: "fold"}).astype({"fold": "int64"})


def on_both_sides(rows: pd.DataFrame) -> pd.DataFrame:
    """How many patients and persons stand in more than one fold of each protocol.

    Returns:
        A row a protocol: ``protocol, folds`` (how many there are), ``patients`` and ``persons`` on both sides,
        ``of_patients`` and ``of_persons`` (how many there are), and ``slices``: those whose person is also in another
        fold. ``<NA>`` where unknown.
    """
    lines = []
    for protocol in PROTOCOLS:
        known = rows[rows[protocol].notna()]
        line: dict[str, object] = {"protocol": protocol, "folds": int(known[protocol].nunique())}
        for name in ("patients", "persons"):
            spread = known.groupby(UNITS[name], observed=True)[protocol].nunique()
            line[name] = int((spread > 1).sum()) if len(spread) else pd.NA
            line[f"of_{name}"] = len(spread) if len(spread) else pd.NA
            if name == "persons":
                torn = known["person_id"].isin(spread[spread > 1].index)
                line["slices"] = int(torn.sum()) if len(spread) else pd.NA
        lines.append(line)
    return pd.DataFrame(lines)


def followed_up(rows: pd.DataFrame) -> pd.DataFrame:
    """Persons with several patient ids: exams of one head.

    Returns:
        A row a person: ``person_id, class_name, exams`` (patient ids), ``slices, folds`` (official, as text) and
        ``crosses`` (whether the exams stand in different official folds); those that cross first, most exams first.
    """
    known = rows[rows["person_id"].notna()]
    groups = known.groupby("person_id", observed=True)
    table = pd.DataFrame(
        {
            "class_name": groups["class_name"].first(), "exams": groups["patient_id"].nunique(),
            "slices": groups.size(),
            "folds": groups["official"].agg(lambda folds: ", ".join(str(fold) for fold in sorted(set(folds.dropna())))),
            "crosses": groups["official"].nunique() > 1,
        }
    ).reset_index()  # fmt: skip
    table = table[table["exams"] > 1]
    order = ["crosses", "exams", "slices", "person_id"]
    return table.sort_values(order, ascending=[False, False, False, True]).reset_index(drop=True)


def matched(exams: Mapping[str, tuple[list[str], Thumbnails]], columns: int = 2) -> list[dict[str, str]]:
    """Slices of several exams that show the same place of the head, as far as pictures can tell.

    From one exam slices are taken evenly; of every other exam the most alike (by correlation), each once.

    Args:
        exams: Patient id to slice ids of one plane, in order, and their thumbnails ``[N, S, S]``.
        columns: How many places at most.

    Returns:
        A dict a place: patient id to slice id; without an exam that has no slice left.
    """
    names = [name for name, (ids, _) in exams.items() if ids]
    if not names:
        return []
    # The smallest exam that has enough slices asks, so that most of its slices find a partner; else the largest.
    enough = [name for name in names if len(exams[name][0]) >= columns]
    first = min(enough, key=lambda name: len(exams[name][0])) if enough else max(names, key=lambda n: len(exams[n][0]))
    ids, pictures = exams[first]
    count = min(columns, len(ids))
    asked = [round((place + 0.5) * len(ids) / count - 0.5) for place in range(count)]
    places: list[dict[str, str]] = [{first: ids[row]} for row in asked]
    for name in names:
        if name == first:
            continue
        others, candidates = exams[name]
        likeness = _unit(pictures[asked]) @ _unit(candidates).T
        for _ in range(min(count, len(others))):
            place, row = np.unravel_index(int(likeness.argmax()), likeness.shape)
            places[int(place)][name] = others[int(row)]
            likeness[place, :] = likeness[:, row] = -np.inf
    return places


def _unit(pictures: Thumbnails) -> npt.NDArray[np.float64]:
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    scaled: npt.NDArray[np.float64] = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    return scaled
