"""What is no table: each kind of file told by its first bytes, with one sentence what it is and one what to do."""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import InputError

AS_CSV = "Save it as CSV (UTF-8) or as an Excel workbook (.xlsx) without a password."
EXPORT = "Export the table itself, as CSV (UTF-8) or as an Excel workbook (.xlsx)."
UNPACK = "Unpack it and import the table in it."
MAGICS = (
    (b"\x89PNG", "a PNG image", EXPORT),
    (b"\xff\xd8\xff", "a JPEG image", EXPORT),
    (b"GIF8", "a GIF image", EXPORT),
    (b"II*\0", "a TIFF image", EXPORT),
    (b"MM\0*", "a TIFF image", EXPORT),
    (b"8BPS", "a Photoshop file", EXPORT),
    (b"%PDF", "a PDF", EXPORT),
    (b"%!PS", "a PostScript file", EXPORT),
    (b"{\\rtf", "a rich text document (RTF)", EXPORT),
    (b"\x1f\x8b", "a gzip archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ", "an xz archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
    (b"SQLite format 3", "an SQLite database", "Export the table in it as CSV (UTF-8)."),
    (b"\0\1\0\0Standard", "an Access database", "Export the table in it as CSV (UTF-8)."),
    (b"ARROW1", "an Arrow (Feather) file", "Save it as Parquet or CSV (UTF-8)."),
    (b"ORC", "an ORC file", "Save it as Parquet or CSV (UTF-8)."),
    (b"Obj\1", "an Avro file", "Save it as Parquet or CSV (UTF-8)."),
    (b"\x89HDF", "an HDF5 file", "Save it as Parquet or CSV (UTF-8)."),
    (b"$FL2", "an SPSS file", "Save it as CSV (UTF-8)."),
    (b"BEGIN:VC", "an address card or a calendar", EXPORT),
    (
        b"version https://git-lfs",
        "a pointer to a file kept elsewhere (Git LFS)",
        "Fetch the file itself and import that.",
    ),
)
# What a compound document (OLE) is, by the name of a stream in it.
STREAMS = (
    (
        "EncryptedPackage",
        "a password-protected workbook or document",
        "Open it, take the password off, and save it as .xlsx.",
    ),
    ("__substg1.0", "a mail saved from Outlook", "Save the mail's attachment and import that."),
    ("WordDocument", "an old Word document", EXPORT),
    ("PowerPoint Document", "an old PowerPoint presentation", EXPORT),
    ("Workbook", "an old Excel workbook (.xls)", "Open it in Excel and save it as .xlsx or CSV (UTF-8)."),
    ("Book", "an old Excel workbook (.xls)", "Open it in Excel and save it as .xlsx or CSV (UTF-8)."),
)
OLE = b"\xd0\xcf\x11\xe0"
_TAG = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table|meta|script|div|style)\b",
    re.I | re.S,
)
_SIGN_IN = re.compile(
    rb"password|sign[ -]?in|log[ -]?in|session has expired|anmelden|connexion|iniciar ses", re.IGNORECASE
)
_TITLE = re.compile(rb"<title[^>]*>\s*(.{1,200}?)\s*</title>", re.IGNORECASE | re.DOTALL)
_MAIL = re.compile(
    rb"(?:received|return-path|delivered-to|mime-version|message-id|from|date|subject|to|x-[\w-]+): ", re.IGNORECASE
)
_SQL = re.compile(
    rb"\s*(?:--[^\n]*\n|/\*.*?\*/;?|\s)*(?:drop table|create table|insert into|set names|set \w+ ?=)\b", re.I | re.S
)


def refuse_others(path: Path, head: bytes) -> None:
    """Raise InputError where a file's first bytes say that it is no table of text; what is in doubt passes."""
    for magic, kind, todo in MAGICS:
        if head.startswith(magic):
            raise _no_table(path, kind, todo)
    if head.startswith(OLE):
        raise _no_table(path, *_compound(path))
    if (
        head[:4] == b"RIFF"
        or head[4:8] == b"ftyp"
        or (head.startswith((b"ID3", b"OggS", b"\x1aE\xdf\xa3", b"BM")) and 0 in head[:64])
    ):
        raise _no_table(path, "an image, a film or a sound", EXPORT)
    if _TAG.match(head[:8_000]):
        raise _page(path, head)
    if head.lstrip()[:5] == b"<?xml" or re.match(rb"\s*<[A-Za-z][\w:]*(?:\s[^>]*)?>\s*<", head[:2_000]):
        office = b"urn:schemas-microsoft-com:office:spreadsheet" in head
        if office:
            raise _no_table(path, "an Excel 2003 XML spreadsheet", "Open it in Excel and save it as .xlsx.")
        raise _no_table(path, "an XML document", EXPORT)
    if _is_mail(head):
        raise _no_table(path, "a mail", "Save the mail's attachment and import that.")
    if _SQL.match(head[:8_000]):
        raise _no_table(path, "an SQL dump", "Export the table as CSV (UTF-8) instead.")


def _no_table(path: Path, kind: str, todo: str) -> InputError:
    return InputError(f"The file is {kind}, not a table.", todo, where=path.name)


def _page(path: Path, head: bytes) -> InputError:
    """A web page: most often the login page that came instead of a report, or a report that is a page named .xls."""
    title = _TITLE.search(head)
    named = f" (“{title[1].decode('utf-8', 'replace')[:80]}”)" if title else ""
    if b"<table" in head.lower():
        todo = "Open it in Excel and save it as .xlsx, or export the report as CSV (UTF-8)."
        return InputError(f"The file is a web page{named} with a table in it, not a table.", todo, where=path.name)
    if _SIGN_IN.search(head):
        todo = "Sign in where the report comes from, and download it again."
        return InputError(f"The file is a web page{named} that asks to sign in, not a table.", todo, where=path.name)
    return _no_table(
        path, f"a web page{named}", "Download the report itself, as CSV (UTF-8) or as an Excel workbook (.xlsx)."
    )


def _compound(path: Path) -> tuple[str, str]:
    with path.open("rb") as handle:
        data = handle.read(50_000_000)
    for name, kind, todo in STREAMS:
        if name.encode("utf-16-le") in data:
            return kind, todo
    return "an old or password-protected Excel workbook", AS_CSV


def _is_mail(head: bytes) -> bool:
    """Whether the first lines are a mail's headers: at least three, none of them anything else."""
    lines = [line for line in head[:8_000].splitlines()[:12] if line and line[:1] not in b" \t"]
    return len(lines) >= 3 and sum(bool(_MAIL.match(line)) for line in lines[:6]) >= 3 and bool(_MAIL.match(lines[0]))
