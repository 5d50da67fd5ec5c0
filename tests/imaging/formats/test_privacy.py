"""What could tell who a picture shows is named, never told."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pydicom.config
import pytest
from pydicom.datadict import DicomDictionary, dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.imaging.formats.made import HEAD, dataset, written, zipped
from tumortrace.errors import InputError
from tumortrace.imaging.formats import Opened, Refused, open_files

CANARY = "Canary77"
TEXTS = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
NEEDED = frozenset(
    {"PhotometricInterpretation", "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID"}
)


@pytest.fixture(autouse=True)
def _any_value_may_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydicom.config.settings, "writing_validation_mode", pydicom.config.IGNORE)
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.IGNORE)


def planted() -> Dataset:
    """A slice with the canary in every element of text of the dictionary, in a sequence and in private ones."""
    made = dataset(HEAD.astype(np.uint16))
    inner = Dataset()
    for tag in DicomDictionary:
        keyword = keyword_for_tag(tag)
        group = tag >> 16
        # Groups below 8 are not of the dataset; 0028 describes the pixels.
        if group < 0x0008 or group in {0x0028, 0x5400} or keyword in NEEDED or dictionary_VR(tag) not in TEXTS:
            continue
        made.add(DataElement(tag, dictionary_VR(tag), CANARY))
    for keyword in ("PatientName", "ReferencedSOPInstanceUID", "InstitutionName"):
        inner.add(DataElement(tag_for_keyword(keyword) or 0, dictionary_VR(keyword), CANARY))
    made.ReferencedImageSequence = Sequence([inner])
    made.SeriesInstanceUID = f"1.2.{CANARY}"
    block = made.private_block(0x0011, CANARY, create=True)
    block.add_new(1, "LO", CANARY)
    return made


def everything(results: list[Opened | Refused]) -> Iterator[str]:
    for result in results:
        yield repr(result)
        if isinstance(result, Refused):
            yield from (str(result.error), repr(result.error.__dict__), repr(result.error.__cause__))
            continue
        for stack in result.stacks:
            yield repr([stack.label(index) for index in range(stack.count)])
            for index in range(stack.count):
                try:
                    stack.pixels(index)
                except InputError as error:
                    yield str(error)


def test_no_identifying_element_is_told() -> None:
    good, torn, wrong = planted(), planted(), planted()
    torn.PixelData = torn.PixelData[:50]
    wrong.NumberOfFrames = 7
    files = [("good.dcm", written(good)), ("torn.dcm", written(torn)), ("wrong.dcm", written(wrong))]
    second = planted()
    second.InstanceNumber = 5
    for results in (open_files(files), open_files([files[0], ("second.dcm", written(second))]),
                    open_files([("all.zip", zipped(*files))])):  # fmt: skip
        assert isinstance(results[0], Opened)
        for text in everything(results):
            assert CANARY.lower() not in text.lower()
            assert "1.2.Can" not in text


def test_every_identifying_element_is_named() -> None:
    (found,) = open_files([("good.dcm", written(planted()))])
    assert isinstance(found, Opened)
    wanted = {"PatientName", "PatientID", "PatientBirthDate", "StudyDate", "InstitutionName", "ReferringPhysicianName",
              "AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID", "SeriesDescription", "ImageComments",
              "ReferencedSOPInstanceUID"}  # fmt: skip
    assert wanted <= set(found.dropped)
    assert any(name.endswith("private elements") for name in found.dropped)
    assert not {"Modality", "ScanningSequence", "SOPClassUID"} & set(found.dropped)
