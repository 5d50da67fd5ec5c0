"""What a file is, told from its bytes; the name only helps to say what is missing."""

from __future__ import annotations

import struct
import zlib
from typing import Final, Literal

from tumortrace.errors import InputError
from tumortrace.imaging.formats.foreign import foreign

Kind = Literal["PNG", "JPEG", "TIFF", "BMP", "WebP", "DICOM", "NIfTI", "HDF5", "MATLAB 5", "zip"]

REMEDY: Final = (
    "Give a slice as PNG, JPEG, TIFF, BMP, WebP or DICOM, a volume as NIfTI, a figshare .mat, or a zip of these."
)
_VRS: Final = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OW PN SH SL SQ SS ST TM UC UI UL UN UR US UT".split()
)


def sniff(data: bytes, name: str) -> Kind:
    """Tell what ``data`` is.

    Raises:
        InputError: Nothing that can be read; the sentence names what it is where that can be told.
    """
    if not data:
        raise InputError("the file is empty", value=name, remedy=REMEDY)
    if not any(data[:4096]) and data[128:132] != b"DICM" and not data[4096:].strip(b"\x00"):
        raise InputError("the file holds nothing but zeros", value=name, remedy="Copy or export it again.")
    kind = _picture(data) or _medical(data)
    if kind:
        return kind
    if data[:2] == b"\x1f\x8b":
        return _packed(data, name)
    what = foreign(data, name)
    if what is None and _bare_dicom(data):
        return "DICOM"
    raise InputError(f"this is {what or 'no kind of file that is known here'}", value=name, remedy=REMEDY)


def _picture(data: bytes) -> Kind | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    # The third byte tells JPEG from raw JPEG-LS (F7 follows) and JPEG 2000.
    if data.startswith(b"\xff\xd8\xff") and data[3:4] != b"\xf7":
        return "JPEG"
    if data[:4] in {b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"} and data[128:132] != b"DICM":
        return "TIFF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data.startswith(b"BM") and data[14:18] in {struct.pack("<I", size) for size in (12, 40, 52, 56, 64, 108, 124)}:
        return "BMP"
    return None


def _medical(data: bytes) -> Kind | None:
    if data[128:132] == b"DICM" or data.startswith(b"DICM"):
        return "DICOM"
    if is_nifti(data):
        return "NIfTI"
    if any(data[at : at + 8] == b"\x89HDF\r\n\x1a\n" for at in (0, 512, 1024, 2048)):
        return "HDF5"
    if data.startswith(b"MATLAB 5.0 MAT-file"):
        return "MATLAB 5"
    if data[:4] in {b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"}:
        return "zip"
    return None


def is_nifti(data: bytes) -> bool:
    """Whether a NIfTI file (header and voxels in one) begins here."""
    return data[344:348] == b"n+1\x00" or data[4:8] == b"n+2\x00"


def _packed(data: bytes, name: str) -> Kind:
    try:
        start = zlib.decompressobj(31).decompress(data[:65536], 4096)
    except zlib.error:
        start = b""
    if is_nifti(start):
        return "NIfTI"
    inside = foreign(start, name.removesuffix(".gz")) if start else None
    what = f"a gzip file that holds {inside}" if inside else "a gzip file without a NIfTI volume in it"
    raise InputError(f"this is {what}", value=name, remedy=REMEDY)


def _bare_dicom(data: bytes) -> bool:
    """Whether a DICOM dataset without preamble begins here: three elements that follow each other."""
    return any(_elements(data, order, explicit) >= 3 for order in "<>" for explicit in (True, False))


def _elements(data: bytes, order: str, explicit: bool) -> int:
    at, before, found = 0, (0, 0), 0
    while found < 3 and at + 8 <= len(data):
        tag = struct.unpack_from(order + "HH", data, at)
        if tag[0] not in {0x0002, 0x0008, 0x0010, 0x0018, 0x0020, 0x0028} or tag <= before:
            break
        if explicit and data[at + 4 : at + 6] not in _VRS:
            break
        long_form = explicit and data[at + 4 : at + 6] in {b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF", b"OD", b"OL"}
        if explicit:
            length, start = (
                (*struct.unpack_from(order + "I", data, at + 8), at + 12)
                if long_form and at + 12 <= len(data)
                else (*struct.unpack_from(order + "H", data, at + 6), at + 8)
            )
        else:
            (length,), start = struct.unpack_from(order + "I", data, at + 4), at + 8
        found += 1
        if length == 0xFFFFFFFF:  # a sequence: what follows cannot be told without reading it
            return 3
        before, at = tag, start + length
    return found
