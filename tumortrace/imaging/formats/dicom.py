"""DICOM: from the bytes of one file to a document. Runs in a reader process."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from typing import Final

import numpy as np
import pydicom
import pydicom.config
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tumortrace.errors import InputError
from tumortrace.imaging.formats import dicom_facts, dicom_tags
from tumortrace.imaging.formats.dicom_frames import Frames
from tumortrace.imaging.formats.document import Document, Place, Sheaf
from tumortrace.imaging.formats.limits import FILE_BYTES
from tumortrace.imaging.formats.values import broken, is_flat, mended_fact

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
_SALT: Final = os.environ.get("TUMORTRACE_READER_SALT", "")
"""The same in all readers of one process, so that they agree about who belongs together."""
_NO_PICTURES: Final = (
    ("SR Storage", "a structured report"),
    ("Encapsulated PDF", "a PDF document"),
    ("Encapsulated", "an encapsulated document"),
    ("Presentation State", "a presentation state"),
    ("Structure Set", "a radiotherapy structure set"),
    ("RT Plan", "a radiotherapy plan"),
    ("Waveform", "a waveform"),
    ("ECG", "a waveform"),
    ("Key Object", "a selection of images"),
    ("Registration", "a registration"),
    ("Directory", "a directory of other files"),
)


def open_dicom(data: bytes) -> Document:
    """Open one DICOM file; its first frame is decoded, to know that it is whole.

    Raises:
        InputError: Broken, cut off, without pixels, too large, or compressed in a way that cannot be read.
    """
    dataset, syntax, weight = _parse(data)
    _check_picture(dataset)
    frames = Frames.of(dataset, syntax)
    first, colour, mended = frames.first()
    spacing = dicom_facts.spacing(dataset)
    sheaf = Sheaf(frames.count, frames.read, unit="frame", spacing=spacing, window=frames.window(frames.count // 2))
    return Document(
        format="DICOM",
        sheaves=(sheaf,),
        facts=dicom_facts.facts(dataset, syntax, frames) | mended_fact(mended),
        dropped=dicom_tags.identifying(dataset),
        header=dicom_facts.header(dataset),
        colour=colour,
        flat=frames.count == 1 and is_flat(first),
        place=_place(dataset, first.shape) if frames.count == 1 else None,
        weight=weight,
    )


def _parse(data: bytes) -> tuple[Dataset, UID, int]:
    """The dataset, its transfer syntax and the bytes it takes."""
    start = 132 if data[128:132] == b"DICM" else 4 if data.startswith(b"DICM") else 0
    named, after = _file_meta(data, start)
    if named == DeflatedExplicitVRLittleEndian:
        inflated = _inflate(data[after:])
        return read_dataset(io.BytesIO(inflated), False, True), ExplicitVRLittleEndian, len(inflated)
    dataset = pydicom.dcmread(io.BytesIO(data if start != 4 else bytes(128) + data), force=True)
    if named is None:
        implicit, little = dataset.original_encoding
        named = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    return dataset, named, len(data)


def _file_meta(data: bytes, at: int) -> tuple[UID | None, int]:
    """The transfer syntax of group 0002 (always explicit, little endian), and where the group ends."""
    syntax = None
    while at + 8 <= len(data) and data[at : at + 2] == b"\x02\x00":
        element, vr = struct.unpack_from("<H2s", data, at + 2)
        long_form = vr in {b"OB", b"OW", b"UN", b"SQ", b"UT"}
        if at + 12 > len(data):
            break
        (length,) = struct.unpack_from("<I" if long_form else "<H", data, at + (8 if long_form else 6))
        value = at + (12 if long_form else 8)
        if element == 0x0010:
            syntax = UID(data[value : value + length].decode("ascii", "replace").strip("\x00 "))
        at = value + length
    return syntax or None, at


def _inflate(packed: bytes) -> bytes:
    stream = zlib.decompressobj(-15)
    try:
        inflated = stream.decompress(packed, FILE_BYTES)
    except zlib.error as error:
        raise broken() from error
    if len(inflated) >= FILE_BYTES:
        raise InputError(
            f"the file unpacks to more than {FILE_BYTES // 2**20} MB", value=len(packed), remedy="Export it again."
        )
    if not stream.eof:
        raise broken()
    return inflated


def _check_picture(dataset: Dataset) -> None:
    if any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        return
    named = dicom_tags.text(dataset, "SOPClassUID")
    if not named and hasattr(dataset, "file_meta"):
        named = dicom_tags.text(dataset.file_meta, "MediaStorageSOPClassUID")
    kind = UID(named).name
    for part, what in _NO_PICTURES:
        if part in kind:
            raise InputError(f"this DICOM file holds {what}, no image", value="", remedy="Give an MR image.")
    raise InputError("this DICOM file has no pixels, or is cut off before them", value="", remedy="Export it again.")


def _place(dataset: Dataset, shape: tuple[int, ...]) -> Place | None:
    series = dicom_tags.text(dataset, "SeriesInstanceUID")
    if not series:
        return None
    orientation = dicom_tags.numbers(dataset, "ImageOrientationPatient", 6)
    position = dicom_tags.numbers(dataset, "ImagePositionPatient", 3)
    along = None
    if orientation and position:
        along = float(np.dot(np.cross(orientation[:3], orientation[3:]), position))
    # Positions of one stack are given to a few digits, and differ in the last.
    turned = tuple(round(value, 2) + 0.0 for value in orientation or ())
    common = repr((_SALT, series, shape, turned)).encode()
    number = dicom_tags.whole(dataset, "InstanceNumber")
    return Place(hashlib.blake2b(common, digest_size=16).hexdigest(), along, number)
