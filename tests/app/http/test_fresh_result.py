"""One computation for all who ask at the same time."""

import asyncio

import pytest

from app.http.shared_results import FreshResult


def test_askers_get_a_run_that_began_after_they_asked() -> None:
    async def steps() -> tuple[int, list[int], int]:
        began, may_end, runs = asyncio.Event(), asyncio.Event(), 0

        async def compute() -> int:
            nonlocal runs
            runs += 1
            number = runs
            began.set()
            await may_end.wait()
            return number

        shared = FreshResult(compute)
        first = asyncio.create_task(shared.result())
        await began.wait()
        others = [asyncio.create_task(shared.result()) for _ in range(50)]
        # all of them have asked while the first run is under way
        await asyncio.sleep(0)
        may_end.set()
        return await first, await asyncio.gather(*others), runs

    assert asyncio.run(steps()) == (1, [2] * 50, 2)


def test_an_error_is_raised_to_all_and_the_next_run_goes_on() -> None:
    async def steps() -> None:
        results = [1]

        async def compute() -> int:
            if results:
                raise ValueError(results.pop())
            return 2

        shared = FreshResult(compute)
        first, second = await asyncio.gather(shared.result(), shared.result(), return_exceptions=True)
        assert isinstance(first, ValueError)
        assert first is second
        assert await shared.result() == 2

    asyncio.run(steps())


def test_one_who_goes_away_does_not_end_it_for_the_others() -> None:
    async def steps() -> int:
        began, may_end = asyncio.Event(), asyncio.Event()

        async def compute() -> int:
            began.set()
            await may_end.wait()
            return 1

        shared = FreshResult(compute)
        leaving, staying = asyncio.create_task(shared.result()), asyncio.create_task(shared.result())
        await began.wait()
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        may_end.set()
        return await staying

    assert asyncio.run(steps()) == 1


def test_what_is_closed_has_no_run_left() -> None:
    async def steps() -> None:
        began, ended = asyncio.Event(), asyncio.Event()

        async def compute() -> None:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        shared = FreshResult(compute)
        await shared.close()
        first = asyncio.create_task(shared.result())
        await began.wait()
        second = asyncio.create_task(shared.result())
        await asyncio.sleep(0)
        await shared.close()
        assert ended.is_set()
        for asking in (first, second):
            with pytest.raises(asyncio.CancelledError):
                await asking
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(steps())
