from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.imaging.formats.made import HEAD, Pixels, chunk, head, picture
from tumortrace.imaging.formats import Opened, Refused, open_files

WIDE = HEAD.astype(np.uint16) * 250


def opened(data: bytes, name: str = "file") -> Opened:
    (result,) = open_files([(name, data)])
    assert isinstance(result, Opened), result
    return result


def pixels(data: bytes) -> Pixels:
    return opened(data).stacks[0].pixels(0)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("PNG", {"optimize": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "packbits"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_eight_grey_bits_come_back_as_they_were(kind: str, options: dict[str, object]) -> None:
    found = opened(picture(HEAD, kind, **options))
    assert found.format == {"WEBP": "WebP"}.get(kind, kind)
    read = found.stacks[0].pixels(0)
    assert read.dtype == np.uint8
    assert np.array_equal(read, HEAD)
    assert found.colour == 0
    assert found.stacks[0].label(0) == ""


def test_sixteen_bits_and_real_numbers_are_kept() -> None:
    for kind in ("PNG", "TIFF"):
        read = pixels(picture(WIDE, kind))
        assert read.dtype == np.uint16
        assert np.array_equal(read, WIDE)
    real = (HEAD / 7).astype(np.float32)
    assert np.array_equal(pixels(picture(real, "TIFF")), real)
    whole = (HEAD.astype(np.int32) - 60) * 1000
    read = pixels(picture(whole, "TIFF"))
    assert read.dtype == np.float32
    assert np.array_equal(read, whole)


def test_jpeg_palette_cmyk_alpha_and_one_bit_become_grey() -> None:
    image = Image.fromarray(HEAD)
    assert np.abs(pixels(picture(image, "JPEG", quality=95)).astype(int) - HEAD).mean() < 4
    assert np.array_equal(pixels(picture(image.convert("P"))), HEAD)
    assert np.abs(pixels(picture(image.convert("CMYK"), "TIFF")).astype(int) - HEAD).max() <= 1
    assert set(np.unique(pixels(picture(image.convert("1"))))) == {0, 255}
    clear = image.convert("RGBA")
    clear.putalpha(Image.fromarray(np.where(np.arange(64) < 32, 0, 255).astype(np.uint8)[None].repeat(48, 0)))
    read = pixels(picture(clear))
    assert (read[:, :32] == 0).all()
    assert np.array_equal(read[:, 32:], HEAD[:, 32:])


def test_colour_is_measured_after_transparency_is_laid_on_black() -> None:
    rgb = np.zeros((32, 32, 4), np.uint8)
    rgb[..., 0], rgb[:, :16, 3] = 255, 255
    assert opened(picture(rgb)).colour == pytest.approx(0.5)
    assert opened(picture(Image.fromarray(HEAD).convert("RGB"))).colour == 0


def test_luminance_is_that_of_pillow() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    assert np.array_equal(pixels(picture(rgb)), np.asarray(Image.fromarray(rgb).convert("L")))


def test_an_exif_rotation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    read = pixels(picture(HEAD, "PNG", exif=exif.tobytes()))
    assert np.array_equal(read, np.rot90(HEAD, -1))


def test_pages_of_a_tiff_are_frames_but_an_animation_is_one_picture() -> None:
    pages = [Image.fromarray(head(seed=at)) for at in range(5)]
    found = opened(picture(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    (stack,) = found.stacks
    assert stack.count == 5
    assert stack.label(2) == "frame 3 of 5"
    for at in (4, 0, 2):
        assert np.array_equal(stack.pixels(at), head(seed=at))
    with pytest.raises(IndexError):
        stack.pixels(5)
    moving = opened(picture(pages[0], "WEBP", save_all=True, append_images=pages[1:], lossless=True))
    assert moving.stacks[0].count == 1
    assert "animation" in moving.facts


def test_an_interlaced_png_is_known_to_be_whole() -> None:
    # Pillow writes none: the seven passes are laid out by hand.
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    raw = b"".join(b"\x00" + row.tobytes() for x, y, dx, dy in passes for row in HEAD[y::dy, x::dx])
    for data, whole in ((raw, True), (raw[:-70], False)):
        header = struct.pack(">IIBBBBB", 64, 48, 8, 0, 0, 0, 1)
        png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
        if whole:
            assert np.array_equal(pixels(png), HEAD)
        else:
            assert isinstance(open_files([("cut.png", png)])[0], Refused)


def test_what_could_identify_is_named_but_not_told() -> None:
    exif = Image.Exif()
    exif[0x010E] = "Canary Person"
    exif.get_ifd(0x8825)[1] = "N"
    found = opened(picture(HEAD, "JPEG", exif=exif.tobytes(), comment=b"Canary Person"))
    assert {"EXIF", "EXIF GPS position", "comment"} <= set(found.dropped)
    assert "Canary" not in repr(found)
    tiff = io.BytesIO()
    Image.fromarray(HEAD).save(tiff, "TIFF", tiffinfo={270: "Canary Person", 315: "Canary Person"})
    found = opened(tiff.getvalue())
    assert {"ImageDescription", "Artist"} <= set(found.dropped)
    assert "Canary" not in repr(found)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_far_larger_than_a_slice_is_reduced_once_when_it_is_read(dtype: type) -> None:
    steps = np.kron(np.arange(48 * 64).reshape(48, 64) % 250, np.ones((100, 100))).astype(dtype)
    found = opened(picture(steps))
    assert found.facts["size"] == "6400 x 4800, reduced to 1600 x 1200"
    read = found.stacks[0].pixels(0)
    assert (read.shape, read.dtype) == ((1200, 1600), np.dtype(dtype))
    assert np.array_equal(read[::25, ::25], steps[::100, ::100])
    assert opened(picture(HEAD)).facts["size"] == "64 x 48"


def test_of_colour_with_sixteen_bits_the_upper_eight_are_read_and_this_is_said() -> None:
    rows = b"".join(b"\0" + line.astype(">u2").repeat(3).tobytes() for line in WIDE)
    header = struct.pack(">IIBBBBB", WIDE.shape[1], WIDE.shape[0], 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    found = opened(data)
    assert np.array_equal(found.stacks[0].pixels(0), (WIDE >> 8).astype(np.uint8))
    assert found.facts["bits"] == "16, of which the upper 8 are read"
    assert opened(picture(WIDE)).facts["bits"] == "16"
