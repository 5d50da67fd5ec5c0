"""How the pixels of a DICOM file lie, with odd or missing elements set right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from tumortrace.errors import InputError
from tumortrace.imaging.formats.dicom_tags import text, whole
from tumortrace.imaging.formats.limits import FILE_BYTES, SLICES
from tumortrace.imaging.formats.values import broken, check_size

_GREY: Final = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})
_COLOUR: Final = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_KEYWORDS: Final = {"PixelData": 0, "FloatPixelData": 32, "DoubleFloatPixelData": 64}


@dataclass(frozen=True)
class Layout:
    """What the image pixel module says."""

    keyword: str
    """The element that holds the pixels."""
    rows: int
    columns: int
    frames: int
    samples: int
    allocated: int
    stored: int
    signed: bool
    photometric: str
    planar: int

    @classmethod
    def of(cls, dataset: Dataset) -> Layout:
        """Read it, and set right what is odd.

        Raises:
            InputError: No size, a size or a number of frames beyond the limits, or a depth that cannot be.
        """
        keyword = next(name for name in _KEYWORDS if name in dataset)
        rows, columns = whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0
        if min(rows, columns) < 1:
            raise broken("this DICOM file says that it has no rows or no columns", f"{columns} x {rows}")
        check_size(rows, columns)
        frames = _frames(dataset)
        samples = whole(dataset, "SamplesPerPixel") or (3 if text(dataset, "PhotometricInterpretation") == "RGB" else 1)
        if samples not in {1, 3}:
            raise broken("the pixels have an impossible number of samples", samples)
        allocated, stored = _depth(dataset, keyword)
        layout = cls(
            keyword=keyword,
            rows=rows,
            columns=columns,
            frames=frames,
            samples=samples,
            allocated=allocated,
            stored=stored,
            signed=whole(dataset, "PixelRepresentation") == 1,
            photometric=_photometric(text(dataset, "PhotometricInterpretation").upper(), samples),
            planar=1 if whole(dataset, "PlanarConfiguration") == 1 else 0,
        )
        if layout.frame_bytes > FILE_BYTES:
            raise InputError("the frames are too large", value=f"{columns} x {rows}", remedy="Reduce them.")
        return layout

    @property
    def real(self) -> bool:
        """Whether the pixels are real numbers."""
        return self.keyword != "PixelData"

    @property
    def inverted(self) -> bool:
        """Whether low values are bright."""
        return self.photometric == "MONOCHROME1"

    @property
    def range(self) -> tuple[int, int]:
        """Least and greatest stored value there can be."""
        return (-(2 ** (self.stored - 1)), 2 ** (self.stored - 1) - 1) if self.signed else (0, 2**self.stored - 1)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame, unpacked."""
        return self.rows * self.columns * self.samples * max(self.allocated // 8, 1)

    @property
    def native_bytes(self) -> int:
        """Bytes of all frames as they lie in an uncompressed file."""
        bits = self.rows * self.columns * self.samples * self.allocated * self.frames
        if self.photometric == "YBR_FULL_422":
            bits = bits * 2 // 3
        return (bits + 7) // 8


def _frames(dataset: Dataset) -> int:
    frames = whole(dataset, "NumberOfFrames")
    if frames is None:
        return 1
    if not 1 <= frames <= SLICES:
        raise InputError(
            f"the number of frames is not between 1 and {SLICES}", value=frames, remedy="Give fewer at once."
        )
    return frames


def _depth(dataset: Dataset, keyword: str) -> tuple[int, int]:
    if keyword != "PixelData":
        return _KEYWORDS[keyword], _KEYWORDS[keyword]
    stored = whole(dataset, "BitsStored")
    allocated = whole(dataset, "BitsAllocated") or (16 if stored and stored > 8 else 8)
    if allocated not in {1, 8, 16, 32}:
        raise broken("the pixels have an impossible number of bits", allocated)
    # A pixel cannot hold more than is set aside for it.
    return allocated, stored if stored and 1 <= stored <= allocated else allocated


def _photometric(given: str, samples: int) -> str:
    if samples == 1:
        return given if given in _GREY else "MONOCHROME2"
    return given if given in _COLOUR else "RGB"
