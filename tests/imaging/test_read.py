from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tumortrace.errors import InputError
from tumortrace.imaging.read import read_image


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
    monkeypatch.setattr("tumortrace.imaging.read.MAX_PIXELS", 1000)
    with pytest.raises(InputError, match="larger than"):
        read_image(encoded(Image.fromarray(GREY)), "big.png")
