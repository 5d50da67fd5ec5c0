"""DICOM slices of one series, put together in the order in which they lie in the head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from tumortrace.errors import InputError
from tumortrace.imaging.formats.handle import Handle
from tumortrace.imaging.formats.limits import SLICES
from tumortrace.imaging.formats.opened import Opened, Refused, Stack


def together(results: Sequence[Handle | Refused]) -> list[Opened | Refused]:
    """Group files: slices of one DICOM series become one entry, in the place of the first; others stay alone."""
    found: dict[object, list[Handle]] = {}
    order: list[Refused | object] = []
    for at, result in enumerate(results):
        if isinstance(result, Refused):
            order.append(result)
            continue
        place = result.document.place
        key: object = at if place is None else place.series
        if key not in found:
            order.append(key)
        found.setdefault(key, []).append(result)
    return [each if isinstance(each, Refused) else _one(found[each]) for each in order]


def _one(handles: list[Handle]) -> Opened | Refused:
    name = handles[0].name if len(handles) == 1 else _name([handle.name for handle in handles])
    try:
        return handles[0].opened() if len(handles) == 1 else _series(name, _sorted(handles))
    except InputError as error:
        return Refused(name, error)


def _sorted(handles: list[Handle]) -> list[Handle]:
    places = [handle.document.place for handle in handles]
    along = all(place is not None and place.along is not None for place in places)
    numbered = all(place is not None and place.number is not None for place in places)

    def key(handle: Handle) -> tuple[float, int, str]:
        place = handle.document.place
        if place is None:
            return 0, 0, handle.name
        # Micrometres: what differs less is one position.
        position = round(place.along, 3) if along and place.along is not None else 0.0
        return position, place.number or 0 if numbered else 0, handle.name

    return sorted(handles, key=key)


def _series(name: str, handles: list[Handle]) -> Opened:
    if len(handles) > SLICES:
        raise InputError(
            f"the series has more than {SLICES} slices", value=f"{name}: {len(handles)}", remedy="Give fewer at once."
        )
    if all(handle.document.flat for handle in handles):
        raise InputError("all slices are one flat colour", value=name, remedy="Give images of a head.")
    middle = handles[len(handles) // 2].document
    stack = Stack(
        "",
        len(handles),
        middle.sheaves[0].window,
        lambda index: handles[index].pixels(0, 0),
        lambda index: f"slice {index + 1} of {len(handles)}",
        lambda index: handles[index].document.sheaves[0].spacing,
    )
    facts = {"slices": str(len(handles))} | middle.facts
    dropped = sorted({name for handle in handles for name in handle.document.dropped})
    return Opened(name, middle.format, (stack,), facts, tuple(dropped), middle.header, middle.colour)


def _name(names: list[str]) -> str:
    parents = {str(PurePosixPath(name).parent) if "/" in name else name.rpartition(" › ")[0] for name in names}
    common = parents.pop() if len(parents) == 1 else ""
    return common if common not in {"", "."} else f"{names[0]} and {len(names) - 1} more"
