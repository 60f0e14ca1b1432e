"""Logs of a large model's calls into the workspace: assets with the labels that were answered then, and what those took.

    import_log(db, task, [Path("input.jsonl"), Path("output.jsonl")])

Whatever its shape (core/exchanges/shapes.py), a log is read as a table by the task's prompt pattern and goes the way of any file
of assets (core/assets/imports.py): a row is an asset with its label or is listed with the reason, and the same file twice adds
nothing. The labels of a model are those of the recorded teacher of its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlite_utils import Database

from core import database, settings, tasks, taxonomy
from core.assets import imports
from core.assets.entering import ImportSummary
from core.assets.rows import text_id
from core.errors import InputError
from core.exchanges import patterns, shapes
from core.exchanges.exchange import Exchange, asked, text_of
from core.exchanges.patterns import BROKEN, NO_ANSWER, NO_QUESTION, WHY, Matched, Pattern, Reading, Why
from core.jobs.progress import NoProgress, Progress
from core.label import labelling, runs
from core.money import prices
from core.tables.columns import Mapping
from core.tables.encodings import look as look_at_encoding
from core.tables.files import MAX_BYTES, Problems, Table, open_table
from core.tables.json_shapes import rows_of
from core.tables.json_values import values
from core.tasks import Task

HEAD = 200  # exchanges looked at before a log is imported
NAMELESS = "log"  # the teacher whose name no record says
TABLES = (".csv", ".tsv", ".xlsx", ".xlsm", ".parquet")
# Labels of a recorded teacher whose recording says something else by now: it reads them anew.
CHANGED = """delete from labels where (run_id, asset_id) in (
    select l.run_id, l.asset_id from label_runs r join labels l on l.run_id = r.id join categories c on c.id = l.category_id
    join recordings s on s.task_id = r.task_id and s.source = :source and s.asset_id = l.asset_id
    where r.task_id = :task and r.teacher = :teacher and coalesce(s.category, s.label) <> c.label)"""
COLUMNS = ("tokens_in", "tokens_out", "tokens_cached", "latency_ms", "model", "answered", "call")


@dataclass(frozen=True)
class Seen:
    """A log as it is understood: its sort in words, exchanges looked at, how many of them name a category, how often each reason
    stands in the way, the pattern they were read by and whether that was `guessed` from them."""

    kind: str
    looked_at: int
    read: int
    reasons: dict[str, int]
    pattern: Pattern | None
    guessed: bool
    models: dict[str, int] = field(default_factory=dict)


class Log:
    """One log, in one file or, of a batch, in several. InputError where a file is none, or a batch lacks one of its halves."""

    def __init__(self, paths: Sequence[Path]):
        self.paths = [Path(path) for path in paths]
        firsts = [_first(path) for path in self.paths]
        self.batch = any(shapes.is_request(one) or shapes.is_result(one) for one in firsts)
        self.kind = shapes.kind(firsts[-1])
        self._questions: dict[str, Any] | None = None
        if self.batch and not any(map(shapes.is_result, firsts)):
            raise InputError(
                "These are the requests of a batch, without their answers.",
                "Choose the file of its results as well.",
                where=self.paths[0].name,
            )
        if self.batch and not any(map(shapes.is_request, firsts)):
            raise InputError(
                "These are the answers of a batch, without what was asked.",
                "Choose the file of its requests as well.",
                where=self.paths[0].name,
            )

    def exchanges(self, table: Table | None = None) -> Iterator[tuple[Path, int, Exchange | Why]]:
        """(file, row, exchange or why it is none). `table` is told what share of the log was read, and of rows left out."""
        for place, path in enumerate(self.paths):
            for row, record in _records(path, table, place / len(self.paths), 1 / len(self.paths)):
                if not isinstance(record, dict):
                    yield path, row, BROKEN
                elif self.batch and shapes.is_request(record):
                    continue
                elif self.batch and shapes.is_result(record):
                    yield path, row, self._joined(record)
                else:
                    for told in shapes.exchanges(record):
                        yield path, row, told
        if self.batch:
            yield from ((path, row, NO_ANSWER) for path, row, _, _ in self._unanswered())

    def _joined(self, record: dict) -> Exchange | Why:
        id = text_of(str(record["custom_id"]))
        question = self._asked.get(id)
        if question is None:
            return NO_QUESTION
        self._answered.add(id)
        said = shapes.result(record)
        if isinstance(said, str):
            return said
        _, _, messages, model = question
        return Exchange(messages, said, model or said.model, None, id[:200]) if messages else NO_QUESTION

    @property
    def _asked(self) -> dict[str, Any]:
        """What was asked under each custom_id; None under one that stands twice, for then nobody knows which was answered."""
        if self._questions is None:
            self._questions, self._answered, kept = {}, set(), {}
            for path in self.paths:
                for row, record in _records(path):
                    if isinstance(record, dict) and shapes.is_request(record):
                        id, body = text_of(str(record["custom_id"])), record.get("body", record.get("params"))
                        model = text_of(body.get("model"))
                        messages = tuple((role, kept.setdefault(text, text)) for role, text in asked(body))
                        self._questions[id] = None if id in self._questions else (path, row, messages, model[:120])
        return self._questions

    def _unanswered(self) -> list:
        return [one for id, one in self._asked.items() if one is not None and id not in self._answered]


def _first(path: Path) -> dict:
    """The first record of a file. InputError where there is none."""
    if not path.is_file():
        raise InputError("There is no such file.", "Check the path.", where=str(path))
    if path.stat().st_size > MAX_BYTES:
        raise InputError(
            f"The file is {path.stat().st_size / 1e6:,.0f} MB, at most {MAX_BYTES / 1e6:,.0f} MB can be read.",
            "Split it into several files and import them one after the other.",
            where=path.name,
        )
    for _, record in islice(_records(path), HEAD):
        if isinstance(record, dict) and record:
            return record
    raise InputError(
        "The file holds no record of a call.", "Export the log as JSON, one call a line, or as CSV.", where=path.name
    )


def _records(
    path: Path, table: Table | None = None, start: float = 0.0, part: float = 1.0
) -> Iterator[tuple[int, Any]]:
    """(row, record) of a file of JSON or a table; what is no JSON as something that is no dict."""

    def progress(share: float) -> None:
        if table is not None:
            table.share = start + share * part

    with path.open("rb") as handle:
        begins = handle.read(4096)
    if path.suffix.lower() in TABLES or begins.startswith((b"PK", b"PAR1")):
        inner, problems, read = open_table(path), Problems(), set()
        for row, cells in inner.records(problems):
            progress(inner.share)
            read.add(row)
            yield row, {name: cell for name, cell in zip(inner.columns, cells) if cell}
        yield from ((one.row, None) for one in problems.listed if one.row and one.row not in read)
        return
    whole, records = values(path, look_at_encoding(path).encoding, progress)
    head = list(islice(records, 2)) if whole else []
    if len(head) == 1 and isinstance(head[0][1], dict) and not _is_call(head[0][1]):
        yield from enumerate(rows_of(head[0][1])[0], 1)
        return
    yield from chain(head, records)


def _is_call(record: dict) -> bool:
    return "custom_id" in record or any(isinstance(one, Exchange) for one in shapes.exchanges(record))


# --- looking ------------------------------------------------------------------------------------------------------


def look(db: Database, task: Task, paths: Sequence[Path], pattern: Pattern | None = None) -> Seen:
    """What a log holds, by its first exchanges, read by `pattern`, else by the task's own, else by one that they share."""
    patterns.must_sort(task)
    log = Log(paths)
    told = [one for _, _, one in islice(log.exchanges(), HEAD)]
    calls = [one for one in told if isinstance(one, Exchange)]
    pattern, guessed = pattern or patterns.of(db, task), False
    if pattern is None and (found := patterns.suggested(db, task, calls)):
        pattern, guessed = found[0], True
    reasons: Counter[str] = Counter(one for one in told if isinstance(one, str))
    read = 0
    if pattern:
        reading = Reading(db, task, pattern)
        for one in calls:
            matched = reading(one)
            known = isinstance(matched, Matched) and matched.category is not None
            read += known
            if not known:
                reasons[patterns.UNKNOWN if isinstance(matched, Matched) else matched] += 1
    models = Counter(one.model or NAMELESS for one in calls)
    return Seen(log.kind, len(told), read, dict(reasons.most_common()), pattern, guessed, dict(models.most_common()))


def look_at(path: Path, more: list[str], task_id: int, pattern: dict | None, version: int | None) -> Seen:
    """look() for a process of its own (core/tables/apart.py); `version`: of the taxonomy, so that what was seen by another one is
    not taken for it."""
    with closing(database.connect()) as db:
        return look(db, tasks.get(db, task_id), [path, *map(Path, more)], Pattern(**pattern) if pattern else None)


# --- importing ----------------------------------------------------------------------------------------------------


def import_log(
    db: Database,
    task: Task,
    paths: Sequence[Path],
    *,
    pattern: Pattern | None = None,
    accepted: dict[str, str] | None = None,
    progress: Progress | None = None,
    filename: str | None = None,
) -> dict[str, Any]:
    """Import a log for a task; the sums of its import (core/assets/entering.py: ImportSummary), and `teachers`: labels by the
    recorded teacher that holds them.

    Where the task has no pattern yet, the one the log was read by is kept with it. InputError where none is set and none can be
    guessed, and as import_assets().
    """
    seen = look(db, task, paths, pattern)
    if seen.pattern is None:
        raise InputError(
            f"The task {task.name} has no prompt pattern, and none that its categories answer can be told from the log.",
            "Set one on the Connections page, or with `passing --pattern`.",
            where=Path(paths[0]).name,
        )
    log, reading = Log(paths), Reading(db, task, seen.pattern)
    models, whys = _models(log, reading)
    if not models:
        why = max(whys, key=whys.get) if whys else patterns.NO_EXCHANGE
        what, todo = WHY[why]
        raise InputError(f"Not one row of the log could be used. {what}", todo, where=Path(paths[0]).name)
    if patterns.of(db, task) is None:
        patterns.put(db, task, seen.pattern)
    summaries, teachers = [], {}
    for place, model in enumerate(models):
        source = source_of(model)
        table = _table(log, reading, model, tell=not place)
        how = {
            "table": table,
            "filename": filename or " + ".join(path.name for path in log.paths),
            "accepted": accepted,
        }
        summaries.append(imports.import_assets(db, task, log.paths[-1], mapping(source), progress, **how))
        teachers[f"recorded:{source}"] = taken_over(db, task, source, progress)
    return _summed(summaries) | {"teachers": teachers, "kind": seen.kind, "pattern": asdict(seen.pattern)}


def import_job(db: Database, params: dict, progress: Progress) -> dict[str, Any]:
    """The job body: {"task_id", "paths", "filename", "pattern", "accepted"}."""
    pattern = Pattern(**params["pattern"]) if params.get("pattern") else None
    how = {name: params.get(name) for name in ("filename", "accepted")}
    task = tasks.get(db, params["task_id"])
    return import_log(db, task, [Path(path) for path in params["paths"]], pattern=pattern, progress=progress, **how)


def source_of(model: str) -> str:
    """The name of the recorded teacher that holds the labels of a model."""
    name = " ".join(model.split())[:100] or NAMELESS
    return f"model {name}" if name in ("id", "text", *COLUMNS) else name


def mapping(source: str) -> Mapping:
    """How the table of a log's exchanges is imported."""
    roles = {name: name for name in ("tokens_in", "tokens_out", "tokens_cached", "latency_ms")}
    return Mapping(text=("text",), id="id", label=source, latency_unit="ms", **roles)


def cells(matched: Matched, exchange: Exchange) -> list[str]:
    """An exchange as a row of that table: its asset goes by an id made of the text."""
    said = exchange.said
    took = (said.tokens_in, said.tokens_out, said.tokens_cached)
    numbers = ["" if one is None else str(one) for one in took]
    latency = "" if exchange.latency_ms is None else f"{exchange.latency_ms:.0f}"
    label = matched.answer if matched.category is None else matched.category
    names = [exchange.model, said.created, exchange.id]
    return [f"{text_id(matched.text)}-1", matched.text, label, *numbers, latency, *names]


def opened(path: Path, detail: str, source: str, rows: Any) -> Table:
    """A table of such rows: `rows(table, problems)` gives (row, cells)."""

    def raw(table: Table, problems: Problems) -> Iterator[tuple[int, list[str]]]:
        yield 0, ["id", "text", source, *COLUMNS]
        yield from rows(table, problems)

    table = Table(path, "json", detail, raw)
    table.read_header(())
    table.escaped = False  # a prompt is read as the model saw it
    return table


def _table(log: Log, reading: Reading, model: str, *, tell: bool) -> Table:
    """The log's exchanges with one model; `tell`: what is no exchange of any is listed."""

    def rows(table: Table, problems: Problems) -> Iterator[tuple[int, list[str]]]:
        for path, row, told in log.exchanges(table):
            if isinstance(told, Exchange) and (told.model or NAMELESS) != model and not tell:
                continue
            matched = reading(told) if isinstance(told, Exchange) else told
            if isinstance(matched, Matched):
                if (told.model or NAMELESS) == model:
                    yield row, cells(matched, told)
            elif tell:
                table.left_out += 1
                problems.add(row, path.name if len(log.paths) > 1 else None, *WHY[matched])

    return opened(log.paths[-1], log.kind, source_of(model), rows)


def _models(log: Log, reading: Reading) -> tuple[list[str], Counter[str]]:
    """The models that answered, the one with most answers first, and how often each reason stands in the way."""
    models: Counter[str] = Counter()
    whys: Counter[str] = Counter()
    for _, _, told in log.exchanges():
        matched = reading(told) if isinstance(told, Exchange) else told
        if isinstance(matched, Matched):
            models[told.model or NAMELESS] += 1
        else:
            whys[matched] += 1
    return [model for model, _ in models.most_common()], whys


def taken_over(db: Database, task: Task, source: str, progress: Progress | None = None) -> int:
    """Have the recorded teacher of that name label what it has answers to; how many labels it has given. Until somebody has chosen
    another model, Compare prices the teacher as this one, where the list has it."""
    if taxonomy.latest(db, task) is None:
        return 0
    held = "select 1 from recordings where task_id = ? and source = ? limit 1"
    if not db.execute(held, [task.id, source]).fetchone():
        return 0
    stored = settings.get(db, "assumptions", task)
    if "price_as" not in stored and prices.price(db, source):
        settings.put(db, "assumptions", stored | {"price_as": source}, task)
    # One at a time: two that begin together would each make a run.
    with FileLock(settings.subfolder("tmp") / f"taken-{task.id}.lock"):
        with db.atomic():
            db.execute(CHANGED, {"task": task.id, "teacher": f"recorded:{source}", "source": source})
        run_id = labelling.label(db, task, f"recorded:{source}", progress=progress or NoProgress())
    return runs.summary(db, run_id)["count"]


def _summed(summaries: Sequence[ImportSummary]) -> dict[str, Any]:
    sums = {
        name: sum(getattr(one, name) for one in summaries)
        for name in ("rows", "imported", "unchanged", "duplicates", "problems", "relabelled", "remarks", "aside")
    }
    return sums | {"import_id": summaries[0].import_id, "imports": [one.import_id for one in summaries]}


def sources(db: Database, task: Task) -> list[str]:
    """The recorded teachers that hold labels out of calls, by their models' names."""
    rows = db.execute(
        """select distinct json_extract(mapping, '$.label') from imports where task_id = ?
           and json_extract(mapping, '$.tokens_cached') = 'tokens_cached' and json_extract(mapping, '$.id') = 'id'
           and json_extract(mapping, '$.latency_unit') = 'ms' order by 1""",
        [task.id],
    )
    return [source for (source,) in rows.fetchall()]


def worth(db: Database, task: Task, source: str) -> dict[str, Any]:
    """What the labels of a recorded teacher took: labels, tokens (in, out, cached), latency_ms (the middle one), and usd at the
    model's list price of `as_of`; None where that is not known."""
    row = db.execute(
        """select count(*), sum(tokens_in), sum(tokens_out), sum(tokens_cached), count(tokens_in) from recordings
           where task_id = ? and source = ?""",
        [task.id, source],
    ).fetchone()
    labels, tokens_in, tokens_out, cached, counted = row
    middle = db.execute(
        """select latency_ms from recordings where task_id = :t and source = :s and latency_ms is not null order by latency_ms
           limit 1 offset (select count(latency_ms) / 2 from recordings where task_id = :t and source = :s)""",
        {"t": task.id, "s": source},
    ).fetchone()
    price = prices.price(db, source) if counted else None
    usd = price and prices.cost(price, tokens_in or 0, tokens_out or 0, cached or 0)
    told = {"labels": labels, "tokens_in": tokens_in, "tokens_out": tokens_out, "tokens_cached": cached, "usd": usd}
    return told | {"counted": counted, "as_of": price and price.as_of, "latency_ms": middle and middle[0]}
