"""The words on images that are assets already, put right by a person or read when there is a reader (or a newer one) at last.

    changed = correct(db, client_id, sha256, "Half price on boots", "Ada")

An asset's text is what was typed of it and then the words on its image, so the words of an image change the texts of all its
assets. They stay in their groups of copies: labels and splits hang on these. Labels stay, too; what was bought is of the earlier
words.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from core import audit, database, tasks
from core.assets import duplicates, image_rows, imports
from core.assets.rows import join_text
from core.errors import InputError
from core.images import kept, reading, words
from core.images.words import Word
from core.jobs.progress import NoProgress, Progress

NO_PLACE = (0, 0, 0, 0)  # of words that a person added
NEITHER = InputError("Nothing would be left to read of this asset.", "Leave some words, or delete the asset.")


@dataclass(frozen=True)
class Correction:
    """The newest correction of an image's words: the `reviewer` and the time (ISO 8601, UTC)."""

    id: int
    reviewer: str
    created: str


def correct(db: Database, client_id: int, sha: str, text: str, reviewer: str) -> int:
    """Put the words on an image right, a piece of text a line; returns how many assets have another text now.

    Raises InputError where nothing is changed, nobody says who, or an asset would be left without any text.
    """
    reviewer = reviewer.strip()
    if not reviewer:
        raise InputError("Nobody is named as who puts the words right.", "Type your name.")
    lines = [line for line in (" ".join(one.split()) for one in text.splitlines()) if line]
    with db.atomic():
        stored = _stored(db, client_id, sha)
        before = words.from_json(stored) if stored else []
        after = _put_right(before, lines)
        if [word.text for word in after] == [word.text for word in before]:
            raise InputError("The words are as they were.", "Change them, then save.")
        row = {"client_id": client_id, "sha256": sha, "words_before": stored, "words": words.to_json(after)}
        db["image_corrections"].insert(row | {"reviewer": reviewer, "created": database.now()})
        changed = _set(db, client_id, sha, before, after, row["words"])
        _record(db, client_id, sha, "put right", changed, reviewer)
        return changed


def undo(db: Database, client_id: int, sha: str) -> int:
    """Take back the newest correction of an image's words; returns how many assets have another text now. InputError where there is
    none."""
    with db.atomic():
        newest = latest(db, client_id, sha)
        if newest is None:
            raise InputError("Nobody has put the words on this image right.")
        query = "select words_before, words from image_corrections where id = ?"
        earlier, stored = db.execute(query, [newest.id]).fetchone()
        changed = _set(db, client_id, sha, words.from_json(stored), words.from_json(earlier or "[]"), earlier)
        db.execute("delete from image_corrections where id = ?", [newest.id])
        _record(db, client_id, sha, "taken back", changed, newest.reviewer)
        return changed


def _record(db: Database, client_id: int, sha: str, how: str, changed: int, reviewer: str) -> None:
    told = {"words": how, "assets": changed, "reviewer": reviewer}
    audit.record(db, "review", client_id=client_id, what=f"words on image {sha[:12]}", detail=told)


def latest(db: Database, client_id: int, sha: str) -> Correction | None:
    """The correction that holds."""
    query = """select id, reviewer, created from image_corrections where client_id = ? and sha256 = ?
               order by id desc limit 1"""
    row = db.execute(query, [client_id, sha]).fetchone()
    return Correction(*row) if row else None


def labels_of_earlier_words(db: Database, asset_id: int, since: str) -> int:
    """How many labels an asset got before its words were changed."""
    query = "select count(*) from labels where asset_id = ? and category_id is not null and created < ?"
    return db.execute(query, [asset_id, since]).fetchone()[0]


# --- reading again ------------------------------------------------------------------------------------------------------

UNREAD = """from images i where client_id = :client and (words is null or read_by is not :reader)
            and sha256 in (select image from assets where client_id = :client and image is not null)
            and not exists (select 1 from image_corrections c where c.client_id = i.client_id and c.sha256 = i.sha256)"""


def unread(db: Database, client_id: int) -> int:
    """How many images of assets were not read by the reader there is; 0 where there is none."""
    if not words.installed():
        return 0
    return db.execute(f"select count(*) {UNREAD}", {"client": client_id, "reader": reading.reader()}).fetchone()[0]


def read_again_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: {"task_id"} -> {"read", "unreadable", "changed"}: images read, those that could not be, and assets that have
    another text now. What a person put right stays. Run again it goes on where it was.

    Raises reading.WITHOUT_READER and what reading.read() raises.
    """
    client_id = tasks.get(db, params["task_id"]).client_id
    with imports.alone(client_id, progress):
        return read_again(db, client_id, progress)


def read_again(db: Database, client_id: int, progress: NoProgress) -> dict:
    """Read the images of assets that were not read by the reader there is; answers and raises as read_again_job() does."""
    marks = {"client": client_id, "reader": reading.reader()}
    shas = [sha for (sha,) in db.execute(f"select sha256 {UNREAD}", marks).fetchall()]
    images = list(kept.load(db, client_id, shas).values())
    changed = 0

    def keep(sha: str, stored: str) -> None:
        nonlocal changed
        before = words.from_json(_stored(db, client_id, sha) or "[]")
        after = words.from_json(stored)
        try:
            changed += _set(db, client_id, sha, before, after, stored)
        except InputError as error:
            if error is not NEITHER:
                raise  # a newer reader that finds nothing leaves the words as they were

    failed = reading.read(db, client_id, images, progress, anew=True, keep=keep)
    return {"read": len(images) - len(failed), "unreadable": len(failed), "changed": changed}


# --- both ---------------------------------------------------------------------------------------------------------------


def _stored(db: Database, client_id: int, sha: str) -> str | None:
    row = db.execute("select words from images where client_id = ? and sha256 = ?", [client_id, sha]).fetchone()
    if row is None:
        raise InputError("This image is not there any more; it may have been deleted.", "Choose another asset.")
    return row[0]


def _put_right(before: Sequence[Word], lines: Sequence[str]) -> list[Word]:
    """The words in these lines. A line keeps the place and size of the one it was; one that a person added has the usual size."""
    sizes = sorted(word.size for word in before) or [1]
    added = Word("", NO_PLACE, sizes[(len(sizes) - 1) // 2], 1.0)
    after: list[Word] = []
    matched = difflib.SequenceMatcher(None, [word.text for word in before], list(lines), autojunk=False)
    for how, first, last, start, stop in matched.get_opcodes():
        if how == "equal":
            after += before[first:last]
        elif how != "delete":
            old = [*before[first:last], *[added] * (stop - start)]
            after += [replace(word, text=line, confidence=1.0) for word, line in zip(old, lines[start:stop])]
    return after


def _set(
    db: Database, client_id: int, sha: str, before: Sequence[Word], after: Sequence[Word], stored: str | None
) -> int:
    """Give an image other words and its assets their texts; returns how many of these changed. In a transaction."""
    query = "select id, text, text_hash from assets where client_id = ? and image = ?"
    rows = []
    for asset_id, text, text_hash in db.execute(query, [client_id, sha]).fetchall():
        fresh = _text(text, before, after)
        if not fresh:
            raise NEITHER
        if fresh != text:
            form = duplicates.normal_form(fresh)
            rows.append((asset_id, fresh, text_hash, duplicates.form_hash(form), form))
    told = [words.large(after), f'$."{image_rows.LARGE}"', client_id, sha]
    db.execute(
        """update assets set extra = json_set(extra, ?2, ?1) where client_id = ?3 and image = ?4
           and json_extract(extra, ?2) is not null""",
        told,
    )
    db.execute("update images set words = ? where client_id = ? and sha256 = ?", [stored, client_id, sha])
    db.conn.executemany("update assets set text = ?, text_hash = ? where id = ?", [(r[1], r[3], r[0]) for r in rows])
    _move_bands(db, client_id, [row for row in rows if row[2] != row[3]])
    return len(rows)


def _text(text: str, before: Sequence[Word], after: Sequence[Word]) -> str:
    """An asset's text with other words on its image; with them at its end where the earlier ones are not found there.

    Texts that came in before large words were marked go on without marks.
    """
    for shown in (words.text_of, words.plain_of):
        old = join_text([shown(before)])
        if before and (text == old or text.endswith(f"\n{old}")):
            return join_text([text[: len(text) - len(old)], shown(after)])
    return join_text([text, words.text_of(after)])


def _move_bands(db: Database, client_id: int, rows: Sequence[tuple[int, str, str, str, str]]) -> None:
    """New bands for assets (id, text, hash before, hash, form); the old ones go to the next asset that has the text they are of."""
    bands = duplicates.bands([form for *_, form in rows])
    for (asset_id, _, old, _, _), band in zip(rows, bands):
        db.execute(
            """update or ignore asset_bands set asset_id = (select min(id) from assets where client_id = ? and text_hash = ?)
               where asset_id = ? and exists (select 1 from assets where client_id = ? and text_hash = ?)""",
            [client_id, old, asset_id, client_id, old],
        )
        db.execute("insert or replace into asset_bands (asset_id, bands) values (?, ?)", [asset_id, band.tobytes()])
