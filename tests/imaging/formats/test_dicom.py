from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID

from tests.imaging.bad_files import JPEG, deflated
from tests.imaging.formats.made import HEAD, dataset, dicom, head, picture, sliced, written
from tests.imaging.formats.test_images import opened, pixels
from tumortrace.errors import InputError
from tumortrace.imaging.formats import Opened, open_files

WIDE = HEAD.astype(np.uint16) * 9
SIGNED = WIDE.astype(np.int16) - 900
SYNTAXES = {"implicit": "1.2.840.10008.1.2", "explicit": "1.2.840.10008.1.2.1", "big endian": "1.2.840.10008.1.2.2"}


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
def test_uncompressed_pixels_come_back_as_they_were(syntax: str) -> None:
    for stored in (HEAD, WIDE, SIGNED):
        read = pixels(dicom(stored, syntax))
        assert read.dtype == stored.dtype
        assert np.array_equal(read, stored)


@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.10008.1.2.5",  # RLE
        "1.2.840.10008.1.2.4.57",  # JPEG lossless
        "1.2.840.10008.1.2.4.70",  # JPEG lossless, first order
        "1.2.840.10008.1.2.4.80",  # JPEG-LS
        "1.2.840.10008.1.2.4.90",  # JPEG 2000
    ],
)
def test_losslessly_compressed_pixels_come_back_as_they_were(syntax: str, tmp_path: Path) -> None:
    for stored in (HEAD, WIDE):
        data = compressed(dataset(stored), syntax, tmp_path)
        assert pydicom.dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID == syntax
        read = pixels(data)
        assert np.array_equal(read, stored)


def compressed(made: Dataset, syntax: str, folder: Path) -> bytes:
    """Encoded by pydicom where it can, else by GDCM, which works on files."""
    if syntax == "1.2.840.10008.1.2.5":
        made.compress(UID(syntax), generate_instance_uid=False)
        return written(made)
    import gdcm

    plain, packed = folder / "plain.dcm", folder / "packed.dcm"
    plain.write_bytes(written(made))
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(packed))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return packed.read_bytes()


def test_jpeg_frames_are_decoded_one_by_one() -> None:
    frames = [head(seed=at) for at in range(4)]
    jpegs = [picture(each, "JPEG", quality=95) for each in frames]
    data = dicom(np.stack(frames), JPEG, NumberOfFrames=4, PixelData=encapsulate(jpegs))
    (stack,) = opened(data).stacks
    assert stack.count == 4
    assert stack.label(3) == "frame 4 of 4"
    for at in (3, 1):
        assert np.abs(stack.pixels(at).astype(int) - frames[at]).mean() < 4


def test_a_broken_frame_fails_only_when_asked_for() -> None:
    good = picture(HEAD, "JPEG")
    data = dicom(HEAD[None].repeat(2, 0), JPEG, NumberOfFrames=2, PixelData=encapsulate([good, b"\x00" * 200]))
    (stack,) = opened(data).stacks
    stack.pixels(0)
    with pytest.raises(InputError, match="file"):
        stack.pixels(1)


def test_deflated_files_are_inflated() -> None:
    import zlib

    whole = dicom(WIDE)
    at = whole.index(b"\x08\x00\x16\x00")
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = deflated(whole[:at], packed.compress(whole[at:]) + packed.flush())
    assert np.array_equal(pixels(data), WIDE)


def test_monochrome1_is_turned_so_that_bright_is_high() -> None:
    dark = dicom(4095 - WIDE, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11)
    assert np.array_equal(pixels(dark), WIDE)
    window = opened(
        dicom(4095 - WIDE, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11,
              WindowCenter=4000.5, WindowWidth=101)
    ).stacks[0].window  # fmt: skip
    assert window == (45, 145)


def test_colour_and_palettes_become_grey_and_their_chroma_is_measured() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    found = opened(dicom(rgb))
    assert np.array_equal(found.stacks[0].pixels(0), np.asarray(Image.fromarray(rgb).convert("L")))
    assert found.colour == pytest.approx(float((rgb.max(2).astype(int) - rgb.min(2)).mean() / 255))
    planes = dicom(rgb, PixelData=rgb.transpose(2, 0, 1).tobytes(), PlanarConfiguration=1)
    assert np.array_equal(pixels(planes), found.stacks[0].pixels(0))
    ramp = (np.arange(256, dtype=np.uint16) * 257).tobytes()
    palette = {f"{each}PaletteColorLookupTableDescriptor": [256, 0, 16] for each in ("Red", "Green", "Blue")}
    data = {f"{each}PaletteColorLookupTableData": ramp for each in ("Red", "Green", "Blue")}
    found = opened(dicom(HEAD, PhotometricInterpretation="PALETTE COLOR", **palette, **data))
    assert np.array_equal(found.stacks[0].pixels(0), HEAD)
    assert found.colour == 0


def test_rescale_is_applied_and_the_window_is_not() -> None:
    read = pixels(dicom(WIDE, RescaleSlope=2.5, RescaleIntercept=-10))
    assert read.dtype == np.float32
    assert np.allclose(read, WIDE * 2.5 - 10)
    windows = {"LINEAR": (49.5, 149.5), "LINEAR_EXACT": (49.5, 150.5), "SIGMOID": (49.5, 150.5)}
    for function, ends in windows.items():
        found = opened(dicom(WIDE, WindowCenter=[100, 7], WindowWidth=[101, 9], VOILUTFunction=function))
        assert found.stacks[0].window == pytest.approx(ends)
        assert np.array_equal(found.stacks[0].pixels(0), WIDE)
        assert "not applied" in found.facts["window"]
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [256, 100, 8], list(range(256))
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    assert opened(dicom(WIDE, VOILUTSequence=Sequence([table]))).stacks[0].window == (100, 355)


def test_unused_bits_and_padding_do_not_become_bright() -> None:
    noisy = (WIDE % 4096) | 0xF000
    assert np.array_equal(pixels(dicom(noisy, BitsStored=12, HighBit=11)), WIDE % 4096)
    padded = SIGNED.copy()
    padded[:9] = -2000
    read = pixels(dicom(padded, PixelPaddingValue=-2000))
    assert np.array_equal(read[9:], SIGNED[9:])
    assert (read[:9] == SIGNED[9:].min()).all()


def test_slices_of_a_series_become_one_stack_in_the_order_of_their_positions() -> None:
    places = [30.0, -10.0, 20.0, 0.0, 10.0]
    files = [(f"IM{at}.dcm", sliced(place, InstanceNumber=at)) for at, place in enumerate(places)]
    other = ("other.dcm", sliced(5, series="1.2.99"))
    found = open_files([files[0], other, *files[1:]])
    assert [each.name for each in found] == ["IM0.dcm and 4 more", "other.dcm"]
    assert isinstance(found[0], Opened)
    (stack,) = found[0].stacks
    assert stack.count == 5
    assert stack.label(1) == "slice 2 of 5"
    assert stack.spacing(0) == (0.5, 0.6)
    for at, place in enumerate(sorted(places)):
        assert np.array_equal(stack.pixels(at), head(seed=int(place) + 100))


def test_without_positions_the_instance_numbers_order_and_then_the_names() -> None:
    def plain(number: int | None, seed: int) -> bytes:
        extra = {} if number is None else {"InstanceNumber": number}
        return dicom(head(seed=seed), SeriesInstanceUID=UID("1.2"), **extra)

    (found,) = open_files([("a", plain(3, 3)), ("b", plain(1, 1)), ("c", plain(2, 2))])
    assert isinstance(found, Opened)
    assert [int(found.stacks[0].pixels(at).sum()) for at in range(3)] == [int(head(seed=at).sum()) for at in (1, 2, 3)]
    (found,) = open_files([("c", plain(None, 3)), ("a", plain(5, 1))])
    assert isinstance(found, Opened)
    assert np.array_equal(found.stacks[0].pixels(0), head(seed=1))


def test_a_slice_of_another_orientation_is_not_of_the_stack() -> None:
    turned = sliced(5)
    other = pydicom.dcmread(io.BytesIO(turned))
    other.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    found = open_files([("a", sliced(0)), ("b", sliced(10)), ("scout", written(other))])
    assert [each.name for each in found] == ["a and 1 more", "scout"]
    assert isinstance(found[1], Opened)
    assert found[1].facts["plane"] == "sagittal"


def test_facts_are_told_in_words() -> None:
    found = opened(
        dicom(
            WIDE, ScanningSequence=["SE", "IR"], MRAcquisitionType="2D", RepetitionTime="500", EchoTime="12.5",
            MagneticFieldStrength="3", Manufacturer="SIEMENS", SliceThickness="6", PixelSpacing=[0.49, 0.5],
            ImageOrientationPatient=[1, 0, 0, 0, 0, -1], BodyPartExamined="BRAIN", ContrastBolusAgent="Gd",
        )
    )  # fmt: skip
    assert found.facts["sequence"] == "spin echo, inversion recovery"
    assert found.facts["plane"] == "coronal"
    assert found.facts["field strength"] == "3 T"
    assert found.facts["manufacturer"] == "Siemens"
    header = found.header
    assert (header.modality, header.body_part, header.contrast, header.spacing) == ("MR", "BRAIN", True, (0.49, 0.5))
    assert opened(dicom(WIDE)).header.contrast is None
    assert opened(dicom(WIDE, ContrastBolusAgent="NONE")).header.contrast is False


def test_functional_groups_of_enhanced_files_are_read() -> None:
    measures, transform, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.7, 0.8], "3"
    transform.RescaleSlope, transform.RescaleIntercept = "2", "1"
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PixelValueTransformationSequence = Sequence([transform])
    data = dicom(np.stack([WIDE, WIDE + 1]), NumberOfFrames=2, SharedFunctionalGroupsSequence=Sequence([shared]))
    (stack,) = opened(data).stacks
    assert stack.spacing(1) == (0.7, 0.8)
    assert np.array_equal(stack.pixels(1), (WIDE + 1.0) * 2 + 1)


@pytest.mark.skipif(
    not (Path(os.environ.get("TUMORTRACE_TEST_DATA", "/nowhere")).parent / "dicom").is_dir(),
    reason="the real DICOM series is not here; TUMORTRACE_TEST_DATA names a folder beside it",
)
def test_the_real_series_is_one_stack_of_six() -> None:
    folder = Path(os.environ["TUMORTRACE_TEST_DATA"]).parent / "dicom"
    files = [(path.name, path.read_bytes()) for path in sorted(folder.glob("*.dcm"), reverse=True)]
    (found,) = open_files(files)
    assert isinstance(found, Opened)
    assert found.stacks[0].count == len(files) == 6
    assert np.array_equal(found.stacks[0].pixels(0), pydicom.dcmread(folder / "N2D_0100.dcm").pixel_array)
    assert "Jane" not in repr(found)
    assert found.header.modality == "MR"
