"""Files that are bad, hostile or odd, each with what is to be said of it. All are made in memory."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import h5py
import nibabel as nib
import numpy as np
import scipy.io
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from tests.imaging.formats import made

BROKEN = "broken|cut off"
CUT = f"{BROKEN}|this is|no group"
DEFLATED, JPEG, JPEG_2000, RLE = (
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.5",
)


@dataclass(frozen=True)
class BadFile:
    """One upload."""

    name: str
    data: bytes
    says: str = ""
    """Regular expression that its refusal matches."""
    odd: bool = False
    """It can be read after all."""


@cache
def whole_files() -> dict[str, bytes]:
    """A good file of each format, under a name with the right suffix."""
    jpeg_2000 = made.picture(kind="JPEG2000", no_jp2=True)
    encapsulated = made.dicom(made.HEAD, JPEG_2000, PixelData=encapsulate([jpeg_2000]))
    return {
        "whole.png": made.picture(),
        "whole.jpg": made.picture(kind="JPEG"),
        "whole.tif": made.picture(kind="TIFF"),
        "packed.tif": made.picture(kind="TIFF", compression="tiff_deflate"),
        "whole.bmp": made.picture(kind="BMP"),
        "whole.webp": made.picture(kind="WEBP", lossless=True),
        "whole.dcm": made.dicom(),
        "compressed.dcm": encapsulated,
        "whole.nii": made.nifti(),
        "whole.nii.gz": made.packed(made.nifti()),
        "whole.mat": made.mat(),
        "old.mat": old_mat({"cjdata": {"image": made.HEAD, "label": 1.0, "PID": "100360"}}),
        "whole.zip": made.zipped(("a/one.png", made.picture())),
    }


def bad_files() -> list[BadFile]:
    """The whole table."""
    return [*_cut(), *_foreign(), *_pictures(), *_numbers(), *_dicom(), *_nifti(), *_mat(), *_zips(), *_odd()]


def old_mat(content: dict[str, Any]) -> bytes:
    """A MATLAB 5 file."""
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, content, do_compression=True)
    return buffer.getvalue()


def _cut() -> Iterator[BadFile]:
    for name, data in whole_files().items():
        for tenth in range(1, 10):
            # A tenth of a file may not be enough to tell what it was.
            yield BadFile(
                f"cut_{tenth}_{name}", data[: len(data) * tenth // 10], f"{BROKEN}|known|this is|no group|lies"
            )


def _foreign() -> Iterator[BadFile]:
    brand = b"\x00\x00\x00\x18ftyp"
    yield BadFile("empty.png", b"", "empty")
    yield BadFile("zeros.dcm", bytes(5000), "zeros")
    yield BadFile("noise.png", np.random.default_rng(3).bytes(5000), "no kind of file")
    yield BadFile("page.png", b"<!DOCTYPE html><html><body>hello</body></html>", "HTML")
    yield BadFile("drawing.svg", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', "SVG")
    yield BadFile("letter.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF")
    yield BadFile(
        "loop.gif", made.picture(kind="GIF", save_all=True, append_images=[Image.fromarray(255 - made.HEAD)]), "GIF"
    )
    yield BadFile("notes.txt", "Grüße aus der Klinik\n".encode(), "text")
    yield BadFile("table.csv", b"a,b,c\n1,2,3\n4,5,6\n", "CSV")
    yield BadFile("data.json", b'{"a": 1}', "JSON")
    yield BadFile("film.mp4", brand + b"isom\x00\x00\x02\x00isomiso2", "film")
    yield BadFile("phone.heic", brand + b"heic\x00\x00\x00\x00mif1heic", "HEIC")
    yield BadFile("photo.avif", brand + b"avif\x00\x00\x00\x00mif1avif", "AVIF")
    yield BadFile("model.mat", pickle.dumps({"cjdata": [1, 2]}), "pickle")
    yield BadFile("training_data.pickle", pickle.dumps([np.zeros(3)], protocol=4), "pickle")
    yield BadFile("array.npy", b"\x93NUMPY\x01\x00v\x00", "NumPy")
    yield BadFile("layers.psd", b"8BPS\x00\x01", "Photoshop")
    yield BadFile("volume.nrrd", b"NRRD0004\ntype: short\n", "NRRD")
    yield BadFile("scans.rar", b"Rar!\x1a\x07\x00", "RAR")
    yield BadFile("scans.tar", b"a".ljust(257, b"\x00") + b"ustar\x0000".ljust(300, b"\x00"), "tar")
    yield BadFile("text.gz", made.packed(b"hello, this is text\n"), "gzip file that holds text")
    yield BadFile("raw.j2k", made.picture(kind="JPEG2000", no_jp2=True), "JPEG 2000")
    yield BadFile(
        "report.docx", made.zipped(("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")), "Office"
    )


def _pictures() -> Iterator[BadFile]:
    yield BadFile("one.png", made.picture(np.full((1, 1), 9, np.uint8)), "fewer than 16")
    yield BadFile("thread.png", made.picture(np.zeros((1, 20000), np.uint8)), "fewer than 16")
    yield BadFile("bomb.png", made.png_with(width=20000, height=20000), "megapixels")
    yield BadFile("claims.png", made.png_with(width=2**31 - 1, height=2**31 - 1), f"megapixels|{BROKEN}")
    yield BadFile("wrong_size.png", made.png_with(height=480), BROKEN)
    yield BadFile("checksum.png", made.picture()[:60] + b"\xff\xff" + made.picture()[62:], BROKEN)
    text = b"a\x00\x00" + b"\x78\x9c" + made.bloated(128)
    yield BadFile("text_bomb.png", made.png_with(made.chunk(b"zTXt", text)), BROKEN)
    profile = b"icc\x00\x00" + b"\x78\x9c" + made.bloated(128)
    yield BadFile("profile_bomb.png", made.png_with(made.chunk(b"iCCP", profile)), f"{BROKEN}|memory")
    # Cut, then closed: no decoder can tell it from a whole one.
    yield BadFile("filler.jpg", made.picture(kind="JPEG")[:-300] + b"\xff\xd9", odd=True)
    yield BadFile("header.jpg", made.picture(kind="JPEG")[:200] + b"\xff\xd9", BROKEN)
    frame = bytearray(made.picture(kind="JPEG"))
    at = frame.index(b"\xff\xc0")
    frame[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    yield BadFile("claims.jpg", bytes(frame), "megapixels")
    yield BadFile("claims.tif", tiff(60000, 60000), "megapixels")
    yield BadFile("beyond.tif", tiff(64, 48, offset=2**31), BROKEN)
    yield BadFile("loop.tif", tiff(64, 48, onward=8), odd=True)
    yield BadFile("no_tags.tif", b"II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00", BROKEN)
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\x00\x00\x00\x00" + b"\xff\x3f\x00" * 2
    yield BadFile(
        "canvas.webp", b"RIFF" + struct.pack("<I", len(canvas) + 4) + b"WEBP" + canvas, f"megapixels|{BROKEN}"
    )
    bmp = bytearray(made.picture(kind="BMP"))
    bmp[18:26] = struct.pack("<ii", 2**30, 2**30)
    yield BadFile("claims.bmp", bytes(bmp), f"megapixels|{BROKEN}")


def tiff(width: int, height: int, offset: int = 200, onward: int = 0) -> bytes:
    """A TIFF of one strip of zeros, with its sizes and places as claimed."""
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: offset, 277: 1, 278: height, 279: width * height}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value % 2**32) for tag, value in tags.items())
    start = b"II*\x00" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", onward)
    return start.ljust(200, b"\x00") + bytes(range(256)) * 12


def _numbers() -> Iterator[BadFile]:
    yield BadFile("flat.png", made.picture(np.full((64, 64), 7, np.uint8)), "flat")
    real = made.HEAD.astype(np.float32) / 255
    yield BadFile("real.tif", made.picture(real, kind="TIFF"), odd=True)
    some = np.where(made.HEAD < 20, np.nan, real)
    yield BadFile("some_nan.tif", made.picture(some.astype(np.float32), kind="TIFF"), odd=True)
    yield BadFile("all_nan.tif", made.picture(np.full((48, 64), np.nan, np.float32), kind="TIFF"), "not numbers")
    most = real.copy()
    most[:40] = np.inf
    yield BadFile("most_infinite.tif", made.picture(most, kind="TIFF"), "not numbers")
    yield BadFile("flat.dcm", made.dicom(np.full((64, 64), 7, np.uint16)), "flat")


def _dicom() -> Iterator[BadFile]:
    yield BadFile("no_pixels.dcm", made.dicom(PixelData=None), "no pixels")
    yield BadFile("no_rows.dcm", made.dicom(Rows=0), "no rows")
    yield BadFile("tiny.dcm", made.dicom(np.ones((3, 3), np.uint16)), "fewer than 16")
    yield BadFile("more_rows.dcm", made.dicom(Rows=480), "cut off")
    yield BadFile("more_frames.dcm", made.dicom(NumberOfFrames=9), "cut off")
    yield BadFile("endless_frames.dcm", made.dicom(NumberOfFrames=2**31 - 1), "number of frames")
    yield BadFile("minus_frames.dcm", made.dicom(NumberOfFrames=-3), "number of frames")
    yield BadFile("bits.dcm", made.dicom(BitsAllocated=13), "number of bits")
    yield BadFile("samples.dcm", made.dicom(SamplesPerPixel=7), "number of samples")
    huge = made.dicom(Rows=60000, Columns=60000)
    yield BadFile("claims.dcm", huge, "megapixels")
    start = made.dicom(PixelData=None)
    yield BadFile("long_element.dcm", start + b"\xe0\x7f\x10\x00OW\x00\x00\xf0\xff\xff\xff" + bytes(64), BROKEN)
    yield BadFile("endless_pixels.dcm", start + b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff" + bytes(64), BROKEN)
    level = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    yield BadFile("nested.dcm", made.dicom(PixelData=None)[:400] + level * 20000, BROKEN)
    yield BadFile("no_jpeg.dcm", made.dicom(made.HEAD, JPEG, PixelData=encapsulate([b"not a JPEG" * 50])), BROKEN)
    torn = made.picture(kind="JPEG")
    yield BadFile("torn_jpeg.dcm", made.dicom(made.HEAD, JPEG, PixelData=encapsulate([torn[: len(torn) // 2]])), BROKEN)
    yield BadFile(
        "other_size.dcm",
        made.dicom(made.head(96, 96), JPEG_2000, PixelData=encapsulate([made.picture(kind="JPEG2000", no_jp2=True)])),
        f"{BROKEN}|reader",
    )
    yield BadFile(
        "fewer.dcm", made.dicom(made.HEAD, JPEG, NumberOfFrames=5, PixelData=encapsulate([torn, torn])), "fewer"
    )
    yield BadFile("rle_noise.dcm", made.dicom(made.HEAD, RLE, PixelData=encapsulate([bytes(range(256))])), BROKEN)
    yield BadFile(
        "item_too_long.dcm",
        made.dicom(
            made.HEAD, JPEG, PixelData=b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\x00\xe0\xff\xff\xff\x7f" + torn
        ),
        BROKEN,
    )
    yield BadFile(
        "film.dcm", made.dicom(made.HEAD, "1.2.840.10008.1.2.4.102", PixelData=encapsulate([b"x" * 64])), "compression"
    )
    yield BadFile("unknown.dcm", made.dicom(made.HEAD, "1.2.3.4.5", PixelData=b"12"), "unknown kind of compression")
    yield BadFile(
        "report.dcm", made.dicom(PixelData=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.22"), "structured report"
    )
    pdf = made.dataset(PixelData=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    pdf.EncapsulatedDocument = b"%PDF-1.7"
    yield BadFile("letter.dcm", made.written(pdf), "PDF")
    whole = made.dicom()
    at = whole.index(b"\x08\x00\x16\x00")
    yield BadFile("deflated_bomb.dcm", deflated(whole[:at], made.bloated(272)), "unpacks to more")
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    yield BadFile("deflated_cut.dcm", deflated(whole[:at], packed.compress(whole[at:]) + packed.flush()[:-40]), BROKEN)


def deflated(meta: bytes, rest: bytes) -> bytes:
    """A deflated DICOM file, its transfer syntax written over that of an explicit one."""
    at = meta.index(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(meta[at + 6 : at + 8], "little")
    value = DEFLATED.encode() + b"\x00" * (len(DEFLATED) % 2)
    return meta[:at] + b"\x02\x00\x10\x00UI" + struct.pack("<H", len(value)) + value + meta[at + 8 + length :] + rest


def _nifti() -> Iterator[BadFile]:
    claims = bytearray(made.nifti())
    claims[40:56] = struct.pack("<8h", 3, 30000, 30000, 30000, 1, 1, 1, 1)
    yield BadFile("claims.nii", bytes(claims), "larger than")
    yield BadFile("claims.nii.gz", made.packed(bytes(claims)), "larger than")
    minus = bytearray(made.nifti())
    minus[40:48] = struct.pack("<4h", 3, -5, 20, 20)
    yield BadFile("minus.nii", bytes(minus), "no size")
    away = bytearray(made.nifti())
    away[108:112] = struct.pack("<f", 3e9)
    yield BadFile("away.nii", bytes(away), BROKEN)
    yield BadFile("complex.nii", made.nifti(made.volume().astype(np.complex64)), "complex")
    yield BadFile("nan.nii", made.nifti(np.full((20, 20, 20), np.nan, np.float32)), "not numbers")
    yield BadFile("flat.nii", made.nifti(np.ones((20, 20, 20), np.int16)), "flat")
    yield BadFile("small.nii", made.nifti(np.ones((3, 4, 50), np.int16)), "fewer than 16")
    yield BadFile(
        "swollen.nii.gz",
        made.packed(made.nifti()) + b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + made.bloated(4096),
        "unpacks to far more",
    )
    yield BadFile("bomb.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + made.bloated(4096), "gzip")
    torn = made.packed(made.nifti())
    yield BadFile("checksum.nii.gz", torn[:-8] + bytes(8), BROKEN)
    pair = made.nifti()[:344] + b"ni1\x00"
    yield BadFile("pair.hdr", pair, "pair")
    yield BadFile("analyze.hdr", bytes(nib.AnalyzeHeader().binaryblock), "Analyze pair")
    yield BadFile("pair.img", np.random.default_rng(3).bytes(9000), "without their header")


def _mat() -> Iterator[BadFile]:
    yield BadFile("no_group.mat", made.hdf5(lambda file: file.create_dataset("x", data=[1])), "no group cjdata")
    yield BadFile("no_image.mat", made.hdf5(lambda file: file.create_group("cjdata")), "no image")
    yield BadFile("cube.mat", made.mat(np.zeros((20, 20, 20))), "two-dimensional")
    yield BadFile(
        "words.mat", made.hdf5(lambda file: file.create_dataset("cjdata/image", data=b"words")), "two-dimensional"
    )
    yield BadFile(
        "claims.mat",
        made.hdf5(lambda file: file.create_dataset("cjdata/image", (10**6, 10**6), "i2", chunks=(64, 64))),
        "more than 4096",
    )
    yield BadFile("chunk_bomb.mat", made.hdf5(_chunk_bomb), f"uncommon way|{BROKEN}|memory|reader")
    yield BadFile(
        "outside.mat",
        made.hdf5(
            lambda file: file.create_dataset("cjdata/image", (40, 40), "u1", external=[("/etc/passwd", 0, 1600)])
        ),
        "outside this file",
    )
    yield BadFile("linked.mat", made.hdf5(_linked), "no image")
    yield BadFile("virtual.mat", made.hdf5(_virtual), "outside this file")
    yield BadFile("nan.mat", made.mat(np.full((40, 40), np.nan)), "not numbers")
    yield BadFile("old_no_group.mat", old_mat({"x": [1, 2]}), "no struct cjdata")
    yield BadFile("old_words.mat", old_mat({"cjdata": {"image": "words"}}), "two-dimensional")


def _chunk_bomb(file: Any) -> None:
    stored = file.create_dataset("cjdata/image", (64, 64), "i2", chunks=(64, 64), compression="gzip")
    stored.id.write_direct_chunk((0, 0), b"\x78\x9c" + made.bloated(4096))


def _linked(file: Any) -> None:
    file.create_group("cjdata")["image"] = h5py.ExternalLink("/etc/hostname", "/image")


def _virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((64, 64), "i2")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "image", (64, 64))
    file.create_virtual_dataset("cjdata/image", layout)


def _zips() -> Iterator[BadFile]:
    good = made.picture()
    yield BadFile("empty.zip", made.zipped(), "no file in the zip")
    yield BadFile("mac.zip", made.zipped(("__MACOSX/._a.png", b"x"), (".DS_Store", b"x")), "no file in the zip")
    yield BadFile("up.zip", made.zipped(("../../evil.png", good)), "outside the zip")
    yield BadFile("absolute.zip", made.zipped(("/etc/evil.png", good)), "outside the zip")
    yield BadFile("drive.zip", made.zipped(("C:\\evil.png", good)), "outside the zip")
    yield BadFile("nested.zip", made.zipped(("inner.zip", made.zipped(("a.png", good)))), "zip in a zip")
    yield BadFile("crowd.zip", made.zipped(*((f"{at}.png", b"") for at in range(10000))), "more than 2000 entries")
    locked = bytearray(made.zipped(("a.png", good)))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    yield BadFile("locked.zip", bytes(locked), "password")
    many = [(f"{at}.png", 100 * 2**20, made.bloated(96)) for at in range(6)]
    yield BadFile("swollen.zip", made.zip_of_claims(*many), "unpacks to more")
    yield BadFile("overlap.zip", made.zip_of_claims(*many[:5], shared=True), "overlap")
    yield BadFile("liar.zip", made.zip_of_claims(("a.png", 1000, made.bloated(64))), BROKEN)
    yield BadFile("claims.zip", made.zip_of_claims(("a.png", 2**32 - 2, made.bloated(16))), "unpacks to more")
    yield BadFile("lzma.zip", made.zipped(("a.png", good), method=zipfile.ZIP_LZMA), "uncommon way")
    yield BadFile("text.zip", made.zipped(("readme.txt", b"hello")), "text")


def _odd() -> Iterator[BadFile]:
    grey, pixels = made.HEAD, made.HEAD.astype(np.uint16) * 9
    yield BadFile("really_png.dcm", made.picture(), odd=True)
    yield BadFile("really_dicom.png", made.dicom(), odd=True)
    yield BadFile("no_suffix", made.dicom(), odd=True)
    yield BadFile("twice.zip", twice(), odd=True)
    yield BadFile(
        "exif.jpg",
        made.picture(kind="JPEG", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + b"\xff" * 200),
        odd=True,
    )
    yield BadFile("one_bit.tif", made.picture(Image.fromarray(grey).convert("1"), kind="TIFF"), odd=True)
    yield BadFile("cmyk.jpg", made.picture(Image.fromarray(grey).convert("CMYK"), kind="JPEG"), odd=True)
    yield BadFile("no_preamble.dcm", made.written(made.dataset(), preamble=False), odd=True)
    bare = made.dicom()
    yield BadFile("bare.dcm", bare[bare.index(b"\x08\x00\x16\x00") :], odd=True)
    yield BadFile("no_samples.dcm", made.dicom(SamplesPerPixel=None, PhotometricInterpretation=None), odd=True)
    yield BadFile("more_bits_stored.dcm", made.dicom(BitsStored=24, HighBit=23), odd=True)
    plain = made.dataset()
    del plain.file_meta.TransferSyntaxUID
    plain.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    data = made.written(plain)
    at = data.index(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(data[at + 6 : at + 8], "little")
    yield BadFile("no_syntax.dcm", data[:at] + data[at + 8 + length :], odd=True)
    real = Dataset()
    real.update(made.dataset(PixelData=None, BitsAllocated=32))
    real.file_meta = plain.file_meta
    real.FloatPixelData = (pixels / 7).astype("<f4").tobytes()
    yield BadFile("real.dcm", made.written(real), odd=True)
    some = pixels.astype("<f4")
    some[:5] = np.nan
    real.FloatPixelData = some.tobytes()
    yield BadFile("some_nan.dcm", made.written(real), odd=True)
    deep = Dataset()
    for _ in range(60):
        outer = Dataset()
        outer.ReferencedImageSequence = Sequence([deep])
        deep = outer
    yield BadFile("deep.dcm", made.dicom(ReferencedImageSequence=Sequence([deep])), odd=True)
    hole = made.volume().astype(np.float32)
    hole[:4] = np.nan
    yield BadFile("some_nan.nii", made.nifti(hole), odd=True)
    yield BadFile("four.nii.gz", made.packed(made.nifti(made.volume((20, 20, 20, 3)))), odd=True)
    singular = bytearray(made.nifti())
    singular[252:256], singular[280:328] = struct.pack("<2h", 0, 1), bytes(48)
    yield BadFile("singular.nii", bytes(singular), odd=True)
    yield BadFile(
        "mixed.zip", made.zipped(("a/ok.png", made.picture()), ("__MACOSX/._ok.png", b"x"), ("b.dcm", bare)), odd=True
    )


def twice() -> bytes:
    """A zip with two files of one name."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return made.zipped(("a.png", made.picture()), ("a.png", made.picture(255 - made.HEAD)))
