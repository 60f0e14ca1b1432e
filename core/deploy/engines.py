"""Where the shards of a file are computed: in this process, in several of this machine, or by Ray Data on many.

Each engine takes the Scoring, the shards still to do as (number, function that gives the table) and about how many rows that
is (0: unknown), and yields (number, Counts) as shards are finished, in any order. Closing it ends what it started.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

import pyarrow as pa

from core import settings
from core.deploy import shards
from core.deploy.shards import Counts, Scoring
from core.encoders import encoder
from core.errors import InputError
from core.train.students import Together

Todo = Iterator[tuple[int, Callable[[], pa.Table]]]
Done = Iterator[tuple[int, Counts]]

PAYS = 8.0  # seconds of work left from which on starting processes (two or three seconds) pays
WITHOUT_RAY = InputError("Ray is not installed.", "Install it with: .venv/bin/pip install -r requirements-ray.lock")


def local(scoring: Scoring, todo: Todo, rows: int) -> Done:
    """Shard after shard in this process, until what is left is worth a process for each processor."""
    processes = settings.processors()
    student = scoring.load()
    started, done = time.perf_counter(), 0
    for number, table in todo:
        counts = shards.run(scoring, student, number, table())
        yield number, counts
        done += counts.rows
        if processes > 1 and (rows - done) * (time.perf_counter() - started) > PAYS * done:
            break
    del student  # the processes have their own
    yield from _pool(scoring, todo, processes)


def _pool(scoring: Scoring, todo: Todo, processes: int) -> Done:
    first = next(todo, None)
    if first is None:
        return
    ready = deque([(first[0], first[1]())])
    idle = [_Process(scoring) for _ in range(processes)]
    busy: dict[Connection, _Process] = {}
    try:
        while ready or busy:
            while ready and idle:
                process = idle.pop()
                process.ask(*ready.popleft())
                busy[process.pipe] = process
            # Shards are read ahead, so that a process that has finished one finds the next.
            more = next(todo, None) if len(ready) < processes else None
            if more:
                ready.append((more[0], more[1]()))
            for pipe in wait(list(busy), 0 if more else None):
                yield busy[pipe].answer()
                idle.append(busy.pop(pipe))
    finally:
        for process in [*idle, *busy.values()]:
            process.end()


class _Process:
    """A process that does shards, one at a time. It ends with ours, even where that is killed: then its pipe breaks."""

    def __init__(self, scoring: Scoring):
        context = multiprocessing.get_context("spawn")  # a copy of this process could hold its threads' locks
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(scoring, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, number: int, table: pa.Table) -> None:
        """Hand it a shard. RuntimeError where the process is gone."""
        with self._alive():
            self.pipe.send((number, table))

    def answer(self) -> tuple[int, Counts]:
        """The shard it has finished. Raises what went wrong there; RuntimeError where the process is gone."""
        with self._alive():
            answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    @contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, ConnectionError):
            self._process.join()
            status = self._process.exitcode
            raise RuntimeError(f"A scoring process ended with status {status}, perhaps for want of memory.") from None

    def end(self) -> None:
        """End it now; a shard begun is left unfinished."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _serve(scoring: Scoring, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    with suppress(EOFError, ConnectionError):  # the other end is gone
        try:
            student = _alone_on_a_processor(scoring)
            while True:
                number, table = pipe.recv()
                pipe.send((number, shards.run(scoring, student, number, table)))
        except (EOFError, ConnectionError):
            raise
        except Exception as error:
            error.add_note(traceback.format_exc())
            pipe.send(error)


def _alone_on_a_processor(scoring: Scoring) -> Together:
    """The students, in a process of which there is one for each processor: threads would only wait for each other."""
    from threadpoolctl import threadpool_limits

    encoder.THREADS = 1
    threadpool_limits(1)  # numpy's
    os.environ["RAYON_NUM_THREADS"] = "1"  # the tokenizer's
    return scoring.load()


def ray_data(scoring: Scoring, todo: Todo, rows: int) -> Done:
    """Shards as Arrow files beside the parts, and Ray Data over them: on the cluster that RAY_ADDRESS names, whose machines
    must have this program and see the output's folder and the student's under the same paths, else on this machine.

    InputError where ray is not installed, or does not start."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before ray is loaded: nothing is told to anybody
    try:
        import ray
    except ImportError:
        raise WITHOUT_RAY from None
    staged = [{"number": _stage(scoring, number, table())} for number, table in todo]
    if not staged:
        return
    options = {} if os.environ.get("RAY_ADDRESS") else {"include_dashboard": False}
    environment = {"env_vars": {"PYTHONPATH": str(settings.ROOT), "RAY_USAGE_STATS_ENABLED": "0"}}
    try:
        ray.init(log_to_driver=False, logging_level="warning", runtime_env=environment, **options)
    except Exception as error:  # ray's own say no more than that
        raise InputError(f"Ray does not start: {error}", "Look after it, or leave --engine ray away.") from error
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        processes = max(int(ray.cluster_resources().get("CPU", 1)), 1)
        data = ray.data.from_items(staged, override_num_blocks=len(staged))
        done = data.map_batches(
            _Scorer, fn_constructor_args=(scoring,), batch_size=1, concurrency=min(processes, len(staged))
        )
        for row in done.iter_rows():
            yield int(row["number"]), scoring.finished(int(row["number"]))
    finally:
        ray.shutdown()


def _stage(scoring: Scoring, number: int, table: pa.Table) -> int:
    shards.write(_staged(scoring, number), table)
    return number


def _staged(scoring: Scoring, number: int) -> Path:
    return scoring.parts / f"{number:06d}-{scoring.key}.in"


class _Scorer:
    """What Ray keeps in each of its processes: the students, loaded once."""

    def __init__(self, scoring: Scoring):
        self.scoring, self.student = scoring, _alone_on_a_processor(scoring)

    def __call__(self, batch: dict) -> dict:
        for number in batch["number"].tolist():
            shards.run(self.scoring, self.student, number, shards.read(_staged(self.scoring, number)))
            _staged(self.scoring, number).unlink()
        return batch


ENGINES: dict[str, Callable[[Scoring, Todo, int], Done]] = {"local": local, "ray": ray_data}
