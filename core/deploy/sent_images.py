"""Images that come with requests to the HTTP service: bounded before anything of them is decoded, then their words are read by a
process of its own, so that neither a text nor the event loop waits for them.

Nothing of an image is kept; its words are, as any text (core/deploy/watching.py), where the client wants texts kept.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlite_utils import Database

from core import database
from core.assets.rows import join_text
from core.deploy.batching import Overloaded
from core.errors import InputError
from core.images import kept, looking, reading, words
from core.images.seen import Seen, Sight
from core.images.sources import Unfit

MOST_BYTES = 8 * 1024 * 1024  # of an image's file
MOST_PIXELS = 25_000_000
ROOM = 32  # images that may wait for the reader
KEPT = 1_000  # images whose words are remembered while the server runs
NOT_READ = "cannot be read: this server has nothing that reads words on images"
BESIDE = "Send the words on it as text beside it."
log = logging.getLogger("understudy")
ADDRESS = ("http:", "https:", "file:")


class Refused(Exception):
    """Why an image is not taken: the HTTP status, and a sentence."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class Asked:
    """The texts that a student is asked about, each with its image where it has one, and the words that were read on the images:
    None where there was none, or nothing reads."""

    texts: list[str]
    words: list[str | None]


class SentImages:
    """Reads the words on images, one after the other. `seen(outcome, seconds)` is told of each: "read", "kept" (read before),
    "unread" (its text alone is used) or "refused"."""

    def __init__(self, client_id: int, seen: Callable[[str, float], None] = lambda outcome, seconds: None):
        self.client_id, self.waiting, self._seen = client_id, 0, seen
        self._known: OrderedDict[str, str] = OrderedDict()  # words by the image's hash
        self._thread = ThreadPoolExecutor(1, "images")
        self._readers = reading.Readers()
        self._db: Database | None = None

    def start(self) -> None:
        """Have the reader ready for a client that has images; others start it with the first that comes."""
        self._thread.submit(self._warm)

    async def close(self) -> None:
        """Stop; whoever still waits is answered that the reader is gone."""
        self._readers.close()
        self._thread.submit(self._let_go)
        await asyncio.to_thread(self._thread.shutdown, True, cancel_futures=False)

    async def take(self, texts: Sequence[str], images: Sequence[str | None]) -> Asked:
        """What assets with these texts and images (base64) are judged on. Refused where an image cannot be used, Overloaded when
        too many wait already."""
        count = sum(image is not None for image in images)
        if self.waiting and self.waiting + count > ROOM:
            raise Overloaded
        self.waiting += count
        loop = asyncio.get_running_loop()
        try:
            data = await asyncio.to_thread(_checked, images)
            taken = []
            for place, (text, one) in enumerate(zip(texts, data)):
                if one is None:
                    taken.append((text, None))
                else:
                    taken.append(
                        await loop.run_in_executor(self._thread, self._read, text, one, _called(place, images))
                    )
        except Refused:
            self._seen("refused", 0.0)
            raise
        finally:
            self.waiting -= count
        return Asked([text for text, _ in taken], [found for _, found in taken])

    # --- on the thread ------------------------------------------------------------------------------------------------

    def _read(self, text: str, data: bytes, called: str) -> tuple[str, str | None]:
        """A text with its image, and the words on that."""
        began = time.perf_counter()
        sha = kept.sha256(data)
        try:
            sight = Sight(sha, looking.facts_of(looking.upright(data)), data)
        except Unfit as why:
            raise Refused(422, f"{called} {_joined(why.what, why.todo)}") from None
        found, how = self._words(sha, data, called, bool(text.strip()))
        self._seen(how, time.perf_counter() - began)
        return Seen(join_text([text, found or ""]), sight), found

    def _words(self, sha: str, data: bytes, called: str, typed: bool) -> tuple[str | None, str]:
        """The words on an image, and how they were come by; where they cannot be had what was `typed` does."""
        if sha not in self._known and (there := reading.known(self._database(), self.client_id, [sha])):
            self._remember(sha, words.text_of(there[sha]))
        if sha in self._known:
            self._known.move_to_end(sha)
            return self._known[sha], "kept"
        try:
            reading.reader()
            answer = self._readers.ask(data)
        except InputError as missing:
            answer = {"what": NOT_READ}
            log.warning("%s %s", missing.what, missing.todo)
        if "words" not in answer:
            if typed:
                return None, "unread"
            raise Refused(422, f"{called} {_joined(answer['what'], BESIDE)}")
        self._remember(sha, words.text_of(words.from_json(answer["words"])))
        return self._known[sha], "read"

    def _remember(self, sha: str, found: str) -> None:
        self._known[sha] = found
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    def _database(self) -> Database:
        self._db = self._db or database.connect()
        return self._db

    def _warm(self) -> None:
        if not kept.any_of(self._database(), self.client_id):
            return
        try:
            reading.reader()
            self._readers.warm()
        except InputError:
            return  # said to whoever sends an image

    def _let_go(self) -> None:
        if self._db:
            self._db.close()


def _called(place: int, images: Sequence[str | None]) -> str:
    """What an image is called in a sentence."""
    return "The image" if len(images) == 1 else f"The image of item {place + 1}"


def _joined(what: str, todo: str) -> str:
    """What is wrong and what to do, in one sentence."""
    return f"{what.rstrip('.')}; {todo[:1].lower()}{todo[1:]}"


def _checked(images: Sequence[str | None]) -> list[bytes | None]:
    """The bytes of images, by their heads such as can be read. Raises Refused."""
    return [None if one is None else _of_one(one, _called(place, images)) for place, one in enumerate(images)]


def _of_one(image: str, called: str) -> bytes:
    if image[:6].lower().startswith(ADDRESS):
        raise Refused(422, f"{called} is an address, which is not fetched; send the file itself as base64.")
    encoded = image.partition(",")[2] if image[:5].lower() == "data:" else image
    if len(encoded) > -(-MOST_BYTES * 4 // 3) + 4:
        raise Refused(413, f"{called} is larger than {MOST_BYTES // 1024**2} MB; save it smaller.")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(422, f"{called} is not valid base64; send the file's bytes in that form.") from None
    try:
        looking.check(data, MOST_PIXELS)
    except Unfit as why:
        raise Refused(422, f"{called} {_joined(why.what, why.todo)}") from None
    return data
