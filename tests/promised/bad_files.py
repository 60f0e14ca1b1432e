"""Bad files by the hundred, made from a seed: good ones of every kind that comes in, each spoilt in one of many ways.

    for bad in made(folder, count=200, seed=1): ...

A kind of damage is a function from dice and a good file's bytes to bad ones; every file is of one kind, dealt in turn.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import openpyxl
import pandas as pd

from core import database
from core.keeping.backup import MANIFEST, backup
from tests import small
from tests.deploy.upstream import PROMPT
from tests.images import pictures
from tests.write import copy

Dice = random.Random
BIDI = "\u202e\u2066\u200f\u202a"
HOSTILE = '=HYPERLINK("http://evil.example","x")'


@dataclass(frozen=True)
class Bad:
    """One bad file: the kind of damage, and where it lies."""

    kind: str
    path: Path


# --- good files, of which every door takes some -----------------------------------------------------------------------

ROWS = small.rows(24, seed=5)


def _csv(rows: list[dict], end: str = "\n", delimiter: str = ",") -> bytes:
    lines = [delimiter.join(rows[0]), *(delimiter.join(f'"{cell}"' for cell in row.values()) for row in rows)]
    return (end.join(lines) + end).encode()


def _call(row: dict) -> dict:
    asked = {"model": "m-1", "messages": [{"role": "user", "content": PROMPT.format(row["text"])}]}
    choices = [{"message": {"role": "assistant", "content": row["label"]}, "finish_reason": "stop"}]
    reply = {"model": "m-1", "created": 1_790_000_000, "choices": choices, "usage": {"prompt_tokens": 9}}
    return {"request": asked, "response": reply}


def _jsonl(records: list[dict]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in records).encode()


def _workbook(rows: list[list], change: Callable[[openpyxl.Workbook], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _table() -> list[list]:
    return [list(ROWS[0]), *(list(row.values()) for row in ROWS)]


def _parquet() -> bytes:
    out = io.BytesIO()
    pd.DataFrame(ROWS).to_parquet(out)
    return out.getvalue()


def _pictures() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for n, format in enumerate(("PNG", "JPEG", "GIF", "BMP", "WEBP")):
            image = pictures.drawn(f"Offer {n}", size=(90, 70), seed=n)
            archive.writestr(f"ads/{n}.{format.lower()}", pictures.saved(image, format))
        archive.writestr("ads/rows.csv", "image,caption\n0.png,Boots\n1.jpeg,Hats\n")
    return out.getvalue()


def _backup() -> bytes:
    """Of a workspace with nothing in it but its database and a file."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "workspace"
        (home / "uploads").mkdir(parents=True)
        (home / "uploads" / "a.csv").write_bytes(_csv(ROWS))
        database.connect(home / "understudy.db").close()
        return Path(backup(home, Path(folder) / "B.zip").path).read_bytes()


GUIDE = {"most_characters": 90, "banned": ["free"], "language": "en"}
GOOD: dict[str, Callable[[], bytes]] = {
    "assets.csv": lambda: _csv(ROWS),
    "assets.xlsx": lambda: _workbook(_table()),
    "assets.parquet": _parquet,
    "assets.json": lambda: json.dumps(ROWS, indent=1).encode(),
    "assets.jsonl": lambda: _jsonl(ROWS),
    "assets.tsv": lambda: _csv(ROWS, "\r\n", "\t"),
    "pairs.csv": lambda: _csv(copy.pairs(30)),
    "calls.jsonl": lambda: _jsonl([_call(row) for row in ROWS]),
    "guide.json": lambda: json.dumps(GUIDE).encode(),
    "answers.csv": lambda: _csv([{"asset_id": row["id"], "label": row["label"]} for row in ROWS]),
    "images.zip": _pictures,
    "backup.zip": _backup,
}
TEXT = tuple(name for name in GOOD if name.endswith((".csv", ".tsv", ".json", ".jsonl")))
ZIPPED = ("assets.xlsx", "images.zip", "backup.zip")


@cache
def good(name: str) -> bytes:
    """A good file's bytes."""
    return GOOD[name]()


# --- kinds of damage: dice and a name of GOOD -> (suffix, bytes) ------------------------------------------------------

KINDS: dict[str, tuple[tuple[str, ...], Callable[[Dice, str], bytes]]] = {}


def kind(name: str, of: tuple[str, ...] = TEXT) -> Callable:
    """Register a kind of damage, which good files of these names can have."""

    def put(function: Callable[[Dice, str], bytes]) -> Callable[[Dice, str], bytes]:
        KINDS[name] = (of, function)
        return function

    return put


@kind("cut short", tuple(GOOD))
def _cut(dice: Dice, name: str) -> bytes:
    return good(name)[: dice.randrange(len(good(name)))]


@kind("bytes changed", tuple(GOOD))
def _changed(dice: Dice, name: str) -> bytes:
    data = bytearray(good(name))
    for _ in range(dice.choice((1, 4, 40))):
        data[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(data)


@kind("a piece twice or gone", tuple(GOOD))
def _shuffled(dice: Dice, name: str) -> bytes:
    data = good(name)
    start, end = sorted(dice.randrange(len(data)) for _ in range(2))
    return data[:start] + data[start:end] * dice.choice((0, 2, 3)) + data[end:]


@kind("under another name", tuple(GOOD))
def _renamed(dice: Dice, name: str) -> bytes:
    return good(dice.choice([other for other in GOOD if other != name]))


@kind("something else altogether", ("assets.csv", "assets.xlsx", "assets.json", "assets.parquet", "images.zip"))
def _foreign(dice: Dice, name: str) -> bytes:
    return dice.choice(
        [
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << >>\n%%EOF\n",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + dice.randbytes(3000),
            b"MZ" + dice.randbytes(4000),
            b"\x7fELF" + dice.randbytes(4000),
            b"SQLite format 3\0" + bytes(4080),
            b"\x1f\x8b\x08\0" + zlib.compress(good("assets.csv")),
            b"\x80\x04\x95" + b"cos\nsystem\n(S'true'\ntR.",  # what pickle would run
            pictures.saved(pictures.drawn("x"), "PNG"),
            b"<html><script>alert(1)</script><table><tr><td>text</td></tr></table></html>",
            dice.randbytes(5000),
        ]
    )


@kind("nothing in it", tuple(GOOD))
def _empty(dice: Dice, name: str) -> bytes:
    return dice.choice(
        [
            b"",
            b"\n",
            b" \n\n",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"\0",
            b"[]",
            b"{}",
            b"null",
            b",,,\n,,,\n",
            b"PK\x05\x06" + bytes(18),
        ]
    )


@kind("another encoding")
def _encoded(dice: Dice, name: str) -> bytes:
    text = good(name).decode().replace("best", "größte Überraschung").replace("price", "ценник").replace("now", "今")
    encoding = dice.choice(
        ["utf-16", "utf-16-be", "utf-32", "cp1252", "koi8-r", "shift_jis", "utf-7", "cp037", "utf-8-sig"]
    )
    return text.encode(encoding, "replace")


@kind("marks of two encodings")
def _boms(dice: Dice, name: str) -> bytes:
    marks = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0"]
    half = len(good(name)) // 2
    return dice.choice(marks) + dice.choice(marks) + good(name)[:half] + dice.choice(marks) + good(name)[half:]


@kind("quotation marks astray")
def _quotes(dice: Dice, name: str) -> bytes:
    data = good(name).decode()
    for _ in range(dice.choice((1, 3, 30))):
        at = dice.randrange(len(data))
        data = data[:at] + dice.choice(['"', "'", '""', '"\n', '\\"', "“"]) + data[at:]
    return data.encode()


@kind("NUL and control characters")
def _nul(dice: Dice, name: str) -> bytes:
    data = bytearray(good(name))
    for _ in range(dice.choice((1, 20, 200))):
        data.insert(dice.randrange(len(data)), dice.choice([0, 0, 7, 8, 11, 12, 26, 27, 127]))
    return bytes(data)


@kind("signs that turn the reading order, halves of characters")
def _bidi(dice: Dice, name: str) -> bytes:
    text = good(name).decode()
    extra = [BIDI, "\ud83d", "\ufffe", "\u0301" * 3000, "\u200b", "\u2028", "\x85", "\ufdd0", "🏴‍☠️" * 50]
    for _ in range(8):
        at = dice.randrange(len(text))
        text = text[:at] + dice.choice(extra) + text[at:]
    return text.encode("utf-8", "surrogatepass")


@kind("columns of one name, or of none")
def _headers(dice: Dice, name: str) -> bytes:
    rest = good(name).partition(b"\n")[2]
    new = dice.choice(
        [b"text,text,text", b",,", b"id,id,label", b"text", b"id;text;label", b"=1+1,@SUM(A1),-2", b'"', b"1,2,3"]
    )
    return new + b"\n" + rest


@kind("rows of many widths")
def _ragged(dice: Dice, name: str) -> bytes:
    lines = good(name).split(b"\n")
    return b"\n".join(line * dice.choice((0, 1, 1, 2, 5)) + b"," * dice.choice((0, 0, 1, 300)) for line in lines)


@kind("formulas and markup in cells")
def _formulas(dice: Dice, name: str) -> bytes:
    said = [
        HOSTILE,
        "+1+1",
        "@SUM(A1)",
        "-1",
        "\t=1",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "${jndi:x}",
        "'; drop table assets; --",
    ]
    text = good(name).decode()
    for word in ("best", "now", "today", "A1", "A2", "Sale"):
        text = text.replace(word, dice.choice(said).replace('"', '""' if name.endswith("sv") else "'"))
    return text.encode()


@kind("an endless cell", ("assets.csv", "assets.jsonl", "assets.json", "pairs.csv", "guide.json", "calls.jsonl"))
def _endless(dice: Dice, name: str) -> bytes:
    size, data = dice.choice((70_000, 3_900_000, 20_000_000)), good(name)
    at = data.find(b"best") if b"best" in data else len(data) // 2
    return data[:at] + b"x" * size + data[at:]


@kind("a million columns", ("assets.csv", "assets.tsv", "assets.jsonl"))
def _wide(dice: Dice, name: str) -> bytes:
    count = dice.choice((20_000, 1_000_000))
    if name.endswith("jsonl"):
        return json.dumps({f"c{n}": n for n in range(count)}).encode()
    mark = "\t" if name.endswith("tsv") else ","
    return (mark.join(map(str, range(count))) + "\n" + mark * (count - 1) + "\n").encode()


@kind("JSON a hundred thousand deep", ("assets.json", "assets.jsonl", "guide.json", "calls.jsonl"))
def _deep(dice: Dice, name: str) -> bytes:
    depth, opened = dice.choice((900, 100_000)), dice.choice((b"[", b'{"a":'))
    inner = opened * depth + b"1" + (b"]" if opened == b"[" else b"}") * depth
    return dice.choice((inner, b'[{"text": ' + inner + b"}]", b'{"text": ' + inner + b"}\n" + good("assets.jsonl")))


@kind("JSON of odd values", ("assets.json", "assets.jsonl", "guide.json", "calls.jsonl"))
def _odd_json(dice: Dice, name: str) -> bytes:
    odd = [
        "1" * 5000,
        "1e999",
        "NaN",
        "-Infinity",
        '"\\ud800"',
        "[[]]",
        '{"text": null}',
        '"a"',
        "true",
        "-0",
        '{"": {"": [1]}}',
    ]
    value = dice.choice(odd)
    key = dice.choice(
        ("text", "label", "id", "messages", "request", "most_characters", "banned", "language", "choices")
    )
    lines = [f'{{"id": "x{n}", "text": "boots {n}", "{key}": {value}}}' for n in range(3)]
    return (
        "[" + ",".join(lines) + "]" if name == "assets.json" else lines[0] if name == "guide.json" else "\n".join(lines)
    ).encode()


@kind("line breaks of all kinds")
def _breaks(dice: Dice, name: str) -> bytes:
    breaks = (b"\n", b"\r", b"\r\n", b"\n\r", b"\x0b", b"\x1e", b"\xe2\x80\xa8")
    return b"".join(line + dice.choice(breaks) for line in good(name).split(b"\n"))


# workbooks and ZIPs


def patched(data: bytes, change: Callable[[str, bytes], bytes], more: dict[str, bytes] | None = None) -> bytes:
    """An archive with its members changed, and `more` members."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        for name, extra in (more or {}).items():
            new.writestr(name, extra)
    return out.getvalue()


BOMBED = {
    "assets.xlsx": ("xl/worksheets/sheet1.xml", "xl/styles.xml", "[Content_Types].xml"),
    "images.zip": ("ads/0.png",),
    "backup.zip": ("understudy.db", "uploads/a.csv", "manifest.json"),
}


@kind("a bomb in an archive", ZIPPED)
def _bomb(dice: Dice, name: str) -> bytes:
    size = dice.choice((60_000_000, 400_000_000))
    inner = b" " if name == "assets.xlsx" else b"\0"
    target = dice.choice(BOMBED[name])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good(name))) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member != target:
                new.writestr(member, old.read(member))
                continue
            with new.open(member, "w", force_zip64=True) as into:
                for _ in range(size // 1_000_000):
                    into.write(inner * 1_000_000)
    return out.getvalue()


@kind("XML that laughs a billion times", ("assets.xlsx",))
def _laughing(dice: Dice, name: str) -> bytes:
    ten = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    entities = (
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{ten}<!ENTITY e SYSTEM "file:///etc/passwd">]>'.encode()
    )
    target = dice.choice(("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml"))
    said = dice.choice((b"&l9;", b"&e;"))

    def change(member: str, data: bytes) -> bytes:
        return entities + data.split(b"?>", 1)[-1].replace(b">text<", b">" + said + b"<") if member == target else data

    return patched(good(name), change)


@kind("a damaged sheet", ("assets.xlsx",))
def _sheet(dice: Dice, name: str) -> bytes:
    target = dice.choice(
        (
            "xl/worksheets/sheet1.xml",
            "xl/workbook.xml",
            "xl/sharedStrings.xml",
            "xl/styles.xml",
            "xl/_rels/workbook.xml.rels",
        )
    )
    numbers = (b"-1", b"99999999999", b"1048577", b"x")

    def change(member: str, data: bytes) -> bytes:
        if member != target:
            return data
        at = dice.randrange(1, len(data))
        odd = data.replace(b't="s"', dice.choice((b't="b"', b't="e"', b't="zz"', b't="d"')))
        odd = odd.replace(b"<v>1</v>", b"<v>" + dice.choice(numbers) + b"</v>").replace(
            b'r="B2"', b'r="' + dice.choice((b"ZZZZ9", b"B", b"2", b"XFE1")) + b'"'
        )
        return dice.choice((data[:at], data[:at] + b"<" + data[at:], odd, b"", data.replace(b"main", b"mein", 1)))

    return patched(good(name), change)


@kind("a workbook with formulas, merged cells, links, macros", ("assets.xlsx",))
def _book(dice: Dice, name: str) -> bytes:
    def change(book: openpyxl.Workbook) -> None:
        sheet = book.active
        what = dice.randrange(5)
        if what == 0:
            for row in range(2, 9):
                sheet.cell(row, 2).value = dice.choice(
                    (HOSTILE, "=1/0", "=[1]Other!A1", "=A1&B2", '=WEBSERVICE("http://evil.example")')
                )
        elif what == 1:
            sheet.merge_cells("A2:B6")
            sheet.merge_cells("A1:C1")
        elif what == 2:
            sheet.cell(1_048_576, 16_384).value = "far out"
        elif what == 3:
            sheet.sheet_state = "hidden"
            book.create_sheet("second").sheet_state = "visible"
        else:
            for row in range(1, 25):
                sheet.cell(row, 2).value = dice.choice((1e308, "#REF!", "x" * 32_767, None, True))

    data = _workbook(_table(), change)
    return (
        patched(data, lambda _, one: one, {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0" + dice.randbytes(300)})
        if dice.random() < 0.3
        else data
    )


@kind("Parquet of odd columns", ("assets.parquet",))
def _columns(dice: Dice, name: str) -> bytes:
    out, count = io.BytesIO(), 20
    odd = [[{"a": n} for n in range(count)], [[[n], [n]] for n in range(count)], [bytes([n, 255]) for n in range(count)],
           [float("nan")] * count, [None] * count, pd.date_range("1700-01-01", periods=count)]  # fmt: skip
    pd.DataFrame({"id": range(count), "text": pd.Series(list(dice.choice(odd)))}).rename(
        columns={"id": dice.choice(("id", "", "text "))}
    ).to_parquet(out)
    return out.getvalue()


@kind("members with paths outside", ZIPPED)
def _outside(dice: Dice, name: str) -> bytes:
    paths = (
        "../../evil.png",
        "/etc/evil.png",
        "C:\\evil.png",
        "a/../../evil.csv",
        "..\\evil.png",
        "x" * 4000 + ".png",
        "a\nb.png",
        "\u202egnp.exe.png",
    )
    return patched(
        good(name), lambda _, one: one, {path: pictures.saved(pictures.drawn("Evil")) for path in dice.sample(paths, 4)}
    )


@kind("an archive whose list lies", ZIPPED)
def _lying(dice: Dice, name: str) -> bytes:
    data = bytearray(good(name))
    ends = data.rfind(b"PK\x05\x06")
    first = data.find(b"PK\x01\x02")
    what = dice.randrange(5)
    if what == 0:
        struct.pack_into("<I", data, ends + 16, dice.choice((0, 0xFFFFFFFF, ends + 9)))
    elif what == 1:
        struct.pack_into("<H", data, first + 10, dice.choice((1, 9, 12, 14, 93, 99)))  # how it is packed
    elif what == 2:
        struct.pack_into("<H", data, first + 8, 1)  # locked
    elif what == 3:
        struct.pack_into("<II", data, first + 20, dice.randrange(2**32), dice.randrange(2**32))
    else:
        struct.pack_into("<I", data, first + 42, dice.randrange(2**31))
    return bytes(data)


@kind("damaged images", ("images.zip",))
def _images(dice: Dice, name: str) -> bytes:
    def change(member: str, data: bytes) -> bytes:
        if member.endswith("csv"):
            return dice.choice((data, b"image,image\n,\n", b"\xff\xfe", b""))
        at = dice.randrange(8, len(data))
        spoilt = bytearray(data)
        for _ in range(20):
            spoilt[dice.randrange(8, len(data))] = dice.randrange(256)
        return dice.choice(
            (
                data[:at],
                bytes(spoilt),
                pictures.huge(),
                b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>",
                data[:at] * 3,
                b"",
            )
        )

    return patched(good(name), change)


# backups


def _listed(change: Callable[[dict], object], members: dict[str, bytes] | None = None) -> bytes:
    """The backup with its list changed, and the bytes of members."""

    def changed(name: str, data: bytes) -> bytes:
        if name != MANIFEST:
            return (members or {}).get(name, data)
        listed = json.loads(data)
        change(listed)
        return json.dumps(listed).encode()

    more = {name: data for name, data in (members or {}).items() if name not in ("understudy.db", "uploads/a.csv")}
    return patched(good("backup.zip"), changed, more)


@kind("a backup whose list names what is not its own", ("backup.zip",))
def _named(dice: Dice, name: str) -> bytes:
    paths = (
        "../evil",
        "/tmp/evil",
        "a\\..\\evil",
        "secrets.toml",
        "C:evil",
        "uploads/../../evil",
        ".ready-1/x",
        "a\nb",
        "",
    )
    path = dice.choice(paths)
    row = {"path": path, "bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    linked = row | {"path": "uploads/b", "as": dice.choice(("/etc/passwd", "uploads/b", "secrets.toml", path))}
    return dice.choice(
        (
            _listed(lambda told: told["files"].append(row), {path or "x": b"x"}),
            _listed(lambda told: told["files"].append(linked)),
            _listed(lambda told: told["files"].extend(told["files"])),
            _listed(lambda told: told["files"].pop(0)),
        )
    )


@kind("a backup whose list is of odd values", ("backup.zip",))
def _odd_list(dice: Dice, name: str) -> bytes:
    odd = dice.choice((None, -1, 10**15, 1e308, float("nan"), "x", [], {}, True, [[["x"]]], "9" * 5000))
    key = dice.choice(("format", "made", "migrations", "files", "path", "bytes", "sha256", "as"))
    return _listed(lambda told: (told if key in told else told["files"][-1]).update({key: odd}))


@kind("a backup of a damaged database", ("backup.zip",))
def _damaged(dice: Dice, name: str) -> bytes:
    """Whose digest its list tells rightly."""
    with zipfile.ZipFile(io.BytesIO(good(name))) as archive:
        data = bytearray(archive.read("understudy.db"))
    start = dice.choice((0, 4096 * dice.randrange(1, 20)))
    data[start : start + 4096] = dice.choice((b"\xff", b"\0")) * 4096
    data = dice.choice((bytes(data), bytes(data[: len(data) // 2]), b"", b"SQLite format 3\0"))

    def told(listed: dict) -> None:
        row = next(row for row in listed["files"] if row["path"] == "understudy.db")
        row.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    return _listed(told, {"understudy.db": data})


BACKUPS = [name for name, (of, _) in KINDS.items() if of == ("backup.zip",)]


# --- files that are none ----------------------------------------------------------------------------------------------


def _special(folder: Path, number: int, dice: Dice) -> Bad:
    """A link in a circle, a link to a folder or a device, a pipe nobody writes to, a folder, a file nobody may read."""
    path = folder / f"{number:03}-special.{dice.choice(('csv', 'json', 'xlsx', 'zip', 'jsonl'))}"
    what = dice.choice(("loop", "device", "pipe", "folder", "gone"))
    if what == "loop":
        path.symlink_to(path.name)
    elif what == "device":
        path.symlink_to("/dev/zero")
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    return Bad(f"no file: {what}", path)


def made(folder: Path, count: int, seed: int) -> Iterator[Bad]:
    """`count` bad files in `folder`, of every kind in turn; each may be removed before the next is asked for."""
    dice, kinds = random.Random(seed), list(KINDS.items())
    for number in range(count):
        place = number % (len(kinds) + 1)
        if place == len(kinds):
            yield _special(folder, number, dice)
            continue
        name, (of, spoil) = kinds[place]
        base = dice.choice(of)
        path = folder / f"{number:03}-{base}"
        path.write_bytes(spoil(dice, base))
        yield Bad(name, path)
