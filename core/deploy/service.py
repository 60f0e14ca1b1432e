"""From texts to results: the student in micro-batches, and the teacher where the student does not answer by itself; beside it, or
alone, a student that writes."""

from __future__ import annotations

import asyncio

import numpy as np

from core.deploy.batching import Batcher
from core.deploy.fallback import Fallback, TeacherReply
from core.deploy.live import Follower, Served
from core.deploy.metrics import Metrics
from core.deploy.schema import Guess, Result
from core.deploy.writing import WriterFollower, Writing

TOP = 3
TEACHER_SECONDS = 30.0  # a request waits for the teacher; after that the student's answer goes out
EMPTY = Result(category=None, confidence=None, handled=False, strange=False, answered_by=None, top=[])


class Service:
    """The live student, the queues before it and its teacher, and the counters. `fallback` None: the teacher is never asked;
    `follower` None: nothing is classified, `writers` None: nothing is written."""

    def __init__(
        self, follower: Follower | None, fallback: Fallback | None = None, writers: WriterFollower | None = None
    ):
        self.follower, self.fallback, self.metrics = follower, fallback, Metrics()
        self.writing = Writing(writers, self.metrics) if writers else None
        self.students = Batcher(answer, "student", seen=self.metrics.batches.observe)
        self.metrics.waiting.set_function(lambda: self.students.waiting)
        self.metrics.student.set_function(lambda: follower.current.id if follower and follower.current else 0)
        if fallback:
            fallback.count = lambda outcome: self.metrics.teacher.labels(outcome).inc()
            self.metrics.spent.set_function(lambda: fallback.spent_usd)

    @property
    def followers(self) -> list[Follower]:
        """Who follows a live student."""
        return [one for one in (self.follower, self.writing and self.writing.follower) if one]

    def start(self) -> None:
        """Begin to answer; call it on the event loop."""
        self.students.start()
        if self.writing:
            self.writing.queue.start()

    async def load(self) -> None:
        """Load the students and the teacher, then follow the live ones. InputError where they cannot be loaded."""
        await asyncio.gather(*(load() for load in (self._load_student, self._load_writer)))

    async def _load_student(self) -> None:
        if self.follower:
            served = await self.students.call(self.follower.first)
            if self.fallback:
                await self.fallback.prepare(served)
            self.follower.start(served)

    async def _load_writer(self) -> None:
        if self.writing:
            self.writing.follower.start(await self.writing.queue.call(self.writing.follower.first))

    async def close(self) -> None:
        """Stop answering."""
        await self.students.close()
        if self.writing:
            await self.writing.close()
        if self.fallback:
            await self.fallback.close()
        for one in self.followers:
            await asyncio.to_thread(one.stop)

    async def classify(self, served: Served, texts: list[str]) -> list[Result]:
        """One result a text. Overloaded when too many wait already."""
        places = [place for place, text in enumerate(texts) if text.strip()]
        results = [EMPTY] * len(texts)
        for place, result in zip(places, await self.students.ask(served, [texts[place] for place in places])):
            results[place] = result
        if self.fallback:
            unsure = [place for place in places if not results[place].handled]
            for place, reply in zip(unsure, await self._teacher(served, [texts[place] for place in unsure])):
                if reply:
                    update = {"category": reply.category, "confidence": reply.confidence, "answered_by": "teacher"}
                    results[place] = results[place].model_copy(update=update)
        self._count(results)
        self.follower.tally.add(served.id, results)
        return results

    async def _teacher(self, served: Served, texts: list[str]) -> list[TeacherReply | None]:
        """What the teacher says in time. A call that takes longer goes on, and its answer is kept for the next time."""
        if not texts:
            return []
        asked = [asyncio.ensure_future(self.fallback.answer_one(served, text)) for text in texts]
        _, late = await asyncio.wait(asked, timeout=TEACHER_SECONDS)
        self.metrics.teacher.labels("late").inc(len(late))
        for ask in late:
            ask.cancel()
        return [None if ask in late else ask.result() for ask in asked]

    def _count(self, results: list[Result]) -> None:
        counts = self.metrics
        counts.texts.inc(len(results))
        counts.handled.inc(sum(result.handled for result in results))
        counts.strange.inc(sum(result.strange for result in results))
        counts.fell_back.inc(sum(result.answered_by == "teacher" for result in results))


def answer(served: Served, texts: list[str]) -> list[Result]:
    """The student's own answer to each text."""
    answers, labels = served.student.answer(texts), served.student.labels
    top = np.argsort(-answers.probabilities, axis=1, kind="stable")[:, :TOP]
    sure = np.take_along_axis(answers.probabilities, top, axis=1).astype(float).round(6).tolist()
    rows = zip(top.tolist(), sure, answers.handled(served.threshold).tolist(), answers.strange.tolist())
    return [
        Result(
            category=labels[best[0]],
            confidence=shares[0],
            handled=handled,
            strange=strange,
            answered_by="student" if handled else None,
            top=[Guess(category=labels[i], confidence=share) for i, share in zip(best, shares)],
        )
        for best, shares, handled, strange in rows
    ]
