"""A file that a reader process has opened, seen from this side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from tumortrace.errors import InputError
from tumortrace.imaging.formats.document import Document, Place, Sheaf
from tumortrace.imaging.formats.opened import Header, Opened, Stack
from tumortrace.imaging.formats.readers import as_pixels, new_token, pool
from tumortrace.imaging.formats.sniff import Kind


@dataclass(frozen=True)
class Handle:
    """One opened file: what is known of it, and its bytes, should its reader have forgotten it."""

    name: str
    document: Document
    _data: bytes = field(repr=False)
    _kind: Kind
    _token: int

    @classmethod
    def open(cls, name: str, data: bytes, kind: Kind) -> Handle:
        """Let a reader process open the file.

        Raises:
            InputError: It cannot be read.
        """
        token = new_token()
        reply, _ = _ask(name, {"token": token, "kind": kind, "slice": None}, data)
        return cls(name, _document(reply, name), data, kind, token)

    def pixels(self, stack: int, index: int) -> npt.NDArray[Any]:
        """The pixels ``[H, W]`` of one slice.

        Raises:
            InputError: It is broken.
        """
        reply, payload = _ask(
            self.name, {"token": self._token, "kind": self._kind, "slice": [stack, index]}, self._data
        )
        return as_pixels(reply, payload)

    def opened(self) -> Opened:
        """The opened file as callers get it, without other files of its series.

        Raises:
            InputError: It is one flat colour.
        """
        known = self.document
        if known.flat:
            raise InputError("the image is one flat colour", value=self.name, remedy="Give an image of a head.")
        stacks = tuple(self._stack(at, sheaf) for at, sheaf in enumerate(known.sheaves))
        return Opened(self.name, known.format, stacks, known.facts, known.dropped, known.header, known.colour)

    def _stack(self, at: int, sheaf: Sheaf) -> Stack:
        def label(index: int) -> str:
            # A plane is always named, even where it is one slice thick.
            return f"{sheaf.unit} {index + 1} of {sheaf.count}" if sheaf.count > 1 or sheaf.name else ""

        return Stack(
            sheaf.name,
            sheaf.count,
            sheaf.window,
            lambda index: self.pixels(at, index),
            label,
            lambda _: sheaf.spacing,
        )


def _ask(name: str, request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        reply, payload = pool.ask(request, data)
        if "error" in reply:
            what, value, remedy = map(str, reply["error"])
            raise InputError(what, value=value, remedy=remedy)
    except InputError as error:
        # The reader never hears the file's name.
        value = f"{name}: {error.value}" if error.value else name
        raise InputError(error.what, value=value, remedy=error.remedy) from None
    return reply, payload


def _document(reply: dict[str, Any], name: str) -> Document:
    try:
        told = reply["document"]
        modality, body_part, contrast, spacing = told["header"]
        return Document(
            format=str(told["format"]),
            sheaves=tuple(
                Sheaf(
                    int(each["count"]),
                    _never,
                    each["name"],
                    each["unit"],
                    _pair(each["spacing"]),
                    _pair(each["window"]),
                )
                for each in told["sheaves"]
            ),
            facts={str(key): str(value) for key, value in told["facts"].items()},
            dropped=tuple(map(str, told["dropped"])),
            header=Header(modality, body_part, contrast, _pair(spacing)),
            colour=float(told["colour"]),
            flat=bool(told["flat"]),
            place=Place(*told["place"]) if told["place"] else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("the file made its reader fail", value=name, remedy="Export it again.") from error


def _pair(given: Any) -> tuple[float, float] | None:
    return None if given is None else (float(given[0]), float(given[1]))


def _never(index: int) -> Any:
    raise NotImplementedError(f"slice {index} lies in the reader")
