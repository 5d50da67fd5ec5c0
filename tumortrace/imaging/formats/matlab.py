"""The ``.mat`` slices of the figshare dataset: MATLAB 7.3 (which is HDF5) and MATLAB 5. Runs in a reader process."""

from __future__ import annotations

import io
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt
from scipy.io import loadmat

from tumortrace.errors import InputError
from tumortrace.imaging.formats.document import Document, Sheaf
from tumortrace.imaging.formats.limits import MAT_SIDE
from tumortrace.imaging.formats.opened import Header
from tumortrace.imaging.formats.values import bits, broken, check_size, finite, is_flat, mended_fact, standard

GROUP: Final = "cjdata"
_LEFT: Final = ("PID", "label", "tumorBorder", "tumorMask")
_FILTERS: Final = {1, 2, 3}
"""deflate, shuffle, fletcher32: the ones MATLAB writes. Others are never asked for."""
_REMEDY: Final = f"Give a slice of the figshare dataset, which has a group {GROUP} with an image."


def open_hdf5(data: bytes) -> Document:
    """Open a MATLAB 7.3 slice.

    Raises:
        InputError: No group cjdata, or an image that is not a plain two-dimensional array kept in this very file.
    """
    with h5py.File(io.BytesIO(data), "r") as file:
        group = _own(file, GROUP)
        if not isinstance(group, h5py.Group):
            raise InputError(f"this HDF5 file has no group {GROUP}", value=", ".join(_known(file)), remedy=_REMEDY)
        stored = _own(group, "image")
        if not isinstance(stored, h5py.Dataset):
            raise InputError(f"the group {GROUP} has no image", value=", ".join(_known(group)), remedy=_REMEDY)
        _check(stored.shape, stored.dtype)
        _check_storage(stored)
        # MATLAB writes columns first.
        image = np.asarray(stored[()]).T
        return _document(image, set(_LEFT) & set(group.keys()), "7.3")


def _own(parent: Any, name: str) -> Any:
    """A member that lies in this file; a link into another file is never followed."""
    link = parent.get(name, getlink=True)
    return parent[name] if isinstance(link, h5py.HardLink) else None


def _known(group: Any) -> list[str]:
    """Names among those of the published files; others are free text and stay untold."""
    # Asking "in" would follow links into other files.
    found = set(group.keys())
    return [name for name in ("cvind", "image", *_LEFT) if name in found]


def _check_storage(stored: Any) -> None:
    plan = stored.id.get_create_plist()
    filters = {plan.get_filter(index)[0] for index in range(plan.get_nfilters())}
    # External storage and virtual datasets would read files of this machine.
    # A packed array is never much larger than a plain one; what is, swells when it is unpacked.
    swells = stored.id.get_storage_size() > 2 * stored.nbytes + 65536
    if plan.get_external_count() or stored.is_virtual or filters - _FILTERS or swells:
        raise InputError("the image lies outside this file or is packed in an uncommon way", value="", remedy=_REMEDY)


def open_matlab5(data: bytes) -> Document:
    """Open a slice that MATLAB 5 to 7 wrote.

    Raises:
        InputError: No struct cjdata, or no plain two-dimensional image in it.
    """
    found = loadmat(io.BytesIO(data), variable_names=[GROUP], verify_compressed_data_integrity=True).get(GROUP)
    if not isinstance(found, np.ndarray) or not found.dtype.names or found.size != 1:
        raise InputError(f"this MATLAB file has no struct {GROUP}", value="", remedy=_REMEDY)
    slice_ = found.flat[0]
    if "image" not in found.dtype.names or not isinstance(slice_["image"], np.ndarray):
        raise InputError(f"the struct {GROUP} has no image", value="", remedy=_REMEDY)
    _check(slice_["image"].shape, slice_["image"].dtype)
    return _document(slice_["image"], set(_LEFT) & set(found.dtype.names), "5")


def _check(shape: tuple[int, ...] | None, dtype: np.dtype[Any]) -> None:
    # Judged before it is read: a header may claim any size.
    if shape is None or len(shape) != 2 or dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise broken("the image is no plain two-dimensional array", f"{dtype.name} {shape}")
    if max(shape) > MAT_SIDE:
        raise InputError(
            f"the image has more than {MAT_SIDE} rows or columns", value=f"{shape[0]} x {shape[1]}", remedy=_REMEDY
        )
    check_size(*shape)


def _document(image: npt.NDArray[Any], left: set[str], version: str) -> Document:
    pixels, mended = finite(standard(image))
    facts = {"size": f"{pixels.shape[1]} x {pixels.shape[0]}", "bits": bits(pixels), "MATLAB": version}
    return Document(
        format="figshare .mat",
        sheaves=(Sheaf(1, lambda _: pixels),),
        facts=facts | mended_fact(mended),
        dropped=tuple(sorted(left)),
        header=Header(),
        flat=is_flat(pixels),
        weight=pixels.nbytes,
    )
