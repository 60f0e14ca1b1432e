"""Score a file: a category, a confidence and "handled" for every row, streamed, in memory that does not grow with rows.

    score(db, task=task, student="live", input=Path("assets.csv"), output=Path("scored.parquet"))
    score(db, task=topic, beside=[offer], input=…, output=…)     # of several tasks each row's every facet

Rows are read in shards; each finished shard is a file in the folder `.NAME.parts` beside the output NAME, which is put
together from them and appears under its name only when it is whole. Killed, cancelled or failed, the same call takes over
the finished shards; where input, student, columns or this program have changed since, it starts afresh.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from sqlite_utils import Database

from core import jobs, settings, tasks, taxonomy
from core.deploy import inputs, sending
from core.deploy.engines import ENGINES, Todo
from core.deploy.inputs import ALONE, Beside
from core.deploy.shards import COMPLETED, RESULTS, Counts, Facet, Scoring, columns_of, header, read
from core.errors import InputError
from core.evaluate.evaluation import certified
from core.evaluate.versions import behind_words
from core.images.sources import holds_images
from core.jobs import NoProgress, Progress
from core.tables import name_parts
from core.tables.files import AS_FOUND, Doubt, ReadAs
from core.tasks import Task
from core.train.registry import find, folder_of
from core.whole import whole, write_whole
from core.words import counted

JOINED = 32  # shards in a row group of the output, where that is Parquet
EDGE = 1 << 20  # bytes at the input's head and tail that are hashed
FORMATS = (".csv", ".xlsx", ".parquet")
SHEET = 1_048_575  # rows that a sheet holds below its head; more go on in the next one
UNCERTIFIED = (
    "No confidence is certified for this student, so every row is for the teacher; categories are the student's best "
    "guess."
)
LISTED = 1_000  # problems of the input that come back with the counts


def score(
    db: Database,
    *,
    task: Task,
    beside: Sequence[Task] = (),
    student: str | int = "live",
    input: Path,
    output: Path,
    text_columns: list[str] | None = None,
    id_column: str | None = None,
    engine: str = "local",
    read_as: ReadAs = AS_FOUND,
    teacher: str | None = None,
    budget_usd: float | None = None,
    name_like: str | None = None,
    images: Beside = ALONE,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Answer every row of `input` (any table file) into `output` (CSV, XLSX or Parquet) and return counts and rate.

    `input` may be a folder or ZIP of images, with a table that names them (`images`) or without: what is on them is read as an
    import reads it, and stands in the output in columns of its own, after those of the table.

    The texts are read from `text_columns`, else those of the client's last import, else guessed. The output has all
    input columns, `id_column` first where it is named, then category, confidence and handled: whether the
    student's certified threshold lets it answer by itself (empty where nothing is certified); with further tasks `beside` it
    three columns for each, called after it, its confidence and handled. Rows without text get
    no category; rows that cannot be read are left out and listed, so that rows and `left_out` together are those of the file.
    `engine` is one of ENGINES; what `read_as` leaves open of how the input is read is found out.
    With a `teacher` (a model) or a budget (then the teacher the student learned from) the rows that the student does not handle are
    sent to it, as sending.send(), for `budget_usd` at most over all times this is done for the file; a fourth column, answered_by,
    says who answered. Rows it brings no answer for keep the student's. Of several tasks a row is asked about in one call, in those
    that are not handled.
    `name_like` adds a column `name`: a template such as {brand}_{Format}_{market}, of columns of the file and of tasks by their
    names.
    Where another target is set meanwhile, the whole file is answered by that: it begins again at the next shard.
    Raises InputError for a file, column or format that cannot be used.
    """
    started = time.perf_counter()
    _check_paths(input, output)
    rows = [find(db, one, student) for one in (task, *beside)]
    asks = teacher is not None or budget_usd is not None
    if asks and name_like:
        raise InputError("Names are made of students' answers alone.", "Leave the teacher out, or the names.")
    model = sending.hosted(db, rows, teacher) if asks else None
    if images != ALONE and not holds_images(input):
        raise InputError("A table that names images goes with a folder or ZIP of them.", "Give that as the input.")
    named = (input, output, text_columns, id_column, engine, read_as, name_like, images)
    while True:
        with suppress(_Changed):
            scored = _score(db, rows, model, budget_usd, progress or NoProgress(), *named)
            break
    seconds = time.perf_counter() - started
    pace = (scored["rows"] - scored["taken_over"]) / max(seconds, 1e-9)
    return scored | {"seconds": seconds, "rows_per_second": pace}


class _Changed(Exception):
    """The student's threshold is another by now."""


def _score(
    db: Database,
    students: list[dict],
    model: sending.Hosted | None,
    budget_usd: float | None,
    report: Progress,
    input: Path,
    output: Path,
    text_columns: list[str] | None,
    id_column: str | None,
    engine: str,
    read_as: ReadAs,
    name_like: str | None,
    images: Beside,
) -> dict[str, Any]:
    """score() by the threshold that holds as it begins; _Changed, with nothing written, where another one does before the end."""
    row = students[0]
    task = tasks.get(db, row["task_id"])
    if holds_images(input):
        source = inputs.opened_images(db, task, input, read_as, report, images, text_columns)
    else:
        source = inputs.opened(input, read_as)
    shards = source.shards()
    first = next(shards, None)
    if first is None:
        raise InputError("The file has no row below its header.", "Choose a file with rows to score.", where=input.name)
    texts = inputs.text_columns(db, task, source, first(), input, text_columns)
    scoring, manifest = _scoring(
        db, students, texts, inputs.columns_first(source, input, id_column), input, output, read_as, model, name_like
    )
    if source.sights:
        scoring = replace(scoring, image=source.columns[-1], sights=source.sights)
        manifest["images"] = [source.read, images.rows and _identity(images.rows)]
    with parts_folder(scoring.parts, manifest, lambda: _finished(scoring)), ExitStack() as stack:
        name = model and owner(students, model, input)
        asked = model and stack.enter_context(sending.opened(db, students, model, name, budget_usd))
        counts = _finished(scoring)
        taken_over = sum(c.rows for c in counts.values())
        report(taken_over, source.rows, "Scoring")
        todo = _while_it_holds(
            db, students, scoring, ((n, table) for n, table in enumerate(chain([first], shards)) if n not in counts)
        )
        with closing(ENGINES[engine](scoring, todo, source.rows - taken_over)) as done:
            for number, counted in done:
                counts[number] = counted
                report(sum(c.rows for c in counts.values()), source.rows, "Scoring")
        _must_hold(db, students, scoring)
        final, sent = scoring, {}
        if asked:
            kind = _kind(output)
            results = columns_of(scoring.facets, COMPLETED)
            final = replace(scoring, kind=kind, key=f"{scoring.key}-completed", results=results)
            sent = sending.send(db, students, asked, scoring, final, counts, report)
        _join(final, output, len(counts), report)
    return {
        "rows": sum(c.rows for c in counts.values()),
        "taken_over": taken_over,
        "handled": sum(c.handled for c in counts.values()),
        "certified": all(facet.threshold is not None for facet in scoring.facets),
        "without_text": sum(c.without_text for c in counts.values()),
        "left_out": source.left_out(),
        "problems": source.problems.count,
        "problem_list": [one.as_dict() for one in sorted(source.problems.listed, key=lambda one: one.remark)[:LISTED]],
        "student": row["id"],
        "taxonomy_note": " ".join(filter(None, (behind_words(db, one) for one in students))),
        "text_columns": texts,
        "output": str(output),
        "teacher_texts": sum(c.texts for c in counts.values()),
        "teacher_characters": sum(c.characters for c in counts.values()),
        **_of_facets(students, scoring, counts, sent.pop("teacher_facets", [])),
        **sent,
    }


def _of_facets(
    students: list[dict], scoring: Scoring, counts: dict[int, Counts], by_teacher: list[int]
) -> dict[str, Any]:
    """What came of each of several facets, by its name, and the texts that are for the teacher by the facets that wait (their
    places, texts, characters); nothing where there is one facet."""
    if len(students) == 1:
        return {}
    handled = [sum(each) for each in zip(*(c.of_facets for c in counts.values()))]
    waiting: dict[tuple[int, ...], list[int]] = {}
    for places, texts, characters in (one for c in counts.values() for one in c.waiting):
        sums = waiting.setdefault(tuple(places), [0, 0])
        waiting[tuple(places)] = [sums[0] + texts, sums[1] + characters]
    facets = {
        facet.name: {
            "task_id": row["task_id"],
            "student": row["id"],
            "handled": count,
            "certified": facet.threshold is not None,
        }
        for row, facet, count in zip(students, scoring.facets, handled)
    }
    for facet, count in zip(facets.values(), by_teacher):
        facet["by_teacher"] = count
    return {"facets": facets, "teacher_waiting": [[list(places), *sums] for places, sums in waiting.items()]}


def _while_it_holds(db: Database, students: list[dict], scoring: Scoring, todo: Todo) -> Todo:
    """The shards, as long as the thresholds are those they are answered by."""
    for shard in todo:
        _must_hold(db, students, scoring)
        yield shard


def _must_hold(db: Database, students: list[dict], scoring: Scoring) -> None:
    if any(certified(db, row["id"])[0] != facet.threshold for row, facet in zip(students, scoring.facets)):
        raise _Changed


def in_words(result: dict[str, Any]) -> str:
    """What came of a file that score() wrote, in words; without a certified confidence no row is said to be handled or not."""
    parts = [counted(result["rows"], "row")]
    facets = result.get("facets", {})
    proven = result["certified"] or any(one["certified"] for one in facets.values())
    if proven:
        parts.append(
            f"{result['handled']:,} handled by {'the student itself' if not facets else 'students in all facets'}"
        )
        each = [f"{name} {one['handled']:,}" for name, one in facets.items()]
        parts[-1] += f" ({', '.join(each)})" if each else ""
    parts += [f"{result['without_text']:,} without text"] if result["without_text"] else []
    parts += [f"{counted(result['left_out'], 'row')} left out"] if result["left_out"] else []
    return ", ".join(parts) + ("" if proven or "by_teacher" in result else f". {UNCERTIFIED}")


def owner(students: Sequence[dict], model: sending.Hosted, input: Path) -> str:
    """Under whom the calls for an input stand in the ledger, as sending.owner(); the same for a copy of it."""
    size, _, *content = _identity(input)
    return sending.owner(students, model, [size, *content])


def score_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: the arguments of score() by name, tasks by id, files as paths, "read_as" as a dictionary, what goes with images
    as "rows" and "image_column"; without "output" into the workspace's output."""
    arguments = dict(params)
    task = tasks.get(db, arguments.pop("task_id"))
    arguments["beside"] = [tasks.get(db, id) for id in arguments.pop("beside", [])]
    arguments["read_as"] = ReadAs(**arguments.get("read_as") or {})
    rows = arguments.pop("rows", None)
    arguments["images"] = Beside(Path(rows) if rows else None, arguments.pop("image_column", None))
    source = Path(arguments.pop("input"))
    name = arguments.pop("output", None)
    output = Path(name) if name else settings.subfolder("output") / f"{source.stem}-scored.csv"
    return score(db, task=task, **arguments, input=source, output=output, progress=progress)


def doubts(input: Path, read_as: ReadAs = AS_FOUND, images: Beside = ALONE) -> list[Doubt]:
    """What an input leaves open before it is scored, of images the table beside them. Raises InputError where it cannot be read."""
    table = images.rows if holds_images(input) else input
    return inputs.opened(table, read_as).doubts if table else []


def _check_paths(input: Path, output: Path) -> None:
    if output.suffix.lower() not in FORMATS:
        raise InputError(
            f"A file ending in '{output.suffix}' cannot be written.",
            "Name it .csv, .xlsx or .parquet.",
            where=output.name,
        )
    if not output.parent.is_dir():
        raise InputError("There is no such folder.", "Make it first, or choose another.", where=str(output.parent))
    if output.exists() and input.exists() and output.samefile(input):
        raise InputError("Input and output are the same file.", "Give the output another name.", where=output.name)


# --- shards and their parts ---------------------------------------------------------------------------------------


def _scoring(
    db: Database,
    students: list[dict],
    texts: list[str],
    columns: list[str],
    input: Path,
    output: Path,
    read_as: ReadAs,
    model: sending.Hosted | None,
    name_like: str | None,
) -> tuple[Scoring, dict[str, Any]]:
    """What the shards have in common; and what their parts are made from: parts made from anything else are not used."""
    facets = tuple(_facet(db, row) for row in students)
    kind = ".arrow" if model else _kind(output)
    manifest = {
        "input": _identity(input),
        "read_as": asdict(read_as),
        "facets": [_made_of(row["id"], facet) for row, facet in zip(students, facets)],
        "text_columns": texts,
        "columns": columns,
        "kind": kind,
        "shard": [inputs.SHARD, inputs.SHARD_CHARACTERS],
        "program": jobs.code_version(),
        "teacher": model and model.name,
        "name": name_like,
    }
    parts = output.absolute().with_name(f".{output.name}.parts")
    key = _hash(json.dumps(manifest).encode())
    fields = dict.fromkeys([*columns, *(facet.name for facet in facets)])
    name = tuple(name_parts.pattern(name_like, fields)) if name_like else ()
    results = (*columns_of(facets), *(["name"] if name else []))
    return Scoring(facets, tuple(texts), tuple(columns), parts, kind, key, results, name), manifest


def _facet(db: Database, row: dict) -> Facet:
    labels = {category.id: category.label for category in taxonomy.load(db, row["taxonomy_id"])}
    task = tasks.get(db, row["task_id"])
    return Facet(task.name, folder_of(db, row["id"]), labels, certified(db, row["id"])[0])


def _made_of(student_id: int, facet: Facet) -> list:
    """What tells the answers of a facet from others'."""
    config = facet.student / "config.json"  # where it is missing, loading the student says so
    labels = [[id, label] for id, label in facet.labels.items()]
    made = _hash(config.read_bytes()) if config.is_file() else None
    return [facet.name, student_id, made, labels, facet.threshold]


def _kind(output: Path) -> str:
    """What the output is put together from."""
    return ".arrow" if output.suffix.lower() == ".parquet" else ".csv"


def _identity(path: Path) -> list:
    """What tells one version of a file from the next without reading all of it: size, time of change, head and tail; of a folder,
    its files' names and sizes, and when the last of them was changed."""
    if path.is_dir():
        files = sorted((str(one.relative_to(path)), one.stat()) for one in path.rglob("*") if one.is_file())
        sizes = [(name, state.st_size) for name, state in files]
        newest = max((state.st_mtime_ns for _, state in files), default=0)
        return [sum(size for _, size in sizes), newest, _hash(json.dumps(sizes).encode())]
    state = path.stat()
    with path.open("rb") as handle:
        head = handle.read(EDGE)
        handle.seek(max(state.st_size - EDGE, 0))
        return [state.st_size, state.st_mtime_ns, _hash(head), _hash(handle.read(EDGE))]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


@contextmanager
def parts_folder(folder: Path, manifest: dict[str, Any], finished: Callable[[], Any]) -> Iterator[None]:
    """The folder of parts, for this run alone: emptied where it is of another making, gone at the end or where nothing in it is
    `finished`.

    InputError where the folder cannot be written, the disk is full, or another run is at the same output.
    """
    try:
        folder.mkdir(exist_ok=True)
        with FileLock(folder / "lock", timeout=0):
            note = folder / "manifest.json"
            if not note.exists() or json.loads(note.read_text(encoding="utf-8")) != manifest:
                _empty(folder)
                write_whole(note, json.dumps(manifest, ensure_ascii=False, indent=1))
            try:
                yield
                shutil.rmtree(folder)
            finally:
                if folder.exists() and not finished():
                    shutil.rmtree(folder)
    except Timeout:
        raise InputError(
            "Another run is writing this file.", "Wait for it, or choose another name.", where=folder.name[1:-6]
        ) from None
    except PermissionError as error:
        raise InputError(f"{error.filename} cannot be written.", "Choose another folder.") from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise InputError(
            "The disk is full.", "Make room and run this again: it carries on where it stopped."
        ) from error


def _empty(folder: Path) -> None:
    for file in folder.iterdir():
        if file.name != "lock":
            file.unlink()


def _finished(scoring: Scoring) -> dict[int, Counts]:
    """The shards that an earlier run of the same scoring has finished."""
    numbers = sorted(int(note.name.split("-")[0]) for note in scoring.parts.glob(f"*-{scoring.key}.json"))
    return {number: counts for number in numbers if (counts := scoring.finished(number))}


def _join(scoring: Scoring, output: Path, shards: int, report: Progress) -> None:
    """Put the output together from the parts, in order, and then under its name."""
    with whole(output, scoring.parts) as aside:
        with aside.open("wb") as file:
            join = {".csv": _join_csv, ".xlsx": _join_xlsx, ".parquet": _join_parquet}[output.suffix.lower()]
            join(scoring, file, shards, report)
        report(shards, shards, "Joining the parts")


def _join_csv(scoring: Scoring, file: BinaryIO, shards: int, report: Progress) -> None:
    file.write(header(scoring.columns, scoring.results))
    for number in range(shards):
        report(number, shards, "Joining the parts")
        with scoring.part(number).open("rb") as part:
            shutil.copyfileobj(part, file, 1 << 20)


def _join_xlsx(scoring: Scoring, file: BinaryIO, shards: int, report: Progress) -> None:
    """Sheets of text, of which confidences are numbers; the parts' cells are defused already."""
    book = Workbook(write_only=True)
    names, room, sheet = next(csv.reader([header(scoring.columns, scoring.results).decode("utf-8-sig")])), 0, None
    first, count = len(scoring.columns) + RESULTS.index("confidence"), len(scoring.facets)
    each = len(scoring.results) // count  # columns of a facet; a name of all of them may follow
    numbers = range(first, first + count * each, each)
    for number in range(shards):
        report(number, shards, "Joining the parts")
        with scoring.part(number).open(encoding="utf-8", newline="") as part:
            for row in csv.reader(part):
                if not room:
                    sheet, room = book.create_sheet(f"results {len(book.worksheets) + 1}"), SHEET
                    sheet.append([ILLEGAL_CHARACTERS_RE.sub("", name) for name in names])
                cells: list[str | float] = [ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in row]
                for at in numbers:
                    cells[at] = float(row[at]) if row[at] else ""
                sheet.append(cells)
                room -= 1
    if sheet is None:
        book.create_sheet("results 1").append(names)
    book.save(file)


def _join_parquet(scoring: Scoring, file: BinaryIO, shards: int, report: Progress) -> None:
    with ExitStack() as stack:
        writer = None
        for start in range(0, shards, JOINED):
            report(start, shards, "Joining the parts")
            group = pa.concat_tables(read(scoring.part(n)) for n in range(start, min(start + JOINED, shards)))
            writer = writer or stack.enter_context(pq.ParquetWriter(file, group.schema))
            writer.write_table(group)
