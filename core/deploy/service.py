"""From texts to results: the student in micro-batches, and the teacher where the student does not answer by itself; beside it, or
alone, a student that writes. Several students that sort answer together, each text read once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from core.deploy.batching import Batcher
from core.deploy.beside import Beside
from core.deploy.fallback import Fallback, TeacherReply
from core.deploy.live import Follower, Served
from core.deploy.metrics import Metrics
from core.deploy.reasons import Reasons
from core.deploy.schema import Guess, Result
from core.deploy.sent_images import SentImages
from core.deploy.watching import Watch
from core.deploy.writing import WriterFollower, Writing
from core.train import students
from core.train.students.stages import TagAnswers
from core.train.students.together import Readings

TOP = 3
TEACHER_SECONDS = 30.0  # a request waits for the teacher; after that the student's answer goes out
EMPTY = Result(category=None, confidence=None, handled=False, strange=False, answered_by=None, top=[])


class Service:
    """The live students, the queue before them and their teachers, and the counters. `facets`: who follows the student of each task
    that sorts (none: nothing is classified), which read by `readings` where they are several; `fallback` None: no teacher is asked;
    `writers` None: no drafts; `watch` None: what is served is not written down; `silent` follows a second student that answers
    beside the live one."""

    def __init__(
        self,
        facets: Sequence[Follower],
        fallback: Fallback | None = None,
        writers: WriterFollower | None = None,
        readings: Readings | None = None,
        watch: Watch | None = None,
        silent: Follower | None = None,
    ):
        self.facets, self.fallback, self.metrics = list(facets), fallback, Metrics()
        self.reasons = Reasons()
        self.watch = watch
        self.images = SentImages(self.facets[0].task.client_id, self.metrics.image) if self.facets else None
        self.writing = Writing(writers, self.metrics) if writers else None
        self.students = Batcher(partial(answer_all, readings), "student", seen=self.metrics.batches.observe)
        self.beside = Beside(silent, watch, self._alone) if silent and watch else None
        self.metrics.waiting.set_function(lambda: self.students.waiting)
        self.metrics.student.set_function(lambda: _only(one.current.id for one in self.facets if one.current))
        if fallback:
            fallback.count = lambda outcome: self.metrics.teacher.labels(outcome).inc()
            self.metrics.spent.set_function(lambda: fallback.spent_usd)

    @property
    def followers(self) -> list[Follower]:
        """Who follows a live student."""
        more = [self.writing.follower] if self.writing else []
        return [*self.facets, *([self.beside.follower] if self.beside else []), *more]

    def start(self) -> None:
        """Begin to answer; call it on the event loop."""
        self.students.start()
        if self.images:
            self.images.start()
        if self.writing:
            self.writing.queue.start()

    async def load(self) -> None:
        """Load the students and the teacher, then follow the live ones. InputError where they cannot be loaded."""
        await asyncio.gather(*(load() for load in (self._load_students, self._load_writer)))

    async def _load_students(self) -> None:
        first = [await self.students.call(one.first) for one in self.facets]
        for follower, served in zip(self.facets, first):
            if self.fallback:
                await self.fallback.prepare(served)
            follower.start(served)
        if self.beside:
            self.beside.follower.start(await self.students.call(self.beside.follower.first))
        if self.watch:
            self.watch.start()

    async def _load_writer(self) -> None:
        if self.writing:
            self.writing.follower.start(await self.writing.queue.call(self.writing.follower.first))

    async def close(self) -> None:
        """Stop answering."""
        if self.beside:
            await self.beside.close()
        await self.students.close()
        if self.images:
            await self.images.close()
        if self.watch:
            await self.watch.close()
        if self.writing:
            await self.writing.close()
        if self.fallback:
            await self.fallback.close()
        for one in self.followers:
            await asyncio.to_thread(one.stop)

    async def classify(self, served: Sequence[Served], texts: list[str]) -> list[tuple[Result, ...]]:
        """A result a text and student. An asset falls back for those facets alone whose student is unsure of it, together in one
        call where one connection stands behind them. Overloaded when too many wait already."""
        places = [place for place, text in enumerate(texts) if text.strip()]
        results = [[EMPTY] * len(served) for _ in texts]
        for place, said in zip(places, await self.students.ask(tuple(served), [texts[place] for place in places])):
            results[place] = list(said)
        own, told = [tuple(said) for said in results], {}
        if self.watch:
            self._hand_on(served, results)
        if self.fallback:
            asked: dict[tuple[int, int], asyncio.Future] = {}
            for place in places:
                unsure = [at for at, result in enumerate(results[place]) if not result.handled]
                coming = self.fallback.ask([served[at] for at in unsure], texts[place])
                asked |= {(place, at): one for at, one in zip(unsure, coming)}
            for (place, at), reply in zip(asked, await self._in_time(list(asked.values()))):
                if reply:
                    told[place, at] = reply
                    update = {"category": reply.category, "confidence": reply.confidence, "answered_by": "teacher"}
                    update |= {} if reply.tags is None else {"tags": list(reply.tags)}
                    results[place][at] = results[place][at].model_copy(update=update)
        self._count(served, results)
        if self.watch:
            self.watch.note_answers(served, texts, own, results, told)
        if self.beside:
            self.beside.answer(texts)
        return [tuple(said) for said in results]

    async def _alone(self, served: Served, texts: Sequence[str]) -> list[Result]:
        """A student's own answers."""
        return [result for (result,) in await self.students.ask((served,), list(texts))]

    def _hand_on(self, served: Sequence[Served], results: list[list[Result]]) -> None:
        """Of tasks whose teacher answers everything just now, no student handles anything."""
        for at, one in enumerate(served):
            if self.watch.teacher_answers(one.task):
                for said in results:
                    said[at] = said[at].model_copy(update={"handled": False, "answered_by": None})

    async def _in_time(self, asked: list[asyncio.Future]) -> list[TeacherReply | None]:
        """What the teacher says in time. A call that takes longer goes on, and its answer is kept for the next time."""
        if not asked:
            return []
        _, late = await asyncio.wait(asked, timeout=TEACHER_SECONDS)
        self.metrics.teacher.labels("late").inc(len(late))
        for ask in late:
            ask.cancel()
        return [None if ask in late else ask.result() for ask in asked]

    def _count(self, served: Sequence[Served], results: list[list[Result]]) -> None:
        """A text of several facets is handled where all are, strange where one is, and fell back where the teacher answered one."""
        counts = self.metrics
        counts.texts.inc(len(results))
        counts.handled.inc(sum(all(one.handled for one in said) for said in results))
        counts.strange.inc(sum(any(one.strange for one in said) for said in results))
        counts.fell_back.inc(sum(any(one.answered_by == "teacher" for one in said) for said in results))
        tallies = {follower.task.id: follower.tally for follower in self.facets}
        for at, one in enumerate(served):
            of_it = [said[at] for said in results]
            tallies[one.task.id].add(one.id, of_it)
            if len(self.facets) > 1:
                for by in ("student", "teacher"):
                    counts.facets.labels(one.task.name, by).inc(sum(result.answered_by == by for result in of_it))


def _only(ids: Iterable[int]) -> int:
    """The one number there is, else 0."""
    numbers = list(ids)
    return numbers[0] if len(numbers) == 1 else 0


def answer_all(readings: Readings | None, served: Sequence[Served], texts: list[str]) -> list[tuple[Result, ...]]:
    """Each text's answers by several students, which read it once where they have `readings` in common."""
    if readings is None:
        (one,) = served
        return [(result,) for result in answer(one, texts)]
    with readings.once():
        return list(zip(*(answer(one, texts) for one in served)))


def answer(served: Served, texts: list[str]) -> list[Result]:
    """The student's own answer to each text."""
    answers, labels = served.student.answer(texts), served.student.labels
    confidence = answers.confidence.astype(float).round(6).tolist()
    top = np.argsort(-answers.probabilities, axis=1, kind="stable")[:, :TOP]
    sure = np.take_along_axis(answers.probabilities, top, axis=1).astype(float).round(6).tolist()
    handled = answers.handled(served.threshold).tolist()
    rows = zip(students.said(answers, labels), confidence, top.tolist(), sure, handled, answers.strange.tolist())
    tags: list[list[str] | None] = [None] * len(texts)
    if isinstance(answers, TagAnswers):
        tags = [[labels[at] for at in np.flatnonzero(row)] for row in answers.given]
    return [
        Result(
            category=category,
            confidence=how_sure,
            handled=handled,
            strange=strange,
            answered_by="student" if handled else None,
            top=[Guess(category=labels[i], confidence=share) for i, share in zip(best, shares)],
            tags=given,
        )
        for (category, how_sure, best, shares, handled, strange), given in zip(rows, tags)
    ]
