"""Files of every kind, made in memory."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

import h5py
import nibabel as nib
import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

Pixels = npt.NDArray[Any]


def head(height: int = 48, width: int = 64, seed: int = 0) -> npt.NDArray[np.uint8]:
    """A bright, noisy ellipse on black: nothing in it is flat, and no two places are alike."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    inside = (x**2 + y**2 < 0.8) * (120 + 60 * x - 40 * y)
    noise = np.random.default_rng(seed).integers(0, 30, (height, width))
    return (inside + noise).astype(np.uint8)


HEAD = head()


def picture(image: Image.Image | Pixels | None = None, kind: str = "PNG", **options: Any) -> bytes:
    """A picture that Pillow writes."""
    image = HEAD if image is None else image
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def dicom(pixels: Pixels | None = None, syntax: str = ExplicitVRLittleEndian, **elements: Any) -> bytes:
    """A DICOM file of ``[H, W]``, ``[H, W, 3]`` or, with NumberOfFrames, ``[F, H, W]``; None drops an element."""
    return written(dataset(pixels, syntax, **elements))


def dataset(pixels: Pixels | None = None, syntax: str = ExplicitVRLittleEndian, **elements: Any) -> Dataset:
    """The same before it is written."""
    pixels = HEAD.astype(np.uint16) * 9 if pixels is None else pixels
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.4")
    made.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    made.SOPClassUID, made.SOPInstanceUID = UID("1.2.840.10008.5.1.4.1.1.4"), UID("1.2.3.4")
    made.Modality = "MR"
    colour = pixels.ndim == 3 and "NumberOfFrames" not in elements
    made.Rows, made.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    made.SamplesPerPixel, made.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    if colour:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = pixels.dtype.itemsize * 8
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    raw = pixels.astype(pixels.dtype.newbyteorder(">")) if UID(syntax) == "1.2.840.10008.1.2.2" else pixels
    data = raw.tobytes()
    made.PixelData = data + b"\x00" * (len(data) % 2)
    made["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    for keyword, value in elements.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def written(made: Dataset, *, preamble: bool = True) -> bytes:
    """A dataset as a file."""
    buffer = io.BytesIO()
    syntax = made.file_meta.TransferSyntaxUID
    known = syntax.is_transfer_syntax
    made.preamble = bytes(128) if preamble else None
    pydicom.dcmwrite(
        buffer,
        made,
        enforce_file_format=False,
        implicit_vr=known and syntax.is_implicit_VR,
        little_endian=not known or syntax.is_little_endian,
    )
    return buffer.getvalue()


def sliced(position: float, series: str = "1.2.3", **elements: Any) -> bytes:
    """An axial DICOM slice of a series at ``position`` mm."""
    return dicom(
        head(seed=int(position) + 100).astype(np.uint16),
        SeriesInstanceUID=UID(series),
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        ImagePositionPatient=[0, 0, position],
        PixelSpacing=[0.5, 0.6],
        **elements,
    )


def nifti(voxels: Pixels | None = None, affine: Pixels | None = None, kind: Any = nib.Nifti1Image) -> bytes:
    """A ``.nii`` of ``[x, y, z]``."""
    voxels = volume() if voxels is None else voxels
    made = kind(voxels, np.eye(4) if affine is None else affine)
    return bytes(made.to_bytes())


def volume(shape: tuple[int, ...] = (20, 24, 28)) -> npt.NDArray[np.int16]:
    """Voxels that differ from each other."""
    return np.random.default_rng(1).integers(0, 900, shape).astype(np.int16)


def packed(data: bytes) -> bytes:
    """As gzip."""
    stream = zlib.compressobj(6, zlib.DEFLATED, 31)
    return stream.compress(data) + stream.flush()


def mat(image: Pixels | None = None, **members: Any) -> bytes:
    """A slice as figshare publishes it."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=512) as file:
        group = file.create_group("cjdata")
        group["image"] = (HEAD.astype(np.int16) * 9 if image is None else image).T
        group["label"] = np.array([[2.0]])
        group["PID"] = np.array([[ord(letter)] for letter in "100360"], dtype=np.uint16)
        for name, value in members.items():
            group[name] = value
    data = bytearray(buffer.getvalue())
    data[:19] = b"MATLAB 7.3 MAT-file"
    return bytes(data)


def hdf5(build: Any) -> bytes:
    """An HDF5 file that ``build(file)`` fills."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        build(file)
    return buffer.getvalue()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def bloated(megabytes: int) -> bytes:
    """A raw deflate stream of that many megabytes of zeros, made at once: flushed blocks may be repeated."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = stream.compress(bytes(2**24)) + stream.flush(zlib.Z_FULL_FLUSH)
    return block * (megabytes // 16) + zlib.compressobj(9, zlib.DEFLATED, -15).flush()


def chunk(name: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_with(extra: bytes = b"", width: int = 0, height: int = 0) -> bytes:
    """HEAD as PNG, with chunks after its header, or another size claimed in it."""
    data = picture()
    claimed = struct.pack(">II", width or HEAD.shape[1], height or HEAD.shape[0]) + data[24:29]
    return data[:8] + chunk(b"IHDR", claimed) + extra + data[33:]


def zip_of_claims(*entries: tuple[str, int, bytes], shared: bool = False) -> bytes:
    """A zip written by hand: name, claimed size, deflated data; ``shared``: all entries mean the first one's data."""
    body, directory, first = b"", b"", 0
    for name, size, data in entries:
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, 0, len(data), size, len(name), 0)
        offset = first if shared and body else len(body)
        if not (shared and body):
            body += b"PK\x03\x04" + fields + name.encode() + data
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields
        directory += struct.pack("<HHHII", 0, 0, 0, 0, offset) + name.encode()
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end
