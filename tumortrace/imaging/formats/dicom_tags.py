"""Values of DICOM elements without surprises, and the names of those that could tell who this is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from tumortrace.imaging.formats.limits import DEPTH

_TELLING_VRS: Final = frozenset(
    {
        "AE", "AS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT",
    }
)  # fmt: skip
"""Persons, dates, identifiers and free text."""
_HARMLESS: Final = frozenset(
    {
        "SOPClassUID", "ReferencedSOPClassUID", "TransferSyntaxUID", "MediaStorageSOPClassUID",
        "ImplementationClassUID", "CodingSchemeDesignator", "CodeValue", "CodeMeaning", "CodingSchemeVersion",
        "MappingResource", "ContextIdentifier", "ContextUID", "RescaleType", "ModalityLUTType", "LUTExplanation",
        "WindowCenterWidthExplanation", "Manufacturer", "SpecificCharacterSet", "RedPaletteColorLookupTableUID",
        "GreenPaletteColorLookupTableUID", "BluePaletteColorLookupTableUID", "PaletteColorLookupTableUID",
        "DimensionOrganizationUID", "DimensionDescriptionLabel",
    }
)  # fmt: skip
_PATIENT: Final = 0x0010


def value(dataset: Dataset, keyword: str) -> Any:
    """The element's value; None where it is missing, empty or illegible."""
    try:
        found = dataset.get(keyword)
    except Exception:  # pydicom converts on access, and hostile values fail in many ways
        return None
    return None if found is None or found == "" else found


def text(dataset: Dataset, keyword: str) -> str:
    """The element as one line of text; of several values the first."""
    found = value(dataset, keyword)
    if isinstance(found, (list, tuple)) or type(found).__name__ == "MultiValue":
        found = found[0] if len(found) else None
    return "" if found is None else str(found).strip("\x00 ")


def numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly ``count`` finite numbers, or None; of more values the first ones."""
    found = value(dataset, keyword)
    try:
        many = list(found) if hasattr(found, "__iter__") and not isinstance(found, (str, bytes)) else [found]
        given = tuple(float(each) for each in many[:count])
    except (TypeError, ValueError, OverflowError):
        return None
    return given if len(given) == count and all(math.isfinite(each) for each in given) else None


def number(dataset: Dataset, keyword: str) -> float | None:
    """One finite number, or None; of several values the first."""
    found = numbers(dataset, keyword, 1)
    return found[0] if found else None


def whole(dataset: Dataset, keyword: str) -> int | None:
    """One whole number, or None."""
    found = number(dataset, keyword)
    return int(found) if found is not None and abs(found) < 2**62 else None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; none where it is missing or no sequence."""
    found = value(dataset, keyword)
    try:
        return [item for item in found if isinstance(item, Dataset)] if found is not None else []
    except TypeError:
        return []


def layers(dataset: Dataset, frame: int = 0) -> Iterator[Dataset]:
    """Where an element of a frame may stand: in its own functional groups, in the shared ones, in the dataset."""
    for keyword, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = items(dataset, keyword)[index : index + 1]
        for group in groups:
            for element in list(group.keys()):
                yield from items(group, keyword_for_tag(element))
    yield dataset


def nearest(dataset: Dataset, keyword: str, frame: int = 0) -> Dataset | None:
    """The first of the layers that has the element with a value."""
    return next((layer for layer in layers(dataset, frame) if value(layer, keyword) is not None), None)


def identifying(dataset: Dataset) -> tuple[str, ...]:
    """Names of the elements that could tell who this is; private ones are only counted."""
    found: set[str] = set()
    private = _collect(dataset, found, 0)
    if private:
        found.add(f"{private} private elements")
    return tuple(sorted(found))


def _collect(dataset: Dataset, found: set[str], depth: int) -> int:
    private = 0
    for tag in list(dataset.keys()):
        if tag.is_private:
            private += 1
            continue
        keyword = keyword_for_tag(tag)
        raw = dataset.get_item(tag)
        vr = getattr(raw, "VR", None)
        if vr is None or vr == "SQ":  # implicit files tell the type only through the dictionary
            element = _element(dataset, tag)
            vr = element.VR if element is not None else "UN"
            if vr == "SQ" and element is not None and depth < DEPTH:
                private += sum(_collect(item, found, depth + 1) for item in element.value or [])
                continue
        telling = (vr in _TELLING_VRS or tag.group == _PATIENT) and keyword not in _HARMLESS
        if telling and _filled(raw):
            found.add(keyword or "unknown elements")
    return private


def _element(dataset: Dataset, tag: Any) -> Any:
    try:
        return dataset[tag]
    except Exception:
        return None


def _filled(raw: Any) -> bool:
    content = getattr(raw, "value", None)
    return bool(content.strip(b"\x00 ") if isinstance(content, bytes) else content)
