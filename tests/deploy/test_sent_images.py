"""Images in requests: bounded before they are decoded, judged by the words on them, in JSON and in forms; a real server, and in
this process what takes a reader that is not there."""

from __future__ import annotations

import asyncio
import base64
from contextlib import closing

import pytest

from core import database, tasks
from core.deploy import sent_images
from core.deploy.gate import MOST_BYTES, MOST_FORM
from core.deploy.sent_images import Refused, SentImages
from core.images import kept, reading
from core.images.seen import sight_of
from tests.assets.test_image_import import put
from tests.deploy.test_server import Server, home
from tests.images import pictures

__all__ = ["home"]
SALE = "discount off clearance save deal price"
HIRING = "careers join hiring team apply vacancy"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def picture(seed: int) -> bytes:
    return pictures.saved(pictures.drawn(seed=seed))


@pytest.fixture(scope="module")
def server(home, tmp_path_factory):
    """A server of a client that has two images of known words."""
    folder = tmp_path_factory.mktemp("images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(home))
        with closing(database.connect()) as db:
            for seed, text in ((1, SALE), (2, HIRING)):
                put(db, tasks.of(db, "Small"), folder / f"{seed}.png", text, picture(seed))
    made = Server(home)
    yield made
    made.process.terminate()
    made.process.wait(30)


def form(*parts: tuple[str, str | bytes], boundary: str = "edge") -> tuple[bytes, dict[str, str]]:
    """The body and headers of a form: bytes are files."""
    body = b""
    for name, value in parts:
        named = f'; filename="{name}.png"\r\nContent-Type: image/png' if isinstance(value, bytes) else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode()
        body += (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def test_an_image_is_judged_by_its_words_in_json_and_in_a_form(server):
    sale, hiring = picture(1), picture(2)
    by_text = server.classify(SALE, f"now\n{HIRING}")
    status, reply, _ = server.ask("/classify", {"image": encoded(sale)})
    assert status == 200 and reply["results"] == [by_text[0] | {"words": SALE}]
    items = [
        {"image": f"data:image/png;base64,{encoded(sale)}"},
        {"image": encoded(hiring), "text": "now"},
        {"text": SALE},
    ]
    several = server.ask("/classify", {"items": items})[1]["results"]
    assert several == [by_text[0] | {"words": SALE}, by_text[1] | {"words": HIRING}, by_text[0] | {"words": None}]
    body, kind = form(("image", sale))
    assert server.ask("/classify", body, **kind)[1]["results"] == [by_text[0] | {"words": SALE}]
    body, kind = form(("image", sale), ("text", ""), ("image", hiring), ("text", "now"))
    assert server.ask("/classify", body, **kind)[1]["results"] == several[:2]
    body, kind = form(("text", SALE))
    assert server.ask("/classify", body, **kind)[1]["results"] == by_text[:1], "a form of texts alone says no words"
    assert server.count("understudy_images_total", outcome="kept") == 6
    described = server.ask("/openapi.json")[1]["paths"]["/classify"]["post"]["requestBody"]["content"]
    assert set(described) == {"application/json", "multipart/form-data"}


def test_what_cannot_be_used_is_a_sentence(server):
    fine, huge = encoded(picture(1)), pictures.huge(6_000)
    big = b"\x89PNG" + b"\0" * (sent_images.MOST_BYTES + 1)
    for asked, status, said in (
        ({"image": encoded(huge)}, 422, "The image has 36 megapixels, at most 25 are read; save it smaller."),
        ({"image": encoded(picture(1)[:2000])}, 422, "The image is damaged; export it again."),
        (
            {"image": encoded(b"no image at all")},
            422,
            "The image is no image that can be read; save it as PNG or JPEG.",
        ),
        ({"image": ""}, 422, "The image is empty; export it again."),
        ({"image": "?"}, 422, "The image is not valid base64; send the file's bytes in that form."),
        ({"image": "https://x.example/a.png"}, 422, "is an address, which is not fetched"),
        ({"items": [{"text": "x"}, {"image": "AAAA"}]}, 422, "The image of item 2 is no image"),
        ({"items": [{"image": fine}] * 17}, 422, "There are more than 16 images"),
        ({"image": fine, "texts": ["x"]}, 422, "Send JSON"),
        ({"items": [{"picture": fine}]}, 422, "a form with a file called image"),
    ):
        got, reply, _ = server.ask("/classify", asked)
        assert got == status and said in reply["detail"], (reply, said)
    for parts, status, said in (
        ([("image", big)], 413, "The image is larger than 8 MB; save it smaller."),
        ([("image", picture(1)), ("text", "a"), ("text", "b")], 422, "Send a form with files called"),
        ([("image", "no file")], 422, "Send a form"),
        ([("picture", "x"), ("text", "y")], 422, "Send JSON"),
    ):
        body, kind = form(*parts)
        got, reply, _ = server.ask("/classify", body, **kind)
        assert got == status and said in reply["detail"], (reply, said)
    for kind, size, said in (
        ("application/json", MOST_BYTES, b"larger than 4 MB; send fewer or shorter texts, and images as a form."),
        ("multipart/form-data; boundary=edge", MOST_FORM, b"larger than 16 MB; send fewer or smaller images."),
    ):
        head = f"POST /classify HTTP/1.1\nHost: localhost\nContent-Type: {kind}\nContent-Length: {size + 1}\n\n"
        with closing(server.raw(head)) as connection:
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
            assert b" 413 " in answer.splitlines()[0] and said in answer
    assert server.ask("/classify", b"no form", Content_Type="multipart/form-data")[0] == 422
    body, kind = form(("image", picture(1)))
    assert server.ask("/classify", body, **kind, Origin="https://elsewhere.example")[0] == 403
    assert server.ask("/classify", body, **kind, Origin=server.url)[0] == 200
    assert server.ask("/health")[1]["status"] == "ready"


def test_the_words_are_written_down_and_the_image_is_not(server, home):
    pytest.importorskip("rapidocr")
    unknown = pictures.saved(pictures.drawn("Join our team\napply today", (600, 500), seed=9))
    status, reply, _ = server.ask("/classify", {"image": encoded(unknown)})
    assert status == 200 and reply["results"][0]["words"] == "Join our team\napply today"
    assert server.classify("Join our team\napply today")[0].items() <= reply["results"][0].items()
    before = server.count("understudy_image_seconds_count")
    assert server.ask("/classify", {"image": encoded(unknown), "text": "now"})[1]["results"][0]["category"]
    assert server.count("understudy_image_seconds_count") == before == 1, "read once"
    sha = kept.sha256(unknown)
    assert not [one for one in home.rglob("*") if sha in one.name]
    assert all(unknown[100:400] not in one.read_bytes() for one in home.rglob("*") if one.is_file())


def taken(images: SentImages, text: str, data: bytes) -> sent_images.Asked:
    async def ask():
        try:
            return await images.take([text], [encoded(data)])
        finally:
            await images.close()

    return asyncio.run(ask())


def test_without_a_reader_the_text_beside_an_image_does(db, monkeypatch):
    def missing() -> str:
        raise reading.WITHOUT_READER

    monkeypatch.setattr(reading, "reader", missing)
    counted = []
    asked = taken(SentImages(1, lambda *one: counted.append(one[0])), "half price", picture(3))
    assert (asked.texts, asked.words, counted) == (["half price"], [None], ["unread"])
    assert sight_of(asked.texts[0]).facts.placement == "display 300x250", "who looks can"
    with pytest.raises(
        Refused, match="has nothing that reads words on images; send the words on it as text beside it"
    ) as why:
        taken(SentImages(1), " ", picture(3))
    assert why.value.status == 422


def test_a_reader_that_an_image_brings_down_is_a_sentence(db, monkeypatch):
    monkeypatch.setattr(reading, "reader", lambda: "a reader")
    monkeypatch.setattr(sent_images.reading.sys, "executable", "false")
    with pytest.raises(Refused, match="send the words on it as text"):
        taken(SentImages(1), "", picture(3))
