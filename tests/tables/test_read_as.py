"""What a person says about how a file is to be read goes before what is found out."""

from __future__ import annotations

import pytest

from core import tasks, taxonomy
from core.assets import imports, previews
from core.commands import reading
from core.errors import InputError
from core.tables.files import Problems, ReadAs, open_table


def read(path, **how):
    return [cells for _, cells in open_table(path, read_as=ReadAs(**how)).records(Problems())]


def test_encoding_delimiter_and_header_row_can_be_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("made by hand|on Friday\nid|text\n1|Zażółć, gęślą\n".encode("cp1250"))
    table = open_table(path, read_as=ReadAs(encoding="cp1250", delimiter="pipe", header=2))
    assert (table.columns, list(table.records(Problems()))) == (["id", "text"], [(3, ["1", "Zażółć, gęślą"])])
    assert read(path, encoding="cp1250", delimiter=",", header=3) == []


@pytest.mark.parametrize("how", [{"encoding": "latin-99"}, {"encoding": "base64"}, {"delimiter": "ab"}, {"header": 7}])
def test_what_cannot_be_is_refused_with_a_sentence(tmp_path, how):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,shoes\n")
    with pytest.raises(InputError) as error:
        read(path, **how)
    assert error.value.what and error.value.todo


def test_imports_of_assets_and_taxonomies_take_it(tmp_path, db):
    path = tmp_path / "a.csv"
    path.write_bytes("id|text\n1|Zażółć, gęślą\n".encode("cp1250"))
    client = tasks.of(db, "Acme")
    params = {"task_id": client.id, "path": str(path), "read_as": {"encoding": "cp1250", "delimiter": "|"}}
    assert imports.import_job(db, params, None)["imported"] == 1
    assert db.execute("select text from assets").fetchone() == ("Zażółć, gęślą",)
    path.write_bytes("name\nŁódź\n".encode("cp1250"))
    assert [c.name for c in taxonomy.read(path, read_as=ReadAs(encoding="cp1250")).categories] == ["Łódź"]


def test_a_command_tells_what_a_file_leaves_open_and_which_option_settles_it(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("Boots for winter,Shoes\nWool hat,Hats\nTote,Bags\nClog,Shoes\nCap,Hats\n")
    reading.tell_doubts(previews.preview(path).doubts)
    said = capsys.readouterr().err
    assert said.startswith(
        "No row looks like column names; all are read as data. Read as none; for another, --header-row: 1"
    )
    assert "Boots for winter | Shoes" in said
