"""The one error people see, the one that stops long work, what is amiss outside the program, and problems an import lists."""

from __future__ import annotations

import errno
import re
import sqlite3
from dataclasses import asdict, dataclass


class InputError(Exception):
    """Something a person can put right: what happened, where, and what to do.

    Raised anywhere in core, caught in one place (the page frame, the command line or the job runner).
    Every other exception is a bug and is allowed to surface as one.
    """

    def __init__(self, what: str, todo: str = "", *, where: str = ""):
        what, todo, where = (readable(part) for part in (what, todo, where))
        self.what, self.todo, self.where = what, todo, where
        super().__init__(" ".join(part for part in (f"{where}: {what}" if where else what, todo) if part))


MEMORY_FULL = ("There is not enough memory for this.", "Close other programs, or choose a smaller base model or file.")
# As torch and other libraries say it.
NO_MEMORY = re.compile(
    r"not enough memory|can't allocate memory|Cannot allocate memory|bad_alloc|Unable to allocate|could not create a primitive",
    re.I,
)
DISK_FULL = ("The disk is full:", "make room, then start it again.")
# As libraries say it that hand on no number.
NO_SPACE = re.compile(
    r"No space left|Disk quota exceeded|\bos error 28\b|\bErrno 28\b|disk is full|requested and \d+ written", re.I
)
_ENDLESS = re.compile(r"\S{300,}")
_NOT_WRITABLE = (
    "cannot be read or written with the rights this program has.",
    "Change its rights, or choose another place.",
)
_BY_ERRNO = {
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.EROFS: ("lies on a disk that can only be read.", "Choose a place that can be written."),
    errno.ENAMETOOLONG: ("is too long a name for a file.", "Choose a shorter one."),
    errno.EMFILE: ("cannot be opened: too many files are open.", "Close other programs, then start it again."),
    errno.EIO: ("cannot be read or written: the disk reports an error.", "Check the disk, or choose another place."),
}
_BY_SQLITE = {
    sqlite3.SQLITE_READONLY: (
        "The workspace can only be read.",
        "Change its rights, or name another with UNDERSTUDY_HOME.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The workspace's database cannot be opened or written.",
        "Check the folder's rights and the room on its disk, or name another with UNDERSTUDY_HOME.",
    ),
    sqlite3.SQLITE_NOTADB: ("The workspace's database is damaged: it is no database any more.", ""),
    sqlite3.SQLITE_CORRUPT: ("The workspace's database is damaged.", ""),
    sqlite3.SQLITE_IOERR: (
        "The workspace's disk reports an error: it is full or failing.",
        "Make room or check the disk, then start it again.",
    ),
    sqlite3.SQLITE_BUSY: (
        "Something else has been writing to the workspace for over a minute.",
        "Try again in a moment.",
    ),
}
_RESTORE = (
    "`python3 run.py restore --from F.zip` puts a backup in its place, `python3 run.py check` says what is damaged. Without a "
    "backup move understudy.db away and begin afresh: students and uploads are files beside it."
)


def disk_full(error: BaseException | None) -> bool:
    """Whether this error, or one that led to it, says that there is no room on the disk."""
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or NO_SPACE.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def damaged(error: BaseException) -> bool:
    """Whether this error says that the workspace's database is damaged."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, sqlite3.DatabaseError) and code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def memory_full(error: BaseException | None) -> bool:
    """Whether this error, or one that led to it, says that there is no memory left."""
    while error is not None:
        # onnxruntime's errors are of classes of its own, straight below Exception.
        if isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def outside(error: BaseException) -> InputError | None:
    """The sentence for what is amiss outside the program: disk or memory full, rights, a damaged database, a bad name.

    None for everything else, which is a bug.
    """
    if isinstance(error, InputError):
        return error
    if disk_full(error):
        return InputError(*DISK_FULL)
    if memory_full(error):
        return InputError(*MEMORY_FULL)
    if isinstance(error, sqlite3.DatabaseError):
        sentence = _BY_SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        return sentence and InputError(sentence[0], sentence[1] or _RESTORE)
    if isinstance(error, OSError) and error.errno in _BY_ERRNO and error.filename:
        what, todo = _BY_ERRNO[error.errno]
        return InputError(f"{shortened(error.filename)} {what}", todo)
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return InputError("A name or text holds a broken character that cannot be stored.", "Type it anew.")
    return None


def shortened(name: object, most: int = 120) -> str:
    """A name as a sentence can hold it: without its middle where it is long, broken characters replaced."""
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    text = text.encode(errors="replace").decode()
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 :]}"


def readable(part: str) -> str:
    """A part of a sentence without the middles of endless words and names, which would bury the rest."""
    return shortened(_ENDLESS.sub(lambda word: shortened(word[0]), part), 2000)


class Cancelled(Exception):
    """Raised between units of long work once a person has asked to stop. Work may tidy up, then let it pass."""


@dataclass(frozen=True)
class Problem:
    """One row (or cell) of a file that could not be used. `row` counts as a spreadsheet does, header = 1. A `remark` says what was
    done that needs nobody, as long as it was right: a total left out, a label taken as accepted."""

    row: int | None
    column: str | None
    what: str
    todo: str
    remark: bool = False

    @property
    def kind(self) -> str:
        """Problem, or remark."""
        return "remark" if self.remark else "problem"

    def as_dict(self) -> dict:
        return asdict(self)
