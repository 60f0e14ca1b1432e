"""Files that are no table are called what they are."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile

import pytest

from core.errors import InputError
from core.tables.files import open_table

LOGIN = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body><form>Password: <input></form></body></html>"
PAGE_TABLE = (
    b"<html xmlns:x='urn:schemas-microsoft-com:office:excel'><body><table><tr><td>id</td></tr></table></body></html>"
)
MAIL = b"Return-Path: <a@b.c>\r\nReceived: from x by y\r\nFrom: Reports <a@b.c>\r\nSubject: Weekly\r\n\r\nPlease find attached\r\n"


def ole(stream: str) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000) + stream.encode("utf-16-le") + bytes(200)


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in names:
            packed.writestr(name, "id,text\n1,shoes\n")
    return out.getvalue()


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table a (b)")
    return connection.serialize()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("report.csv", LOGIN, "a web page (“Log in”) that asks to sign in"),
        ("report.csv", b"\xef\xbb\xbf\r\n  <HTML><BODY>Service unavailable</BODY></HTML>", "a web page"),
        ("report.csv", LOGIN.decode().encode("utf-16"), "that asks to sign in"),
        ("report.xls", PAGE_TABLE, "a web page with a table in it"),
        ("report.csv", b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>", "an XML document"),
        ("report.xls", b"<?xml version='1.0'?><?mso-application progid='Excel.Sheet'?><Workbook "
         b"xmlns='urn:schemas-microsoft-com:office:spreadsheet'></Workbook>", "an Excel 2003 XML spreadsheet"),
        ("report.csv", MAIL, "a mail"),
        ("report.msg", ole("__substg1.0_0037001F"), "a mail saved from Outlook"),
        ("report.xls", ole("Workbook"), "an old Excel workbook (.xls)"),
        ("report.xlsx", ole("EncryptedPackage"), "a password-protected workbook"),
        ("report.zip", archive("report.csv"), "a ZIP archive (report.csv)"),
        ("report.ods", archive("mimetype", "content.xml"), "an OpenDocument file"),
        ("report.numbers", archive("Index/Document.iwa"), "an Apple Numbers"),
        ("report.csv", b"%PDF-1.7\n%", "a PDF"),
        ("report.csv", b"{\\rtf1\\ansi id,text}", "a rich text document"),
        ("report.csv", gzip.compress(b"id,text\n1,shoes\n"), "a gzip archive"),
        ("report.csv", database(), "an SQLite database"),
        ("report.csv", b"-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `ads`;\n", "an SQL dump"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)  # fmt: skip
def test_what_is_no_table_is_named_with_what_to_do(name, data, said, tmp_path):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        open_table(path)
    assert said in error.value.what and error.value.todo


@pytest.mark.parametrize(
    "text", ["From: Berlin,id\nshoes,1\n", "<b>text</b>,id\nshoes,1\n", "id,text\n1,<p>shoes</p>\n"]
)
def test_a_table_with_a_little_markup_or_a_colon_is_a_table(text, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert open_table(path).columns
