"""The pixels of a DICOM file, frame by frame: decoded, rescaled, bright is high.

The rescale slope and intercept (or the modality table) are applied. The window is not: it is what somebody found good
to look at and may clip a tumour, while the models normalise by percentiles; it is handed on for display.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.uid import UID, ExplicitVRBigEndian, JPEGExtended12Bit, RLELossless

from tumortrace.errors import InputError
from tumortrace.imaging.formats.dicom_layout import Layout
from tumortrace.imaging.formats.dicom_tags import items, nearest, number, text, whole
from tumortrace.imaging.formats.values import broken, chroma_and_grey, finite, standard

Pixels = npt.NDArray[Any]
_ITEM: Final = b"\xfe\xff\x00\xe0"
_END: Final = b"\xfe\xff\xdd\xe0"


@dataclass(frozen=True)
class Frames:
    """The frames of one file."""

    dataset: Dataset
    syntax: UID
    layout: Layout
    source: bytes

    @classmethod
    def of(cls, dataset: Dataset, syntax: UID) -> Frames:
        """Judge from the header whether the frames can be read.

        Raises:
            InputError: The header and the pixels contradict each other, or they are compressed in an unknown way.
        """
        layout = Layout.of(dataset)
        element = dataset[layout.keyword]
        source = bytes(element.value or b"")
        # Some archives unpack the pixels and forget to say so.
        native = len(source) in {layout.native_bytes, layout.native_bytes + 1} and not element.is_undefined_length
        if syntax.is_private or not syntax.is_transfer_syntax or (syntax.is_compressed and native):
            syntax = UID("1.2.840.10008.1.2.1") if native and layout.keyword == "PixelData" else syntax
        _check_syntax(syntax, layout)
        if syntax.is_compressed:
            _check_fragments(source, layout, syntax)
        elif element.is_undefined_length:
            raise broken("the pixels are compressed, but the file does not say how")
        elif len(source) < layout.native_bytes:
            raise broken(
                "the file is cut off: its pixels are fewer than its header says",
                f"{len(source)} of {layout.native_bytes} bytes",
            )
        return cls(dataset, syntax, layout, source)

    @property
    def count(self) -> int:
        """The number of frames."""
        return self.layout.frames

    def first(self) -> tuple[Pixels, float, int]:
        """The first frame, its mean chroma, and how many of its pixels were no numbers."""
        grey, colour = self._grey(0)
        pixels, mended = finite(grey)
        return pixels, colour, mended

    def read(self, index: int) -> Pixels:
        """Frame ``index``, ``[H, W]``."""
        return finite(self._grey(index)[0])[0]

    def window(self, frame: int) -> tuple[float, float] | None:
        """Darkest and brightest value that the file asks to be shown, of :meth:`read`'s values."""
        given = _window(self.dataset, frame)
        if given is None or self.layout.samples > 1:
            return None
        low, high = given
        if self.layout.inverted:
            ends = self._ends(frame)
            return None if ends is None else (ends - high, ends - low)
        return low, high

    def _grey(self, index: int) -> tuple[Pixels, float]:
        decoded = self._decode(index)
        if decoded.shape[:2] != (self.layout.rows, self.layout.columns):
            raise broken()
        if self.layout.photometric == "PALETTE COLOR":
            decoded = _eight_bits(apply_color_lut(decoded, self.dataset), 16)
        if decoded.ndim == 3:
            colour, grey = chroma_and_grey(Image.fromarray(_eight_bits(decoded[..., :3], self.layout.stored)))
            return grey, colour
        return self._rescaled(decoded, index), 0.0

    def _decode(self, index: int) -> Pixels:
        layout = self.layout
        plugin = "" if not self.syntax.is_compressed else "pydicom" if self.syntax == RLELossless else "gdcm"
        options: dict[str, Any] = {
            "rows": layout.rows,
            "columns": layout.columns,
            "number_of_frames": layout.frames,
            "samples_per_pixel": layout.samples,
            "bits_allocated": layout.allocated,
            "bits_stored": layout.stored,
            "pixel_representation": int(layout.signed),
            "photometric_interpretation": layout.photometric,
            "planar_configuration": layout.planar,
            "pixel_keyword": layout.keyword,
            "pixel_vr": "OB" if layout.allocated <= 8 else "OW",
        }
        if self.syntax == ExplicitVRBigEndian:
            options["pixel_vr"] = self.dataset[layout.keyword].VR
        decoder = get_decoder(self.syntax)
        decoded: Pixels = decoder.as_array(self.source, index=index, decoding_plugin=plugin, **options)[0]
        return decoded

    def _rescaled(self, stored: Pixels, index: int) -> Pixels:
        padding = _padding(stored, self.dataset)
        layer = nearest(self.dataset, "ModalityLUTSequence", index)
        if layer is not None:
            shown: Pixels = standard(apply_modality_lut(stored, layer))
        else:
            shown = _linear(stored, *self._rescale(index), self.layout)
        if self.layout.inverted:
            ends = self._ends(index)
            if ends is None:
                ends = float(shown.min()) + float(shown.max())
            shown = _narrow(ends - shown.astype(np.float64), shown.dtype)
        if padding is not None:
            shown = shown.copy()
            shown[padding] = shown[~padding].min()
        return shown

    def _rescale(self, index: int) -> tuple[float, float]:
        layer = nearest(self.dataset, "RescaleSlope", index)
        slope = number(layer, "RescaleSlope") if layer is not None else None
        intercept = number(layer, "RescaleIntercept") if layer is not None else None
        return slope or 1.0, intercept or 0.0

    def _ends(self, index: int) -> float | None:
        """Sum of the least and greatest value there can be; inverting is subtracting from it."""
        if self.layout.real or nearest(self.dataset, "ModalityLUTSequence", index) is not None:
            return None
        slope, intercept = self._rescale(index)
        low, high = self.layout.range
        return slope * (low + high) + 2 * intercept


def _check_syntax(syntax: UID, layout: Layout) -> None:
    remedy = "Export it uncompressed."
    if not syntax.is_transfer_syntax or syntax.is_private:
        raise InputError("the file names an unknown kind of compression", value="", remedy=remedy)
    if syntax == JPEGExtended12Bit and layout.stored != 8:
        raise InputError("JPEG with 12 bits a pixel cannot be read", value=syntax.name, remedy=remedy)
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise InputError("this kind of compression cannot be read", value=syntax.name, remedy=remedy)
    if syntax.is_compressed and layout.real:
        raise broken("real numbers cannot be compressed in this way", syntax.name)


def _check_fragments(source: bytes, layout: Layout, syntax: UID) -> None:
    fragments = _fragments(source) - 1  # the first holds offsets
    if fragments < layout.frames:
        raise broken("the file has fewer frames than its header says", f"{fragments} of {layout.frames} frames")
    if syntax == RLELossless or (layout.frames > 1 and fragments > layout.frames):
        return
    frame = next(generate_frames(source, number_of_frames=layout.frames))
    # All of the JPEG family end so; a decoder would fill what is missing with grey.
    if b"\xff\xd9" not in frame[-64:]:
        raise broken()


def _fragments(source: bytes) -> int:
    """How many items there are, each of them whole."""
    at, count = 0, 0
    while at + 8 <= len(source) and source[at : at + 4] == _ITEM:
        at += 8 + int.from_bytes(source[at + 4 : at + 8], "little")
        count += 1
    if at > len(source) or (at < len(source) and source[at : at + 4] != _END):
        raise broken()
    return count


def _eight_bits(pixels: Pixels, stored: int) -> npt.NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    stored = 16 if pixels.dtype == np.uint16 and stored > 16 else stored
    scaled: npt.NDArray[np.uint8] = np.rint(
        np.clip(pixels.astype(np.float32) / float(2 ** min(stored, 16) - 1), 0, 1) * 255
    ).astype(np.uint8)
    return scaled


def _padding(stored: Pixels, dataset: Dataset) -> npt.NDArray[np.bool_] | None:
    """Pixels outside the scanned field; None where there are none, or nothing else."""
    low = whole(dataset, "PixelPaddingValue")
    if low is None or stored.dtype.kind not in "iu":
        return None
    limit = whole(dataset, "PixelPaddingRangeLimit")
    low, high = sorted((low, low if limit is None else limit))
    outside: npt.NDArray[np.bool_] = (stored >= low) & (stored <= high)
    return outside if outside.any() and not outside.all() else None


def _linear(stored: Pixels, slope: float, intercept: float, layout: Layout) -> Pixels:
    if (slope, intercept) == (1.0, 0.0):
        return standard(stored)
    with np.errstate(over="ignore"):
        values = stored.astype(np.float64) * slope + intercept
    if slope == 1.0 and intercept.is_integer() and not layout.real:
        low, high = (end + intercept for end in layout.range)
        for kind in (np.uint8, np.uint16, np.int16):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return values.astype(kind)
    return standard(values)


def _narrow(values: Pixels, kind: np.dtype[Any]) -> Pixels:
    if kind.kind in "iu" and values.size and values.min() >= np.iinfo(kind).min and values.max() <= np.iinfo(kind).max:
        return values.astype(kind)
    return standard(values)


def _window(dataset: Dataset, frame: int) -> tuple[float, float] | None:
    layer = nearest(dataset, "WindowCenter", frame)
    if layer is not None:
        centre, width = number(layer, "WindowCenter"), number(layer, "WindowWidth")
        if centre is None or width is None or not 0 < width < 1e9 or abs(centre) > 1e9:
            return None
        if text(layer, "VOILUTFunction").upper() in {"LINEAR_EXACT", "SIGMOID"}:
            return centre - width / 2, centre + width / 2
        return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    for item in items(dataset, "VOILUTSequence")[:1]:
        described = item.get("LUTDescriptor")
        if described is not None and len(described) == 3:
            return float(described[1]), float(described[1]) + (int(described[0]) or 65536) - 1
    return None
