from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from tumortrace.errors import InputError
from tumortrace.imaging.formats import Opened, open_files
from tumortrace.imaging.io import read_image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


GREY = (np.arange(48 * 64) % 251).reshape(48, 64).astype(np.uint8)


def test_grey_png_comes_back_as_it_was() -> None:
    assert np.array_equal(read_image(encoded(Image.fromarray(GREY)), "a.png"), GREY)


def test_sixteen_bits_are_kept() -> None:
    wide = (GREY.astype(np.uint16)) * 200
    assert np.array_equal(read_image(encoded(Image.fromarray(wide)), "a.png"), wide)


def test_colour_alpha_palette_and_rotation_become_grey_of_the_right_shape() -> None:
    image = Image.fromarray(GREY)
    assert read_image(encoded(image.convert("RGB"), "JPEG"), "a.jpg").shape == GREY.shape
    assert read_image(encoded(image.convert("RGBA")), "a.png").shape == GREY.shape
    assert read_image(encoded(image.convert("P")), "a.png").shape == GREY.shape
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_image(encoded(image, "JPEG", exif=exif.tobytes()), "a.jpg").shape == GREY.shape[::-1]


@pytest.mark.parametrize(
    "malformed",
    [
        struct.pack("<HHII", 0x0102, 4, 1, 70000),  # BitsPerSample, too large for its type
        struct.pack("<HHI", 0x011A, 2, 3) + b"72\0\0",  # XResolution as text
        struct.pack("<HHI", 0x0100, 2, 3) + b"ab\0\0",  # ImageWidth as text
    ],
)
def test_a_picture_is_turned_upright_whatever_else_its_exif_holds(malformed: bytes) -> None:
    orientation = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    entries = b"".join(sorted([malformed, orientation], key=lambda entry: entry[:2][::-1]))
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)
    corner = GREY // 8
    corner[:8, :8] = 255
    read = read_image(encoded(Image.fromarray(corner), "JPEG", exif=exif), "a.jpg")
    assert read.shape == corner.shape[::-1]
    assert read[:8, -8:].mean() > 240, "the upper left corner is the upper right one now"


def test_uploads_and_imports_read_the_same_pixels() -> None:
    colour = np.random.default_rng(0).integers(0, 255, (40, 50, 4)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 8
    for data in (
        encoded(Image.fromarray(colour)),
        encoded(Image.fromarray(colour[..., :3]), "JPEG", exif=exif.tobytes()),
        encoded(Image.fromarray(GREY.astype(np.uint16) * 200), "TIFF"),
    ):
        (opened,) = open_files([("a", data)])
        assert isinstance(opened, Opened)
        assert np.array_equal(opened.stacks[0].pixels(0), read_image(data, "a"))


def test_twelve_bits_and_volumes_are_named_in_a_sentence() -> None:
    data = bytearray(encoded(Image.fromarray(GREY), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 1], data[frame + 4] = 0xC1, 12
    with pytest.raises(InputError, match=r"^a JPEG with 12 bits a sample.*Export it as PNG"):
        read_image(bytes(data), "a.jpg")
    pages = io.BytesIO()
    Image.fromarray(GREY).save(pages, "TIFF", save_all=True, append_images=[Image.fromarray(GREY)])
    with pytest.raises(InputError, match="TIFF: it holds 2 slices"):
        read_image(pages.getvalue(), "a.tif")


def test_the_suffix_does_not_matter() -> None:
    assert read_image(encoded(Image.fromarray(GREY)), "a.jpg").shape == GREY.shape


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html></html>",
        encoded(Image.fromarray(GREY))[:60],
        encoded(Image.fromarray(GREY), "JPEG")[:-400],
        b"GIF89a",
    ],
)
def test_what_is_no_whole_image_gets_one_clear_sentence(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read_image(data, "upload.png")
    assert "upload.png" in str(caught.value)


def test_a_decompression_bomb_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumortrace.imaging.formats.values.PIXELS", 1000)
    with pytest.raises(InputError, match="larger than"):
        read_image(encoded(Image.fromarray(GREY)), "big.png")
