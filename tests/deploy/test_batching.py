import asyncio
import threading

import pytest

from core.deploy.batching import MOST_CHARACTERS, MOST_TEXTS, Batcher, Overloaded


class Work:
    """Answers each text with itself and its key; keeps the batches, and waits at the gate before each."""

    def __init__(self):
        self.batches, self.gate, self.begun = [], threading.Event(), threading.Event()
        self.gate.set()

    def __call__(self, key, texts):
        self.batches.append((key, list(texts)))
        self.begun.set()
        assert self.gate.wait(20)
        if "broken" in texts:
            raise ZeroDivisionError
        return [(key, text) for text in texts]


@pytest.fixture
def work():
    return Work()


def asked(work, test, **options):
    """Run the coroutine `test(batcher)` with a started batcher."""

    async def run():
        batcher = Batcher(work, "test", **options)
        batcher.start()
        try:
            return await asyncio.wait_for(test(batcher), 20)
        finally:
            work.gate.set()
            await batcher.close()

    return asyncio.run(run())


async def busy(batcher, work):
    """A question under way, and the gate shut behind it."""
    work.gate.clear()
    work.begun.clear()
    first = asyncio.ensure_future(batcher.ask("a", ["first"]))
    await asyncio.to_thread(work.begun.wait)
    return first


def test_one_alone_is_answered_at_once_and_those_who_come_meanwhile_together(work):
    async def test(batcher):
        first = await busy(batcher, work)
        others = [asyncio.ensure_future(batcher.ask("a", [f"{n}", f"{n}b"])) for n in range(5)]
        await asyncio.sleep(0)
        assert batcher.waiting == 10
        work.gate.set()
        assert await first == [("a", "first")]
        assert [await other for other in others] == [[("a", f"{n}"), ("a", f"{n}b")] for n in range(5)]

    asked(work, test)
    assert [len(texts) for _, texts in work.batches] == [1, 10]


def test_texts_of_different_students_never_share_a_batch(work):
    async def test(batcher):
        first = await busy(batcher, work)
        others = [asyncio.ensure_future(batcher.ask(key, [key])) for key in "aabb"]
        await asyncio.sleep(0)
        work.gate.set()
        await asyncio.gather(first, *others)

    asked(work, test)
    assert [key for key, _ in work.batches] == ["a", "a", "b"]


def test_a_long_list_is_cut_and_lets_others_in_between(work):
    async def test(batcher):
        first = await busy(batcher, work)
        long = asyncio.ensure_future(batcher.ask("a", [f"t{n}" for n in range(3 * MOST_TEXTS)]))
        await asyncio.sleep(0)
        short = asyncio.ensure_future(batcher.ask("a", ["short"]))
        await asyncio.sleep(0)
        work.gate.set()
        await first
        assert await short == [("a", "short")]
        assert [text for _, text in await long] == [f"t{n}" for n in range(3 * MOST_TEXTS)]

    asked(work, test)
    order = ["short" in texts for _, texts in work.batches]
    assert order.index(True) < len(order) - 2
    assert max(len(texts) for _, texts in work.batches) <= MOST_TEXTS


def test_long_texts_make_small_batches(work):
    texts = ["x" * (MOST_CHARACTERS // 3)] * 7 + ["y" * MOST_CHARACTERS * 2, "z"]
    assert [text for _, text in asked(work, lambda batcher: batcher.ask("a", texts))] == texts
    assert [len(batch) for _, batch in work.batches] == [3, 3, 1, 1, 1]


def test_a_full_waiting_room_refuses_and_takes_again_when_there_is_room(work):
    async def test(batcher):
        first = await busy(batcher, work)
        second = asyncio.ensure_future(batcher.ask("a", ["1", "2", "3"]))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await batcher.ask("a", ["4", "5"])
        work.gate.set()
        await asyncio.gather(first, second)
        assert len(await batcher.ask("a", ["4", "5"])) == 2

    asked(work, test, room=4)


def test_a_failure_reaches_those_who_asked_and_the_next_are_answered(work):
    async def test(batcher):
        with pytest.raises(ZeroDivisionError):
            await batcher.ask("a", ["broken"])
        assert await batcher.ask("a", ["whole"]) == [("a", "whole")]

    asked(work, test)


def test_who_gives_up_waiting_disturbs_nobody(work):
    async def test(batcher):
        first = await busy(batcher, work)
        gone = asyncio.ensure_future(batcher.ask("a", ["gone"]))
        stays = asyncio.ensure_future(batcher.ask("a", ["stays"]))
        await asyncio.sleep(0)
        gone.cancel()
        work.gate.set()
        await first
        assert await stays == [("a", "stays")]

    asked(work, test)
