"""NIfTI volumes, cut into slices of three planes. Runs in a reader process.

The voxels are turned to the closest of the axes right, anterior, superior (nibabel's ``as_closest_canonical``) and
shown as radiologists do: superior or anterior is up, the patient's right is on the left of axial and coronal slices,
and anterior is on the left of sagittal ones. Index 0 is the most inferior axial, the most posterior coronal and the
leftmost sagittal slice.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import nibabel as nib
import numpy as np
import numpy.typing as npt

from tumortrace.errors import InputError
from tumortrace.imaging.formats.document import Document, Sheaf
from tumortrace.imaging.formats.limits import FILE_BYTES, MEGAPIXELS, PIXELS, SIDE, SLICES
from tumortrace.imaging.formats.opened import Header, Spacing
from tumortrace.imaging.formats.values import broken, check_share, mended_fact, no_numbers, standard

_nib: Any = nib  # only partly typed
_SPARE: Final = 2**20
"""Bytes after the voxels that are forgiven."""
_TEXTS: Final = ("descrip", "db_name", "aux_file", "intent_name")


def open_nifti(data: bytes) -> Document:
    """Open a ``.nii`` or ``.nii.gz``; of several volumes the first.

    Raises:
        InputError: Broken, cut off, too large, of complex or colour voxels, or half of them are not numbers.
    """
    packed = data[:2] == b"\x1f\x8b"
    header = _header(_unpack(data, 4096, whole=False) if packed else data[:4096])
    shape, volumes = _shape(header)
    dtype = header.get_data_dtype()
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise InputError(
            "the voxels are complex numbers or colours", value=dtype.name, remedy="Give a volume of grey values."
        )
    start, size = int(header["vox_offset"]), int(np.prod(shape)) * dtype.itemsize
    if start < int(header["sizeof_hdr"]) or start > 2**24:
        raise broken()
    end = start + size
    raw = _unpack(data, end, whole=volumes == 1) if packed else data
    if len(raw) < end:
        raise broken()
    volume = Volume.of(header, np.frombuffer(raw, dtype, int(np.prod(shape)), start).reshape(shape, order="F"))
    return _document(
        header, volume, volumes, dtype, bytes(raw[int(header["sizeof_hdr"]) : int(header["sizeof_hdr"]) + 4]), len(raw)
    )


def _header(start: bytes | bytearray) -> Any:
    kind = _nib.Nifti2Header if start[4:8] == b"n+2\x00" else _nib.Nifti1Header
    return kind.from_fileobj(io.BytesIO(start), check=False)


def _shape(header: Any) -> tuple[tuple[int, int, int], int]:
    dims = [int(each) for each in header["dim"]]
    sides = dims[1 : dims[0] + 1] if 1 <= dims[0] <= 7 else []
    if len(sides) < 2 or min(sides) < 1:
        raise broken("the header gives no size", tuple(sides))
    shown = " x ".join(map(str, sides))
    x, y, z = (*sides[:3], 1)[:3]
    size = x * y * z * header.get_data_dtype().itemsize
    if size > FILE_BYTES or max(x, y, z) > SLICES or max(x * y, x * z, y * z) > PIXELS:
        raise InputError(
            f"the volume is larger than {SLICES} slices, {MEGAPIXELS} megapixels a slice "
            f"or {FILE_BYTES // 2**20} MB",
            value=shown,
            remedy="Crop or reduce it and try again.",
        )  # fmt: skip
    if sum(side >= SIDE for side in (x, y, z)) < 2:
        raise InputError(f"the slices have fewer than {SIDE} rows or columns", value=shown, remedy="Give whole slices.")
    return (x, y, z), int(np.prod(sides[3:], dtype=object)) if len(sides) > 3 else 1


def _unpack(data: bytes, needed: int, whole: bool) -> bytes | bytearray:
    """Inflate ``needed`` bytes; ``whole``: to the end, with its checksum, which must not be far behind."""
    out, rest = bytearray(), data
    while rest and len(out) < needed + _SPARE:
        stream = zlib.decompressobj(31)
        try:
            out += stream.decompress(rest, (needed + _SPARE if whole else needed) - len(out))
        except zlib.error as error:
            raise broken() from error
        if not stream.eof:
            if whole and len(out) >= needed + _SPARE:
                raise InputError(
                    "the file unpacks to far more than its header says", value=needed, remedy="Export it again."
                )
            if whole:
                raise broken()
            break
        rest = stream.unused_data.lstrip(b"\x00")
        if rest[:2] != b"\x1f\x8b":
            break
    return out


@dataclass(frozen=True)
class Volume:
    """Voxels ``[right, anterior, superior]`` as they are stored, and how to make grey values of them."""

    voxels: npt.NDArray[Any]
    sizes: tuple[float, float, float]
    scale: tuple[float, float] | None
    wrong: int
    darkest: float
    flat: bool
    oriented: bool
    oblique: bool

    @classmethod
    def of(cls, header: Any, stored: npt.NDArray[Any]) -> Volume:
        """Turn the voxels and count those that are no numbers."""
        affine, oriented = _affine(header)
        axes = _nib.io_orientation(affine)
        turned = _nib.apply_orientation(stored, axes)
        spans = np.linalg.norm(affine[:3, :3], axis=0)
        oblique = bool((np.abs(affine[:3, :3] / spans).max(axis=0) < 0.999).any())
        x, y, z = (float(spans[at]) for at in np.argsort(axes[:, 0]))
        wrong, low, high = _range(turned)
        check_share(wrong, stored.size)
        scale = _scale(header)
        if scale is not None:
            low, high = sorted((low * scale[0] + scale[1], high * scale[0] + scale[1]))
        return cls(turned, (x, y, z), scale, wrong, low, low == high, oriented, oblique)

    def slice(self, axis: int, index: int) -> npt.NDArray[Any]:
        """Rows from superior (or anterior) down, columns from the patient's right (or anterior)."""
        plane = np.flip(_plane(self.voxels, axis, index)).T
        if self.scale is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                plane = plane.astype(np.float64) * self.scale[0] + self.scale[1]
        wrong = no_numbers(plane)
        if wrong is not None and wrong.any():
            plane = np.where(wrong, self.darkest, plane)
        return standard(plane)

    def spacing(self, axis: int) -> Spacing:
        """Mm between rows and columns of a plane."""
        x, y, z = self.sizes
        return ((z, y), (z, x), (y, x))[axis]


def _plane(voxels: npt.NDArray[Any], axis: int, index: int) -> npt.NDArray[Any]:
    # A view; np.take would copy the whole volume first where its axes were turned.
    view: npt.NDArray[Any] = np.moveaxis(voxels, axis, 0)[index]
    return view


def _affine(header: Any) -> tuple[npt.NDArray[Any], bool]:
    affine = np.asarray(header.get_best_affine(), dtype=float)
    known = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    usable = np.isfinite(affine).all() and (sizes > 1e-6).all() and (sizes < 1e6).all()
    # A matrix that lays two axes onto each other gives no directions.
    if usable and abs(np.linalg.det(affine[:3, :3] / sizes)) > 1e-3:
        return affine, known
    return np.eye(4), False


def _scale(header: Any) -> tuple[float, float] | None:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not np.isfinite(slope):
        return None
    intercept = intercept if np.isfinite(intercept) else 0.0
    return None if (slope, intercept) == (1.0, 0.0) else (slope, intercept)


def _range(voxels: npt.NDArray[Any]) -> tuple[int, float, float]:
    """How many voxels are no numbers, and the least and greatest of the others; slice by slice, for memory's sake."""
    wrong, low, high = 0, np.inf, -np.inf
    longest = int(np.argmax(np.abs(voxels.strides)))
    for index in range(voxels.shape[longest]):
        plane = _plane(voxels, longest, index)
        off = no_numbers(plane)
        if off is not None and off.any():
            wrong += int(off.sum())
            plane = plane[~off]
        if plane.size:
            low, high = min(low, float(plane.min())), max(high, float(plane.max()))
    return wrong, low, high


def _document(header: Any, volume: Volume, volumes: int, dtype: Any, extension: bytes, weight: int) -> Document:
    shape = volume.voxels.shape
    facts = {
        "size": " x ".join(map(str, shape)),
        "bits": f"{dtype.itemsize * 8}{' (real numbers)' if dtype.kind == 'f' else ''}",
        "voxel": " x ".join(f"{size:.3g}" for size in volume.sizes) + " mm",
        "orientation": _orientation(volume),
        "shown": "as radiologists do: the patient's right is on the left",
    }
    if volumes > 1:
        facts["volumes"] = f"{volumes}; the first is read"
    dropped = [name for name in _TEXTS if name in header and bytes(header[name]).strip(b"\x00 ")]
    if extension[:1] not in {b"", b"\x00"}:
        dropped.append("header extensions")

    def plane(axis: int) -> Callable[[int], npt.NDArray[Any]]:
        return lambda index: volume.slice(axis, index)

    sheaves = tuple(
        Sheaf(shape[axis], plane(axis), name=name, unit=name, spacing=volume.spacing(axis))
        for axis, name in ((2, "axial"), (1, "coronal"), (0, "sagittal"))
        # A plane of a few rows is no picture of a head.
        if min(side for at, side in enumerate(shape) if at != axis) >= SIDE
    )
    return Document(
        format="NIfTI",
        sheaves=sheaves,
        facts=facts | mended_fact(volume.wrong),
        dropped=tuple(dropped),
        header=Header(spacing=sheaves[0].spacing),
        flat=volume.flat,
        weight=weight,
    )


def _orientation(volume: Volume) -> str:
    if not volume.oriented:
        return "not said; taken as right, anterior, superior"
    return "oblique; turned to the closest axes" if volume.oblique else "along the body's axes"
