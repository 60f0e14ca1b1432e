"""JSON in the shapes that tools write: nested, wrapped, turned on its side, or made to tune a model."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.tables import json_values
from core.tables.columns import KNOWN_ASSET_NAMES, guess_assets
from core.tables.files import Problems, open_table

ROWS = [{"id": "A1", "text": "red shoes", "label": "Shoes"}, {"id": "A2", "text": "a blue hat", "label": "Hats"}]
CELLS = [["A1", "red shoes", "Shoes"], ["A2", "a blue hat", "Hats"]]
FRAME = pd.DataFrame(ROWS)


def read(folder, content, name="a.json"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    table, problems = open_table(path, KNOWN_ASSET_NAMES), Problems()
    return table, [cells for _, cells in table.records(problems)], [problem.what for problem in problems.listed]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\n".join(map(json.dumps, ROWS)),
        "\n".join(json.dumps(row, indent=1) for row in ROWS),
        ",\n".join(map(json.dumps, ROWS)),
        "".join(map(json.dumps, ROWS)),
        "\ufeff" + json.dumps(ROWS),
        json.dumps({"count": 2, "results": ROWS, "next": None}),
        json.dumps({"response": {"status": 1, "data": {"items": ROWS}}}),
        json.dumps([list(ROWS[0]), *(list(row.values()) for row in ROWS)]),
        FRAME.to_json(orient="split"),
        FRAME.to_json(orient="columns"),
        FRAME.to_json(orient="index"),
        FRAME.to_json(orient="records", lines=True),
        json.dumps(FRAME.to_dict("list")),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_table_is_read_whatever_it_is_wrapped_in(tmp_path, content, name):
    table, records, said = read(tmp_path, content, name)
    assert (table.columns, records, said) == (["id", "text", "label"], CELLS, [])


def test_pandas_table_orientation_and_ids_as_keys(tmp_path):
    table, records, _ = read(tmp_path, FRAME.to_json(orient="table"))
    assert [cells[-3:] for cells in records] == CELLS
    by_id = FRAME.set_index("id")
    for orient in ("index", "columns"):
        table, records, _ = read(tmp_path, by_id.to_json(orient=orient))
        assert (table.columns, records) == (["id", "text", "label"], CELLS) or orient == "columns"
    longer = pd.DataFrame([{"text": f"words {i}", "label": "x"} for i in range(9)], index=[f"A{i}" for i in range(9)])
    for orient in ("index", "columns"):
        assert read(tmp_path, longer.to_json(orient=orient))[1][4] == ["A4", "words 4", "x"]


def test_nested_fields_are_columns_lists_are_lines_and_nothing_is_empty(tmp_path):
    row = {
        "data": {"text": "red shoes", "meta": {"market": "DE"}},
        "tags": ["a", "b"],
        "score": float("nan"),
        "none": {},
    }
    table, records, _ = read(tmp_path, json.dumps([{**row, "big": 9007199254740993, "deep": [{"a": 1}]}]))
    assert table.columns == ["data.text", "data.meta.market", "tags", "score", "big", "deep"]
    assert records == [["red shoes", "DE", "a\nb", "", "9007199254740993", '[{"a": 1}]']]
    assert guess_assets(table.columns, table.head).text == ("data.text",)


def test_texts_alone_are_the_text(tmp_path):
    for content in (
        '["red shoes", "a hat"]',
        '"red shoes"\n"a hat"\n',
        '{"version": 2, "texts": ["red shoes", "a hat"]}',
    ):
        table, records, _ = read(tmp_path, content, "a.jsonl" if content[0] == '"' else "a.json")
        assert (table.columns, records) == (["text"], [["red shoes"], ["a hat"]])


def labelled(text, *choices, **more):
    result = [[{"type": "choices", "value": {"choices": [choice]}}] for choice in choices]
    return {"id": 7, "data": {"ad": text}, "annotations": [{"result": one} for one in result], "meta": {}, **more}


def test_label_studio_exports_give_text_and_label(tmp_path):
    first = labelled("red shoes", "Shoes", predictions=[{"result": [{"value": {"choices": ["Hats"]}}]}])
    second = labelled("a hat", "Bags", "Hats")
    second["annotations"][0]["was_cancelled"] = True
    third = {**labelled("a bag"), "annotations": [{"result": [{"value": {"taxonomy": [["Bags", "Leather"]]}}]}]}
    table, records, _ = read(tmp_path, json.dumps([first, second, third, labelled("nobody")]))
    assert table.columns == ["id", "data.ad", "label", "predictions"]
    assert [row[1:3] for row in records] == [
        ["red shoes", "Shoes"], ["a hat", "Hats"], ["a bag", "Bags > Leather"], ["nobody", ""],
    ]  # fmt: skip
    table, records, _ = read(tmp_path, json.dumps([labelled("red shoes", "Shoes", "Boots")]))
    assert records == [["7", "red shoes", "Shoes", "Boots"]] and table.columns[3] == "other labels"


def chat(*turns):
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


@pytest.mark.parametrize(
    "record",
    [
        chat(("system", "Sort it."), ("user", "red shoes"), ("assistant", "Shoes")),
        chat(("user", "a hat"), ("assistant", "Hats"), ("user", "red shoes"), ("assistant", '{"category": "Shoes"}')),
        chat(("user", [{"type": "text", "text": "red shoes"}]), ("assistant", "Shoes")),
        {"body": chat(("user", "red shoes"), ("assistant", "Shoes"))},
        {"conversations": [{"from": "human", "value": "red shoes"}, {"from": "gpt", "value": "Shoes"}]},
        {
            "contents": [
                {"role": "user", "parts": [{"text": "red shoes"}]},
                {"role": "model", "parts": [{"text": "Shoes"}]},
            ]
        },
        {"prompt": "red shoes\n\n###\n\n", "completion": " Shoes END"},
        {"input_text": "red shoes", "output_text": "Shoes"},
        {"instruction": "Sort it.", "input": "red shoes", "output": "Shoes"},
    ],
)
def test_files_that_tune_models_give_text_and_label_and_never_the_answer_in_the_text(tmp_path, record):
    for content, name in (
        (json.dumps([record]), "a.json"),
        (json.dumps(record), "a.json"),
        (json.dumps(record), "a.jsonl"),
    ):
        table, records, _ = read(tmp_path, content, name)
        assert dict(zip(table.columns, records[0]))["text"] == "red shoes"
        assert dict(zip(table.columns, records[0]))["label"] == "Shoes"
        guess = guess_assets(table.columns, table.head)
        assert (guess.text, guess.label) == (("text",), "label")


def test_other_lists_of_a_file_are_named(tmp_path):
    _, records, said = read(tmp_path, json.dumps({"ads": ROWS, "errors": [{"code": 1}]}))
    assert records == CELLS and said == ["The list ads was read; left unread: errors (1)."]


def test_what_is_no_row_is_listed_and_the_rest_is_read(tmp_path):
    table, records, said = read(tmp_path, json.dumps([ROWS[0], 7, None, ROWS[1]]))
    assert (records, said, table.left_out) == (CELLS, ["The row is no JSON object; it was left out."] * 2, 2)
    table, records, said = read(tmp_path, f"{json.dumps(ROWS[0])}\nbroken\n{json.dumps(ROWS[1])}\n", "a.jsonl")
    assert (records, len(said)) == (CELLS, 1)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('[{"text": "a"},\n {"text": b}]', "The file is no valid JSON: Expecting value in line 2, column 11."),
        ('[{"text": "a"}', "The file is no valid JSON: Expecting ',' in line 1, column 15."),
        ('{"a": ' + "[" * 100_000, "The file is no JSON that can be read."),
        ("[" * 100_000, "The file is no JSON that can be read."),
    ],
)
def test_broken_and_bottomless_json_gets_a_sentence(tmp_path, content, what):
    with pytest.raises(InputError) as error:
        read(tmp_path, content)
    assert error.value.what == what


def test_a_bomb_of_tiny_values_is_refused_and_long_lists_are_streamed(tmp_path, monkeypatch):
    monkeypatch.setattr(json_values, "MAX_VALUES", 1_000)
    with pytest.raises(InputError, match="nor one of so many values"):
        read(tmp_path, '{"a": [' + "[]," * 2_000_000 + "[]]}")
    monkeypatch.setattr(json_values, "MAX_WHOLE", 1_000)
    assert len(read(tmp_path, json.dumps(ROWS * 5_000))[1]) == 10_000


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.dictionaries(st.sampled_from("abcd"), st.text("xyz é\n\"{[,", max_size=8), min_size=1), min_size=1),
    indent=st.sampled_from([None, 1]),
    lines=st.booleans(),
)  # fmt: skip
def test_rows_read_and_rows_listed_are_the_rows_of_the_file(tmp_path, rows, indent, lines):
    content = "\n".join(json.dumps(row, indent=indent) for row in rows) if lines else json.dumps(rows, indent=indent)
    if lines and len(rows) == 1:
        content = json.dumps(rows)
    try:
        table, records, _ = read(tmp_path, content)
    except InputError:
        assert not any(cell.strip() for row in rows for cell in row.values())
        return
    given_rows = [[row.get(column, "").strip() for column in table.columns] for row in rows]
    assert records == [row for row in given_rows if any(row)]
