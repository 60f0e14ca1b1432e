"""Where images come from: a folder, or a ZIP that is read where it lies and never unpacked onto the disk."""

from __future__ import annotations

import errno
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.errors import InputError
from core.images.looking import Unfit

MAX_BYTES = 50_000_000  # of one image's file
MAX_FILES = 500_000  # as many as a table may have rows
BOMB_BYTES, BOMB_RATIO = 20_000_000, 100  # what unpacks to so much, and to so many times its size, is no image
TABLES = (".csv", ".tsv", ".xlsx", ".xlsm", ".json", ".jsonl", ".ndjson", ".parquet")
UTF8 = 0x800  # of a ZIP member's flags: its name is UTF-8
JUNK = {"thumbs.db", "desktop.ini", "__macosx"}  # what systems leave beside images
# What zipfile and what unpacks for it raise where an archive's list or a member is not what it should be.
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, LookupError, OverflowError),
)


TOO_LONG = Unfit(f"is larger than {MAX_BYTES // 1_000_000} MB.", "Save it smaller: no reader needs so many bytes.")
OUTSIDE = Unfit("has a path outside the ZIP.", "Make the ZIP anew from the folder itself.")
LOCKED = Unfit("is locked with a password.", "Make a ZIP without one.")
BOMB = Unfit(f"unpacks to more than {BOMB_RATIO} times its size.", "Make the ZIP anew.")
BROKEN = Unfit("cannot be unpacked.", "Make the ZIP anew.")
BEYOND = Unfit("lies outside the folder of the table.", "Put the table above its images.")
NO_FILE = Unfit("is no file.", "Correct the path, or add the image.")
LINK = Unfit("is a link to a file elsewhere.", "Put the file itself there.")


@dataclass(frozen=True)
class Entry:
    """One file of a source: its path within it, parts parted by "/", and how its bytes are read (raises Unfit, OSError)."""

    name: str
    read: Callable[[], bytes]

    @property
    def is_table(self) -> bool:
        return self.name.lower().endswith(TABLES)


def holds_images(path: Path) -> bool:
    """Whether a path is one that entries() takes: a folder, or a ZIP that is no workbook."""
    if path.is_dir():
        return True
    if not path.is_file() or path.suffix.lower() in TABLES or not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" not in archive.namelist()
    except OSError as error:
        if not _of_content(error):
            raise
    except DAMAGED:
        pass
    return False


def entries(path: Path) -> Iterator[Entry]:
    """The files of a folder or ZIP, by name, without what systems leave beside them. Read each before the next is asked for.

    Raises InputError where there is neither.
    """
    if path.is_dir():
        yield from _of_folder(path)
        return
    if not path.is_file():  # a pipe would be waited for
        raise InputError("There is no such folder or ZIP.", "Check the path.", where=str(path))
    damaged = InputError(
        "This is no ZIP, or a damaged one.", "Make it anew, or name the folder itself.", where=path.name
    )
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise damaged if _of_content(error) else error from None
    except DAMAGED:
        raise damaged from None
    with archive:
        yield from _of_zip(path, archive)


def _of_content(error: OSError) -> bool:
    """Whether it says that what was read makes no sense, and not that reading failed: a place before the file's beginning, what
    bz2 cannot unpack."""
    return error.errno in (None, errno.EINVAL)


def named(folder: Path, paths: Iterable[str]) -> Iterator[Entry]:
    """The files that the cells of a table name, each once: paths from its `folder`, never followed out of it, nor through links."""
    seen: set[str] = set()
    for cell in paths:
        name = cell.strip()
        if name and name not in seen:
            seen.add(name)
            _not_too_many(folder, len(seen))
            yield Entry(name, lambda name=name: _of_path(folder, name))


def _of_path(folder: Path, name: str) -> bytes:
    if "\0" in name:
        raise NO_FILE
    path = Path(os.path.normpath(folder.resolve() / name.replace("\\", "/")))
    if not path.is_relative_to(folder.resolve()):
        raise BEYOND
    if path.resolve() != path:
        raise LINK
    if not path.is_file():
        raise NO_FILE
    return _of_file(path)


def _of_folder(folder: Path) -> Iterator[Entry]:
    count = 0
    for place, below, files in os.walk(folder):
        below[:] = sorted(name for name in below if not _is_junk(name))
        for name in sorted(files):
            if _is_junk(name):
                continue
            count += 1
            _not_too_many(folder, count)
            file = Path(place, name)
            shown = file.relative_to(folder).as_posix().encode("utf-8", "replace").decode()
            yield Entry(shown, lambda file=file: _of_file(file))


def _of_file(file: Path) -> bytes:
    if file.is_symlink():
        raise LINK
    if not stat.S_ISREG(file.stat().st_mode) or file.stat().st_size > MAX_BYTES:
        raise TOO_LONG
    return file.read_bytes()


def _of_zip(path: Path, archive: zipfile.ZipFile) -> Iterator[Entry]:
    infos = [info for info in archive.infolist() if not info.filename or not info.is_dir()]
    _not_too_many(path, len(infos))
    taken: set[str] = set()
    for info in sorted(infos, key=lambda info: info.filename):
        name = _another(_name(info) or "A file without a name", taken)
        parts = PurePosixPath(name).parts
        if not any(map(_is_junk, parts)):
            taken.add(name)
            yield Entry(name, lambda info=info, parts=parts: _of_member(archive, info, parts))


def _name(info: zipfile.ZipInfo) -> str:
    """The path of a member, parts parted by "/". Some programs write it as UTF-8 and do not say so."""
    name = info.filename
    if not info.flag_bits & UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _another(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken: a ZIP may hold several files of one name."""
    place, dot, ending = name.rpartition(".")
    numbered = (f"{place} ({n}){dot}{ending}" if dot else f"{name} ({n})" for n in range(2, MAX_FILES + 2))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def _of_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, parts: tuple[str, ...]) -> bytes:
    """A member's bytes: never more than allowed, whatever its header says."""
    if ".." in parts or parts[:1] == ("/",) or (parts and ":" in parts[0][:2]):
        raise OUTSIDE
    if stat.S_ISLNK(info.external_attr >> 16):
        raise LINK
    if info.flag_bits & 0x1:
        raise LOCKED
    if info.file_size > BOMB_BYTES and info.file_size > BOMB_RATIO * max(info.compress_size, 1):
        raise BOMB
    try:
        with archive.open(info) as member:
            data = member.read(MAX_BYTES + 1)
    except OSError as error:
        raise BROKEN if _of_content(error) else error from None
    except DAMAGED:
        raise BROKEN from None
    if len(data) > MAX_BYTES:
        raise TOO_LONG
    return data


def _not_too_many(path: Path, count: int) -> None:
    if count > MAX_FILES:
        raise InputError(
            f"It holds more than {MAX_FILES:,} files.",
            "Split it and import the parts one after the other.",
            where=path.name,
        )


def _is_junk(name: str) -> bool:
    return (name.startswith(".") and name.strip(".") != "") or name.lower() in JUNK
