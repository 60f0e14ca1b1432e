"""One image's bytes: whatever a file is, it is used or its fault is one sentence."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.images import likeness, looking
from core.images.sources import Unfit
from tests.images import pictures


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_each_format_is_read(format):
    looked = looking.look(pictures.saved(pictures.drawn("Sale", (728, 90)), format))
    assert (looked.facts.width, looked.facts.height, looked.facts.placement) == (728, 90, "display 728x90")
    assert looked.format.upper() == format and looked.thumbnail.startswith(b"\xff\xd8") and not looked.facts.animated


def test_profiles_whole_or_broken_and_sixteen_bits_of_colour_are_no_fault():
    from PIL import ImageCms

    plain = pictures.drawn("Sale")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for format in ("PNG", "JPEG", "WEBP", "TIFF"):
        for told in (profile, profile[:100], b"no profile"):
            image = looking.upright(pictures.saved(plain, format, icc_profile=told))
            assert abs(image.getpixel((150, 200))[0] - plain.getpixel((150, 200))[0]) < 20
    assert looking.upright(pictures.deep()).getpixel((1, 1)) == (255, 128, 0)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16", "F"])
def test_each_way_of_keeping_colours_is_read(mode):
    grey = np.full((40, 40), 30_000 if mode == "I;16" else 200)
    grey[:20] = 0
    if mode in ("I;16", "F"):
        image = Image.fromarray(grey.astype(np.uint16 if mode == "I;16" else np.float32))
    else:
        image = Image.fromarray(grey.astype(np.uint8)).convert(mode)
    upright = looking.upright(pictures.saved(image, "TIFF"))
    assert upright.mode == "RGB" and upright.getpixel((5, 5))[0] < 60 < 150 < upright.getpixel((5, 35))[0]


def test_what_is_transparent_is_white_and_what_is_turned_stands_upright():
    assert looking.upright(pictures.saved(Image.new("RGBA", (4, 4), (255, 0, 0, 0)))).getpixel((0, 0)) == (
        255,
        255,
        255,
    )
    assert looking.upright(pictures.turned()).size == (300, 250)


def test_of_what_moves_the_first_frame_is_taken():
    first, second = Image.new("RGB", (90, 160), "red"), Image.new("RGB", (90, 160), "blue")
    for format in ("GIF", "WEBP", "PNG"):
        looked = looking.look(pictures.saved(first, format, save_all=True, append_images=[second]))
        assert looked.facts.animated and looked.facts.colours == ("red",) and looked.facts.placement == "9:16"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"hello", "is no image"),
        (b"%PDF-1.7 and so on", "is a PDF, which is not read"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG drawing"),
        (b"8BPS\0\1" + bytes(40), "is a Photoshop file"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "is a HEIC image"),
        (b"\0\0\0\x1cftypavif" + bytes(40), "is an AVIF image"),
        (b"\0\0\0\x18ftypmp42" + bytes(40), "is a film"),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(40), "is a film"),
        (b"PK\3\4" + bytes(40), "is a ZIP"),
        (b"\0\5\x16\7" + bytes(40), "is what a Mac keeps"),
        (pictures.saved(pictures.drawn("Sale"), "JPEG")[:2000], "is damaged"),
        (pictures.huge(), "has 100 megapixels, at most 50 are read"),
        (pictures.huge(60_000), "megapixels"),
        (pictures.saved(pictures.drawn("Cut off"), "JPEG")[:2000], "is damaged"),
        (pictures.saved(pictures.drawn("Cut off"))[:2000], "is damaged"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(data, why):
    with pytest.raises(Unfit, match=why) as raised:
        looking.look(data)
    assert raised.value.todo


@given(st.data())
def test_no_damage_is_more_than_a_sentence(data):
    format = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]))
    whole = bytearray(pictures.saved(pictures.drawn("", (24, 20)), format))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Unfit):
        looking.look(bytes(whole[: data.draw(st.integers(1, len(whole)))]))


def test_placements():
    said = {
        (1080, 1080): "1:1",
        (1080, 1350): "4:5",
        (1080, 1920): "9:16",
        (1200, 628): "1.91:1",
        (600, 500): "display 300x250",
    }
    assert {size: looking.placement(*size) for size in said} == said
    assert looking.placement(1000, 90) == ""


def test_a_name_that_says_another_format_is_remarked():
    assert looking.misnamed("PNG", "banner.JPG") and looking.misnamed("PNG", "banner")
    assert not looking.misnamed("JPEG", "a.b.JPEG") and not looking.misnamed("TIFF", "a.tif")


def test_sizes_of_one_image_look_alike_and_others_do_not():
    sizes = [(300, 250), (600, 500), (336, 280), (1200, 1000)]
    hashes = [
        looking.look(pictures.saved(pictures.drawn("Half price", (600, 500), seed).resize(size), "JPEG")).likeness
        for seed in range(20)
        for size in sizes
    ]
    pairs = {tuple(pair) for pair in likeness.near(hashes).tolist()}
    groups = {frozenset((one // 4, other // 4)) for one, other in pairs}
    assert {frozenset((seed,)) for seed in range(20)} <= groups
    assert len(groups) < 24, "a ground drawn anew looks different"


def test_pairs_are_found_without_comparing_all():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (3000, 8), dtype=np.uint8)
    near = base.copy()
    near[:, 0] ^= 0b00010001
    near[:, 5] ^= 1
    hashes = [bytes(row).hex() for row in np.concatenate([base, near])]
    pairs = {tuple(pair) for pair in likeness.near(hashes).tolist()}
    assert {(i, i + 3000) for i in range(3000)} <= pairs and len(pairs) < 3300
    assert len(likeness.near(["00" * 8] * 5000)) <= 3 * 28 * 5000
