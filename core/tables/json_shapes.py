"""The shapes JSON tables come in: nested records, Label Studio's tasks, files that tune chat models, tables turned on their side.

Fields of nested objects become columns with dotted names (data.text), as pandas.json_normalize names them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from core.tables.cells import cell_text

MAX_DEPTH = 12
MAX_FIELDS = 2_000  # of one record
ANSWERING = ("assistant", "model", "gpt", "bot", "chatgpt")
ASKING = ("user", "human")
LISTS = ("messages", "conversations", "contents")  # OpenAI and most others, ShareGPT, Gemini
PAIRS = (("prompt", "completion"), ("input_text", "output_text"), ("instruction", "output"))
ANSWER_FIELDS = ("label", "category", "class", "answer", "output", "result", "topic", "intent")
# What old tuning files put behind a prompt and a completion to mark their ends.
_MARKS = re.compile(r"\s*(?:###|->|\bEND)\s*$")


def text_of(value: Any) -> str:
    """A JSON value as one cell: nested values as JSON; half a surrogate pair, which no file can hold, as \ufffd."""
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    text = cell_text(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def fields(record: dict[str, Any]) -> dict[str, str]:
    """The cells of one record by column name."""
    cells: dict[str, str] = {}
    known = _labelled(record) or _conversation(record) or _pair(record)
    for name, value in {
        **(known or {}),
        **{k: v for k, v in record.items() if known is None or k not in known},
    }.items():
        if known is not None and value is _TAKEN:
            continue
        _flatten(text_of(name), value, cells, 0)
    return cells


_TAKEN = object()  # a field that went into text and label


def _flatten(name: str, value: Any, cells: dict[str, str], depth: int) -> None:
    if isinstance(value, dict) and value and depth < MAX_DEPTH and len(cells) < MAX_FIELDS:
        for inner, item in value.items():
            part = _conversation(value) if depth < 3 and inner in LISTS else None
            if part:  # a request that holds the messages deeper down: body.messages
                for key, text in part.items():
                    if text is not _TAKEN:
                        cells.setdefault(key, text_of(text))
                continue
            _flatten(f"{name}.{text_of(inner)}", item, cells, depth + 1)
    elif isinstance(value, dict) and not value:
        pass
    elif isinstance(value, list) and value and not any(isinstance(item, list | dict) for item in value):
        cells[name] = "\n".join(filter(None, map(text_of, value)))
    else:
        cells[name] = text_of(value)


def _labelled(record: dict[str, Any]) -> dict[str, Any] | None:
    """Label Studio's task: the label of its first annotation that was not cancelled; None for another record."""
    annotations = record.get("annotations", record.get("completions"))
    if not isinstance(annotations, list) or not isinstance(record.get("data"), dict):
        return None
    chosen = [
        label
        for annotation in annotations
        if isinstance(annotation, dict)
        and not annotation.get("was_cancelled")
        and (label := _chosen(annotation.get("result")))
    ]
    known: dict[str, Any] = {"id": record.get("id"), "data": record["data"], "label": chosen[0] if chosen else None}
    if len(set(chosen)) > 1:
        known["other labels"] = [label for label in dict.fromkeys(chosen) if label != chosen[0]]
    predictions = record.get("predictions")
    if isinstance(predictions, list):
        labels = [label for one in predictions if isinstance(one, dict) and (label := _chosen(one.get("result")))]
        known["predictions"] = labels[0] if labels else _TAKEN
    return {**known, "annotations": _TAKEN, "completions": _TAKEN, **({} if "id" in record else {"id": _TAKEN})}


def _chosen(result: Any) -> str:
    """The choice of one annotation; a taxonomy's as a path; several parted by semicolons."""
    chosen: list[str] = []
    for part in result if isinstance(result, list) else []:
        value = part.get("value") if isinstance(part, dict) else None
        if not isinstance(value, dict):
            continue
        choices = next((value[k] for k in ("choices", "labels", "taxonomy") if isinstance(value.get(k), list)), [])
        chosen += [" > ".join(map(text_of, part)) if isinstance(part, list) else text_of(part) for part in choices]
    return "; ".join(dict.fromkeys(filter(None, chosen)))


def _conversation(record: dict[str, Any]) -> dict[str, Any] | None:
    """Messages as what was asked (text), what was answered (label) and the instructions; None for another record."""
    name = next((name for name in LISTS if isinstance(record.get(name), list)), None)
    turns = [_turn(one) for one in record[name]] if name else []
    if not turns or any(turn is None for turn in turns):
        return None
    asked: list[str] = []
    answer = system = ""
    for place, (role, text) in enumerate(turns):
        if role in ANSWERING:
            if text and (place == len(turns) - 1 or not any(one in ASKING for one, _ in turns[place + 1 :])):
                answer = text
        elif role in ASKING:
            if place and turns[place - 1][0] not in ASKING:
                asked = []  # an example before the question itself
            asked.append(text)
        elif role in ("system", "developer"):
            system = text
    if not asked:
        return None
    known: dict[str, Any] = {"text": "\n".join(filter(None, asked)), "label": _bare(answer)}
    known |= {"system": system} if system and "system" not in record else {}
    return {**known, name: _TAKEN}


def _turn(message: Any) -> tuple[str, str] | None:
    if not isinstance(message, dict):
        return None
    role, content = (
        message.get("role", message.get("from", "user")),
        message.get("content", message.get("value", message.get("parts", ""))),
    )
    if not isinstance(role, str) or ("role" not in message and "from" not in message and "parts" not in message):
        return None
    parts = content if isinstance(content, list) else [content]
    texts = [text_of(part.get("text", "") if isinstance(part, dict) else part) for part in parts]
    return role.casefold(), "\n".join(filter(None, texts))


def _bare(answer: str) -> str:
    """The category an answer names: itself, or the one field of a small JSON object."""
    if answer.startswith("{"):
        try:
            value = json.loads(answer)
        except (ValueError, RecursionError):
            return answer
        if isinstance(value, dict):
            named = [value[k] for k in (*ANSWER_FIELDS, *value) if k in value and isinstance(value[k], str | int)]
            return (
                text_of(named[0]) if named and (len(value) == 1 or any(k in value for k in ANSWER_FIELDS)) else answer
            )
    return answer


def _pair(record: dict[str, Any]) -> dict[str, Any] | None:
    """A prompt and its completion as text and label; None for another record."""
    for asked, answered in PAIRS:
        if (
            all(isinstance(record.get(k), str) for k in (asked, answered))
            and "text" not in record
            and "label" not in record
        ):
            text, label = (_MARKS.sub("", record[k]).strip() for k in (asked, answered))
            known: dict[str, Any] = {"text": text, "label": _bare(label), asked: _TAKEN, answered: _TAKEN}
            if asked == "instruction" and isinstance(record.get("input"), str) and record["input"].strip():
                known |= {"text": record["input"].strip(), "system": text, "input": _TAKEN}
            return known
    return None


def is_record(value: dict[str, Any]) -> bool:
    """Whether an object that is the whole file is one row rather than the wrapping of a table."""
    inner = [one for one in value.values() if isinstance(one, dict)]
    return any(shape(one) is not None for shape in (_labelled, _conversation, _pair) for one in (value, *inner))


def rows_of(value: dict[str, Any]) -> tuple[Iterator[Any], str, list[str]]:
    """The rows in an object that is a whole file, the name of the list they stand in, and the lists that were left.

    Known are a list under a key, also deeper down, pandas' orientations (split, table, columns, index) and a dict of lists.
    """
    if is_record(value):
        return iter([value]), "", []
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
        return iter([[text_of(name) for name in columns], *data]), "", []
    lists = _lists(value)
    if lists:
        name, best = max(lists, key=lambda one: len(one[1]))
        return iter(best), name, [f"{other} ({len(rows):,})" for other, rows in lists if other != name]
    if len(value) > 0 and all(isinstance(one, list) for one in value.values()):
        if len({len(one) for one in value.values()}) == 1 and len(value) > 1:
            return (dict(zip(value, row)) for row in zip(*value.values())), "", []
        name, best = max(value.items(), key=lambda one: len(one[1]))
        return iter(best), name, [f"{other} ({len(rows):,})" for other, rows in value.items() if other != name]
    if value and all(isinstance(one, dict) and one for one in value.values()):
        return _turned(value), "", []
    return iter([value]), "", []


def _lists(value: dict[str, Any], prefix: str = "", depth: int = 0) -> list[tuple[str, list[Any]]]:
    """Lists of objects (or of texts, where there is nothing else) in an object, the nearest to the top first."""
    lists = [(prefix + k, v) for k, v in value.items() if isinstance(v, list) and v and isinstance(v[0], dict)]
    if not lists and depth < 3:
        for k, v in value.items():
            if isinstance(v, dict):
                lists += _lists(v, f"{prefix}{k}.", depth + 1)
    if not lists and not depth and any(not isinstance(v, list) for v in value.values()):
        texts = [(k, v) for k, v in value.items() if isinstance(v, list) and v and isinstance(v[0], str)]
        lists = texts if len(texts) == 1 else []
    return lists


def _turned(value: dict[str, dict[str, Any]]) -> Iterator[Any]:
    """Rows of {"text": {"0": …}, "label": {"0": …}} (columns outside) or of {"0": {"text": …}, …} (rows outside)."""
    inner = list(dict.fromkeys(key for one in value.values() for key in one))
    if _counted(inner) or (len(inner) > len(value) and not _counted(list(value))):
        for key in inner:
            yield {**_id(key, inner), **{name: one.get(key) for name, one in value.items()}}
        return
    for key, record in value.items():
        yield {**_id(key, list(value)), **record}


def _id(key: str, keys: list[str]) -> dict[str, str]:
    return {} if _counted(keys) else {"id": key}


def _counted(keys: list[str]) -> bool:
    """Whether keys are mere numbers from 0 or 1 on."""
    return keys in ([str(n) for n in range(len(keys))], [str(n) for n in range(1, len(keys) + 1)])
