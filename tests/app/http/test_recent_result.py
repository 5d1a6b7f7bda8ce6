"""What many ask for is found out once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.http.shared_results import RecentResult


class Source:
    """Numbers what it is asked for, and may be held."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 100.0
        self.looked = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.broken = False

    async def find(self) -> int:
        """How often it was asked."""
        self.asked += 1
        self.looked.set()
        found = self.asked
        await self.go_on.wait()
        if self.broken:
            raise LookupError("ours")
        return found


def run(steps: Callable[[Source, RecentResult[int]], Awaitable[None]]) -> None:
    async def started() -> None:
        source = Source()
        await steps(source, RecentResult(source.find, seconds=2.0, clock=lambda: source.now))

    asyncio.run(started())


def test_an_answer_is_good_for_a_while() -> None:
    async def steps(source: Source, recent: RecentResult[int]) -> None:
        assert [await recent.get() for _ in range(5)] == [1] * 5
        source.now += 1.9
        assert await recent.get() == 1
        source.now += 0.1
        assert await recent.get() == 2

    run(steps)


def test_those_who_ask_at_once_share_an_answer_even_if_one_goes_away() -> None:
    async def steps(source: Source, recent: RecentResult[int]) -> None:
        source.go_on.clear()
        asking = [asyncio.create_task(recent.get()) for _ in range(20)]
        await source.looked.wait()
        asking[0].cancel()
        # what takes longer than an answer is good for is still one look
        source.now += 60
        asking.append(asyncio.create_task(recent.get()))
        source.go_on.set()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert answers[1:] == [1] * 20
        assert await recent.get() == 1, "it is as old as its end"

    run(steps)


def test_an_error_is_an_answer_too() -> None:
    async def steps(source: Source, recent: RecentResult[int]) -> None:
        source.broken = True
        for _ in range(3):
            with pytest.raises(LookupError, match="ours"):
                await recent.get()
        assert source.asked == 1
        source.broken, source.now = False, source.now + 2
        assert await recent.get() == 2

    run(steps)


def test_what_is_closed_looks_no_more() -> None:
    async def steps(source: Source, recent: RecentResult[int]) -> None:
        await recent.close()
        source.go_on.clear()
        asking = asyncio.create_task(recent.get())
        await source.looked.wait()
        await recent.close()
        with pytest.raises(asyncio.CancelledError):
            await asking

    run(steps)
