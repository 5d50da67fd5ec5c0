"""Names for what cannot be read here, so that a refusal can say what was given."""

from __future__ import annotations

import re
from typing import Final

_STARTS: Final = (
    (b"%PDF", "a PDF document"),
    (b"GIF8", "a GIF picture"),
    (b"8BPS", "a Photoshop file"),
    (b"%!PS", "a PostScript file"),
    (b"{\\rtf", "an RTF document"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\xff\xd8\xff\xf7", "a JPEG-LS picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"NRRD0", "an NRRD volume"),
    (b"ObjectType = Image", "a MetaImage header"),
    (b"CDF\x01", "a netCDF file (older MINC volumes are such)"),
    (b"CDF\x02", "a netCDF file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM film"),
    (b"OggS", "an Ogg film or sound"),
    (b"ID3", "an MP3 sound"),
    (b"\xd0\xcf\x11\xe0", "an older Office document"),
    (b"PAR1", "a Parquet table"),
    (b"SQLite format 3", "an SQLite database"),
)  # fmt: skip
_BRANDS: Final = {
    "HEIC": (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"),
    "AVIF": (b"avif", b"avis"),
}
_PICKLE: Final = re.compile(rb"\x80[\x02-\x05][\x95\x8c\x58\x5d\x7d\x28\x63\x8a\x4b\x71\x88\x89\x4e\x47(cK}\]]")


def foreign(data: bytes, name: str) -> str | None:
    """``a PDF document``, ``a HEIC picture``, ...; None where it cannot be told.

    Args:
        data: The file, or its beginning.
        name: Its name; only looked at for files that cannot be told from their bytes.
    """
    for start, what in _STARTS:
        if data.startswith(start):
            return what
    if data[4:8] == b"ftyp":
        return _boxed(data[8:32])
    if data.startswith(b"RIFF"):
        return "a RIFF film or sound"
    if data[257:262] == b"ustar":
        return "a tar archive"
    if data[344:347] in {b"ni1", b"ni2"} or data[4:8] == b"ni2\x00":
        return "the header of a NIfTI pair (.hdr and .img); convert the pair to one .nii file"
    if len(data) <= 2048 and data[:4] in {b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c"}:
        return "the header of an Analyze pair (.hdr and .img); convert the pair to one .nii file"
    if _PICKLE.match(data):
        return "a Python pickle, which is never opened"
    if name.lower().endswith(".img"):
        return "the voxels of a pair (.hdr and .img) without their header; convert the pair to one .nii file"
    return _text(data)


def _boxed(brands: bytes) -> str:
    for what, codes in _BRANDS.items():
        if brands.startswith(codes):
            return f"a {what} picture" if what == "HEIC" else f"an {what} picture"
    for what, codes in _BRANDS.items():
        if any(code in brands for code in codes):
            return f"a {what} picture" if what == "HEIC" else f"an {what} picture"
    return "an MP4 or QuickTime film"


def _text(data: bytes) -> str | None:
    start = data[:4096]
    try:
        text = start.decode("utf-16") if start[:2] in {b"\xff\xfe", b"\xfe\xff"} else start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Only a character that is cut in two at the end is forgiven.
        if error.start < len(start) - 4 or len(data) <= len(start):
            return None
        text = start[: error.start].decode("utf-8-sig")
    if any(ord(letter) < 32 and letter not in "\t\n\r\f\x1b" for letter in text):
        return None
    lower = text.lstrip().lower()
    if lower.startswith("<"):
        if "<svg" in lower:
            return "an SVG drawing"
        return "a web page (HTML)" if "<html" in lower or "<!doctype html" in lower else "an XML document"
    if lower.startswith(("{", "[")):
        return "a JSON document"
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.count(",") == lines[0].count(",") > 0 for line in lines[:5]):
        return "a table (CSV)"
    return "text"
