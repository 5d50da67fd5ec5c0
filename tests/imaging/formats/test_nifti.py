from __future__ import annotations

import struct
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest

from tests.imaging.formats.made import Pixels, nifti, packed, volume
from tests.imaging.formats.test_images import opened
from tumortrace.imaging.formats import Stack


def planes(data: bytes) -> dict[str, Stack]:
    return {stack.name: stack for stack in opened(data).stacks}


def test_slices_come_back_as_they_were_and_lie_as_radiologists_show_them() -> None:
    voxels = volume()
    for kind in (nib.Nifti1Image, nib.Nifti2Image):
        for data in (nifti(voxels, kind=kind), packed(nifti(voxels, kind=kind))):
            found = planes(data)
            assert list(found) == ["axial", "coronal", "sagittal"]
            assert [stack.count for stack in found.values()] == [28, 24, 20]
            # Rows from anterior or superior, columns from the patient's right or from anterior.
            assert np.array_equal(found["axial"].pixels(5), voxels[::-1, ::-1, 5].T)
            assert np.array_equal(found["coronal"].pixels(6), voxels[::-1, 6, ::-1].T)
            assert np.array_equal(found["sagittal"].pixels(7), voxels[7, ::-1, ::-1].T)
            assert found["axial"].pixels(5).dtype == np.int16
            assert found["axial"].label(4) == "axial 5 of 28"


ORIENTATIONS = [
    (order, signs) for order, signs in product(permutations(range(3)), product((1, -1), repeat=3))
]  # fmt: skip


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS[::3])
def test_a_blob_is_found_at_its_place_however_the_voxels_lie(order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    shape, sizes, blob = (20, 24, 28), np.array([1.0, 2.0, 5.0]), (3, 17, 21)
    ras = np.zeros(shape, np.float32)
    ras[blob] = 1000
    ras[0, 0, 0] = 1
    affine = np.diag([*sizes, 1.0])
    stored = ras
    for axis, sign in enumerate(signs):
        if sign < 0:
            stored = np.flip(stored, axis)
            affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
            affine[:3, axis] *= -1
    affine = np.column_stack([affine[:, list(order)], affine[:, 3]])
    check_blob(nifti(np.ascontiguousarray(stored.transpose(order)), affine), shape, blob, sizes)


def check_blob(data: bytes, shape: tuple[int, ...], blob: tuple[int, ...], sizes: Pixels) -> None:
    x, y, z = blob
    rows = {"axial": (z, shape[1] - 1 - y, shape[0] - 1 - x), "coronal": (y, shape[2] - 1 - z, shape[0] - 1 - x)}
    rows |= {"sagittal": (x, shape[2] - 1 - z, shape[1] - 1 - y)}
    spacings = {"axial": (sizes[1], sizes[0]), "coronal": (sizes[2], sizes[0]), "sagittal": (sizes[2], sizes[1])}
    for name, stack in planes(data).items():
        index, row, column = rows[name]
        pixels = stack.pixels(index)
        assert np.unravel_index(pixels.argmax(), pixels.shape) == (row, column), name
        assert stack.spacing(index) == pytest.approx(spacings[name], rel=1e-4)


def test_an_oblique_volume_is_turned_to_the_closest_axes() -> None:
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    sizes = np.array([1.0, 2.0, 5.0])
    ras = np.zeros((20, 24, 28), np.float32)
    ras[3, 17, 21], ras[0, 0, 0] = 1000, 1
    affine = np.eye(4)
    affine[:3, :3] = turn * sizes
    data = nifti(ras, affine)
    check_blob(data, ras.shape, (3, 17, 21), sizes)
    assert opened(data).facts["orientation"].startswith("oblique")


def test_of_several_volumes_the_first_is_read() -> None:
    voxels = volume((20, 20, 20, 3))
    for data in (nifti(voxels), packed(nifti(voxels))):
        found = opened(data)
        assert found.facts["volumes"] == "3; the first is read"
        assert np.array_equal(found.stacks[0].pixels(4), voxels[::-1, ::-1, 4, 0].T)


def test_the_scale_is_applied() -> None:
    data = bytearray(nifti())
    data[112:120] = struct.pack("<2f", 0.5, -20)
    read = opened(bytes(data)).stacks[0].pixels(3)
    assert read.dtype == np.float32
    assert np.allclose(read, volume()[::-1, ::-1, 3].T * 0.5 - 20)


def test_big_endian_files_and_every_type_of_voxel_are_read() -> None:
    for kind in (np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32, np.float32, np.float64):
        voxels = (volume() % 100).astype(kind)
        assert np.array_equal(opened(nifti(voxels)).stacks[0].pixels(3), voxels[::-1, ::-1, 3].T)
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(np.int16)
    image = nib.Nifti1Image(volume(), np.eye(4), header=header)
    assert np.array_equal(opened(bytes(image.to_bytes())).stacks[0].pixels(3), volume()[::-1, ::-1, 3].T)


def test_the_few_voxels_that_are_not_numbers_become_the_darkest() -> None:
    voxels = volume().astype(np.float32)
    voxels[:3], voxels[5, 5, 5] = np.nan, np.inf
    found = opened(nifti(voxels))
    assert found.facts["values"].startswith(f"{3 * 24 * 28 + 1} pixels")
    sagittal = found.stacks[2]
    assert (sagittal.pixels(1) == np.nanmin(voxels)).all()
    assert np.isfinite(sagittal.pixels(5)).all()


def test_a_plane_of_a_few_rows_is_no_stack() -> None:
    assert list(planes(nifti(volume((40, 40, 5))))) == ["axial"]


def test_the_free_text_of_the_header_is_named_but_not_told() -> None:
    image = nib.Nifti1Image(volume(), np.eye(4))
    image.header["descrip"], image.header["db_name"], image.header["aux_file"] = b"Canary", b"Canary", b"Canary"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Canary"))
    found = opened(bytes(image.to_bytes()))
    assert set(found.dropped) == {"descrip", "db_name", "aux_file", "header extensions"}
    assert "Canary" not in repr(found)


def test_a_volume_of_the_usual_size_is_opened_in_time() -> None:
    voxels = volume((256, 256, 180))
    sagittal = planes(nifti(voxels))["sagittal"]
    assert np.array_equal(sagittal.pixels(90), voxels[90, ::-1, ::-1].T)
