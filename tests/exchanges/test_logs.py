"""Logs of calls: each shape becomes assets and labels; every row comes in or is listed; whatever a file holds, nothing fails."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import database, jobs
from core.errors import InputError
from core.exchanges import logs, patterns, shapes
from core.exchanges.exchange import Exchange
from core.exchanges.patterns import Pattern
from tests import small
from tests.deploy.upstream import PROMPT
from tests.test_main import call

ROWS = small.rows(9, seed=4)
USAGE = {"prompt_tokens": 90, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 30}}


def asked(row: dict, **more) -> dict:
    return {"model": "gpt-6.1-sol", "messages": [{"role": "user", "content": PROMPT.format(row["text"])}], **more}


def completion(row: dict) -> dict:
    choices = [{"message": {"role": "assistant", "content": row["label"]}, "finish_reason": "stop"}]
    return {"model": "gpt-6.1-sol-2026-11-01", "created": 1_790_000_000, "choices": choices, "usage": USAGE}


def message(row: dict) -> dict:
    usage = {"input_tokens": 60, "output_tokens": 2, "cache_read_input_tokens": 30}
    content = [{"type": "text", "text": row["label"]}]
    return {
        "type": "message",
        "role": "assistant",
        "model": "gpt-6.1-sol",
        "stop_reason": "end_turn",
        "content": content,
        "usage": usage,
    }


def lines(path: Path, records) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return path


def openai_batch(folder: Path) -> list[Path]:
    what = {"method": "POST", "url": "/v1/chat/completions"}
    requests = [{"custom_id": row["id"], **what, "body": asked(row)} for row in ROWS]
    replies = [
        {"id": "b", "custom_id": row["id"], "response": {"status_code": 200, "body": completion(row)}, "error": None}
        for row in reversed(ROWS)
    ]
    return [lines(folder / "output.jsonl", replies), lines(folder / "input.jsonl", requests)]


def anthropic_batch(folder: Path) -> list[Path]:
    requests = [{"custom_id": row["id"], "params": asked(row, max_tokens=20, system="Sort.")} for row in ROWS]
    results = [{"custom_id": row["id"], "result": {"type": "succeeded", "message": message(row)}} for row in ROWS]
    return [lines(folder / "requests.jsonl", requests), lines(folder / "results.jsonl", results)]


def chat_log(folder: Path) -> list[Path]:
    return [
        lines(
            folder / "chat.jsonl",
            ({"request": asked(row), "response": completion(row), "latency_ms": 812.4} for row in ROWS),
        )
    ]


def anthropic_log(folder: Path) -> list[Path]:
    return [
        lines(
            folder / "messages.jsonl",
            ({"input": asked(row), "output": message(row), "duration": 0.8124} for row in ROWS),
        )
    ]


def last_answers(folder: Path) -> list[Path]:
    def record(row: dict) -> dict:
        turns = [*asked(row)["messages"], {"role": "assistant", "content": row["label"]}]
        return {"messages": turns, "model": "gpt-6.1-sol", "usage": USAGE, "latency": 0.812}

    return [lines(folder / "turns.jsonl", map(record, ROWS))]


def generation(row: dict) -> dict:
    return {
        "id": f"g-{row['id']}",
        "traceId": "t",
        "type": "GENERATION",
        "startTime": "2026-11-02T10:00:00.000Z",
        "endTime": "2026-11-02T10:00:00.812Z",
        "model": "gpt-6.1-sol",
        "input": {"messages": asked(row)["messages"]},
        "output": {"role": "assistant", "content": row["label"]},
        "usageDetails": {"input": 90, "output": 2, "input_cached_tokens": 30},
    }


def langfuse_json(folder: Path) -> list[Path]:
    traces = [{"id": "t", "timestamp": "2026-11-02T10:00:00Z", "observations": [generation(row)]} for row in ROWS]
    path = folder / "traces.json"
    path.write_text(json.dumps(traces), encoding="utf-8")
    return [path]


def langfuse_csv(folder: Path) -> list[Path]:
    path = folder / "generations.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(generation(ROWS[0])))
        table.writeheader()
        for row in ROWS:
            told = generation(row)
            table.writerow({k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in told.items()})
    return [path]


SHAPES = {
    openai_batch: "a batch of OpenAI's",
    anthropic_batch: "a batch of Anthropic's",
    chat_log: "a chat log",
    anthropic_log: "a chat log",
    last_answers: "a chat log",
    langfuse_json: "a Langfuse export",
    langfuse_csv: "a Langfuse export",
}


@pytest.fixture
def task(db, tmp_path):
    return small.fill(db, tmp_path / "files", small.rows(40))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_each_shape_becomes_assets_and_labels_with_what_they_took(db, task, tmp_path, shape):
    paths = shape(tmp_path)
    seen = logs.look(db, task, paths)
    assert (seen.kind, seen.looked_at, seen.read, seen.guessed) == (SHAPES[shape], 9, 9, True)
    told = logs.import_log(db, task, paths)
    assert (told["rows"], told["imported"], told["problems"]) == (9, 9, 0)
    assert told["teachers"] == {"recorded:gpt-6.1-sol": 9}
    found = db.execute(
        """select a.text, c.label, l.tokens_in, l.tokens_out, l.tokens_cached, l.latency_ms from labels l
           join assets a on a.id = l.asset_id join categories c on c.id = l.category_id"""
    ).fetchall()
    assert {text: label for text, label, *_ in found} == {row["text"]: row["label"] for row in ROWS}
    assert {tuple(took) for _, _, *took, _ in found} == {(90, 2, 30)}
    assert {took for *_, took in found} == ({None} if "batch" in shape.__name__ else {812})
    assert patterns.of(db, task).template == PROMPT.format("{asset}")
    again = logs.import_log(db, task, paths)
    assert (again["imported"], again["unchanged"], again["relabelled"]) == (0, 9, 0)
    assert logs.worth(db, task, "gpt-6.1-sol")["usd"] == pytest.approx(9 * (60 * 2 + 30 * 0.2 + 2 * 10) / 1e6, rel=0.5)


def test_what_could_not_be_used_is_listed_by_row_and_nothing_is_lost(db, task, tmp_path):
    good = [{"request": asked(row), "response": completion(row)} for row in ROWS]
    bad = [
        {"request": asked(ROWS[0]), "response": {"status_code": 500, "body": {"error": {"message": "x"}}}},
        {"request": {"messages": [{"role": "user", "content": "A poem, please"}]}, "response": completion(ROWS[0])},
        {"request": asked(ROWS[0] | {"text": "new words"}), "response": completion(ROWS[0] | {"label": "Sail"})},
        {"nothing": 1},
    ]
    path = lines(tmp_path / "log.jsonl", [*good, *bad, good[0]])
    with path.open("a") as file:
        file.write('{"broken": \n[1, 2]\n\n')
    told = logs.import_log(db, task, [path], pattern=Pattern(PROMPT.format("{asset}")))
    listed = {row: what for row, what in db.execute("select row, what from import_problems").fetchall()}
    assert (told["rows"], told["imported"], told["unchanged"], told["problems"]) == (16, 10, 1, 6)
    assert list(listed) == [10, 11, 12, 13, 15, 16]
    assert "The call failed" in listed[10] and "does not fit the pattern" in listed[11] and "Sail" in listed[12]
    assert "no prompt with its answer" in listed[13] and "no JSON object" in listed[15]
    left_out = len(listed) - 1  # what names no category is an asset without a label
    assert told["rows"] == told["imported"] + told["unchanged"] + left_out
    (value,) = db.execute("select value from import_labels").fetchall()
    assert value == ("Sail",)
    named = logs.import_log(db, task, [path], accepted={"Sail": "Sale"})
    assert named["relabelled"] == 1


def test_half_a_batch_is_refused_and_answers_without_a_request_are_listed(db, task, tmp_path):
    output, requests = openai_batch(tmp_path)
    for path, what in ((output, "without what was asked"), (requests, "without their answers")):
        with pytest.raises(InputError, match=what):
            logs.import_log(db, task, [path])
    kept = requests.read_text().splitlines(keepends=True)
    requests.write_text("".join([*kept[:-2], kept[0]]))  # two are missing, one stands there twice
    told = logs.import_log(db, task, [output, requests])
    assert (told["rows"], told["imported"], told["problems"]) == (9, 6, 3)


def test_two_models_are_two_teachers_and_dates_stay_with_assets(db, task, tmp_path):
    two = [{"request": asked(row) | {"model": f"m-{n % 2}"}, "response": completion(row)} for n, row in enumerate(ROWS)]
    told = logs.import_log(db, task, [lines(tmp_path / "two.jsonl", two)])
    assert told["teachers"] == {"recorded:m-0": 5, "recorded:m-1": 4} and told["rows"] == 9
    (extra,) = db.execute("select extra from assets where text = ?", [ROWS[0]["text"]]).fetchone()
    assert json.loads(extra)["answered"].startswith("2026-09-21") and json.loads(extra)["model"] == "m-0"


def test_without_a_pattern_and_none_to_be_told_it_says_so(db, task, tmp_path):
    path = lines(
        tmp_path / "log.jsonl", [{"request": asked(row), "response": completion(row | {"label": "?"})} for row in ROWS]
    )
    with pytest.raises(InputError, match="no prompt pattern"):
        logs.import_log(db, task, [path])
    with pytest.raises(InputError, match=r"Not one row of the log could be used\. The prompt does not fit"):
        logs.import_log(db, task, [path], pattern=Pattern("Other {asset}"))


def test_by_command_and_as_a_job(capsys, db, task, tmp_path):
    paths = openai_batch(tmp_path)
    status, out, err = call(capsys, "imports", "--client", "Small", "--log", *map(str, paths))
    assert (
        status == 0 and "9 new assets and 0 there already of 9 rows" in out and "recorded:gpt-6.1-sol: 9 labels" in out
    ), err
    status, out, _ = call(capsys, "passing", "--client", "Small")
    assert "Category, gpt-6.1-sol: 9 labels, 810 tokens in (270 cached), 18 out, $0.0" in out
    params = {"task_id": task.id, "paths": [str(path) for path in paths], "filename": "x"}
    assert jobs.run_here(db, "import_log", params, task).result["unchanged"] == 9
    status, out, _ = call(
        capsys, "passing", "--client", "Small", "--pattern", "Ad: {asset}", "--contains", "ads", "--json"
    )
    assert json.loads(out)["patterns"]["Category"]["contains"] == "ads"
    assert call(capsys, "passing", "--client", "Small", "--pattern", "none")[0] == 2


RECORD = st.dictionaries(
    st.sampled_from(
        [*shapes.REQUESTS, *shapes.REPLIES, *shapes.IDS, *shapes.DATES, *shapes.UNSAID, "observations", "error"]
    ),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=6)
        | st.sampled_from(["{", "[1", '{"a":1}']),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "role",
                        "content",
                        "messages",
                        "body",
                        "message",
                        "status",
                        "choices",
                        "text",
                        "type",
                        "input",
                        "output",
                    ]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ),
    max_size=5,
)


@given(RECORD)
def test_a_record_of_any_kind_is_exchanges_or_reasons(record):
    for told in shapes.exchanges(record):
        assert isinstance(told, Exchange) or told in patterns.WHY
    if shapes.is_result(record):
        assert not isinstance(shapes.result(record), str) or shapes.result(record) in patterns.WHY


@settings(max_examples=25)
@given(st.lists(RECORD.map(json.dumps) | st.text(max_size=12).map(lambda text: text.replace("\n", " ")), max_size=6))
def test_a_log_of_any_lines_is_read_or_refused_in_a_sentence(tmp_path_factory, said):
    path = tmp_path_factory.mktemp("log") / "any.jsonl"
    path.write_text("\n".join(said), encoding="utf-8", errors="replace")
    try:
        told = list(logs.Log([path]).exchanges())
    except InputError as error:
        assert error.what and error.todo
        return
    assert all(isinstance(one, Exchange) or one in patterns.WHY for _, _, one in told)


def test_a_long_log_takes_seconds(db, task, tmp_path):
    path = tmp_path / "long.jsonl"
    with path.open("w") as file:
        for n in range(20_000):
            row = ROWS[n % 9] | {"text": f"{ROWS[n % 9]['text']} {n}"}
            file.write(json.dumps({"request": asked(row), "response": completion(row)}) + "\n")
    reading = patterns.Reading(db, task, Pattern(PROMPT.format("{asset}")))
    began = time.process_time()
    models, whys = logs._models(logs.Log([path]), reading)
    assert models == ["gpt-6.1-sol"] and not whys and time.process_time() - began < 6
    assert database.now()
