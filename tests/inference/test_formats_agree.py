"""One slice, five formats, one answer: on real slices with the models that ship."""

from __future__ import annotations

import io
import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

from tumortrace import paths
from tumortrace.inference.api import classify
from tumortrace.inference.predictor import Predictor

SOURCE = Path(os.environ.get("TUMORTRACE_TEST_DATA", "") or "/nowhere")
SLICES = 50
APART = 0.02

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not SOURCE.is_dir(), reason="the real dataset is not here; TUMORTRACE_TEST_DATA says where"),
]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """What ships with this copy, wherever other tests point."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORTRACE_ARTIFACTS", str(paths.root() / "artifacts"))
        return Predictor.shipped()


def picture(pixels: np.ndarray, kind: str, **options: int) -> bytes:
    raw = io.BytesIO()
    Image.fromarray(pixels).save(raw, kind, **options)
    return raw.getvalue()


def dicom(pixels: np.ndarray, modality: str = "MR") -> bytes:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = MRImageStorage if modality == "MR" else CTImageStorage
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data.Modality, data.Rows, data.Columns = modality, *pixels.shape
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 15, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.RescaleSlope, data.RescaleIntercept = 2, -100
    data.PixelData = (pixels.astype(np.uint16) * 16).tobytes()
    raw = io.BytesIO()
    data.save_as(raw, enforce_file_format=True)
    return raw.getvalue()


def matlab(pixels: np.ndarray) -> bytes:
    raw = io.BytesIO()
    with h5py.File(raw, "w", userblock_size=512) as file:
        group = file.create_group("cjdata")
        group["image"] = (pixels.astype(np.int16) * 10).T
        group["label"] = np.array([[1.0]])
        group["PID"] = np.array([[ord(one)] for one in "100360"], np.uint16)
        group["tumorBorder"] = np.zeros((1, 4))
        group["tumorMask"] = np.zeros(pixels.shape, np.uint8).T
    return raw.getvalue()


def test_fifty_real_slices_get_one_answer_in_every_format(predictor: Predictor) -> None:
    table = pd.read_csv(SOURCE / "slices.csv")
    apart: dict[str, float] = {}
    for slice_id in table["slice_id"].iloc[:: len(table) // SLICES][:SLICES]:
        pixels = np.asarray(Image.open(SOURCE / "images" / f"{slice_id}.jpg").convert("L"))
        files = {
            "png": picture(pixels, "PNG"), "jpeg": picture(pixels, "JPEG", quality=95), "tiff": picture(pixels, "TIFF"),
            "dicom": dicom(pixels), "mat": matlab(pixels),
        }  # fmt: skip
        predictions = dict(zip(files, classify(list(files.values()), predictor), strict=True))
        for name, prediction in predictions.items():
            assert prediction.error is None, (slice_id, name, prediction.error)
            for model, shares in prediction.probabilities.items():
                gap = float(np.abs(shares - predictions["png"].probabilities[model]).max())
                apart[name] = max(apart.get(name, 0.0), gap)
                assert gap < APART, (slice_id, name, model, gap)
    print({name: round(gap, 5) for name, gap in apart.items()})


def test_a_file_that_says_it_is_ct_and_a_series_without_a_tumour_are_turned_away(predictor: Predictor) -> None:
    if predictor.detector is None:
        pytest.skip("no gate ships with this copy")
    pixels = np.asarray(Image.open(SOURCE / "images" / "1.jpg").convert("L"))
    (prediction,) = classify(dicom(pixels, "CT"), predictor)
    assert prediction.gate is not None
    assert prediction.gate.verdict == "not_mr"
    folder = SOURCE.parent / "dicom"
    if folder.is_dir():
        files = [path.read_bytes() for path in sorted(folder.glob("*.dcm"))]
        assert not any(one.gate.open for one in classify(files, predictor) if one.gate)
