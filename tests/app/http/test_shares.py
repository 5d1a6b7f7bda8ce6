"""No kind of request starves another: each has connections and threads of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import httpx2
import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from app.auth import Scope
from app.http.shares import LEAST, Shares
from app.providers import Providers
from app.settings import Settings
from models.registry import ModelCard
from tests.app.conftest import Issue, bearer, open_client
from tests.support.catalogue import Catalogue, direction
from tests.support.statements import running, wait_until, waiting_for_locks

Connection = psycopg.Connection[Any]

WRITERS = 12


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (5, Shares(1, 1, 1, 1, 1)),
        (10, Shares(4, 2, 2, 1, 1)),
        (16, Shares(8, 3, 3, 1, 1)),
        (100, Shares(58, 20, 20, 1, 1)),
    ],
)
def test_shares_of_a_total(total: int, expected: Shares) -> None:
    assert Shares.divide(total) == expected


def test_shares_add_up_and_none_is_empty() -> None:
    for total in range(LEAST, 1001):
        shares = vars(Shares.divide(total)).values()
        assert sum(shares) == total
        assert min(shares) >= 1
    with pytest.raises(ValueError, match="each of 5 kinds of request needs one"):
        Shares.divide(LEAST - 1)


@pytest.fixture
def observer(database: str) -> Iterator[Connection]:
    """Looks at what the others do, and belongs to none of them."""
    with psycopg.connect(database, autocommit=True, application_name="observer") as opened:
        yield opened


@pytest.fixture
def holder(database: str) -> Iterator[Connection]:
    """A connection for a transaction that is in the way."""
    with psycopg.connect(database, application_name="holder") as opened:
        yield opened


async def wait(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition)


def change(client: httpx2.AsyncClient, track: int, token: Any, title: str) -> "asyncio.Task[httpx2.Response]":
    request = client.patch(f"/tracks/{track}", json={"title": title}, headers=bearer(token))
    return asyncio.create_task(request)


def test_writers_that_wait_leave_readers_their_connections(
    settings: Settings,
    providers: Providers,
    catalogue: Catalogue,
    issue: Issue,
    holder: Connection,
    observer: Connection,
) -> None:
    track = catalogue.track("Slow Tide", artist=catalogue.artist())
    catalogue.embed(track, direction(0))
    token = issue(catalogue.artist(), Scope.UPLOAD)
    paths = ["/search/?q=slow+tide", "/search/semantic?q=slow", f"/tracks/{track}", f"/tracks/{track}/similar"]
    paths += ["/me", "/readyz", "/metrics", "/models", "/map"]

    async def steps() -> list[int]:
        async with open_client(settings, providers) as client:
            holder.execute("select from tracks for update")
            changes = [change(client, track, token, f"Tide {number}") for number in range(WRITERS)]
            await wait(lambda: waiting_for_locks(observer) == Shares.divide(settings.database_pool_size).writes)
            answers = []
            for _ in range(3):
                requests = [client.get(path, headers=bearer(token)) for path in paths]
                answers += [answer.status_code for answer in await asyncio.gather(*requests)]
            holder.rollback()
            changed = {answer.status_code for answer in await asyncio.gather(*changes)}
            # those that found no connection have been told to try again
            assert changed in ({200}, {200, 503})
            return answers

    assert asyncio.run(steps()) == [200] * 3 * len(paths)


def test_writers_that_are_in_each_others_way_are_told_so(
    settings: Settings,
    providers: Providers,
    catalogue: Catalogue,
    issue: Issue,
    holder: Connection,
    observer: Connection,
) -> None:
    track = catalogue.track("Slow Tide", artist=catalogue.artist())
    token = issue(catalogue.artist(), Scope.UPLOAD)
    hasty = settings.model_copy(update={"write_lock_timeout_seconds": 0.1})

    async def steps() -> None:
        async with open_client(hasty, providers) as client:
            holder.execute("select from tracks for update")
            changes = [change(client, track, token, f"Tide {number}") for number in range(WRITERS)]
            removal = asyncio.create_task(client.delete(f"/tracks/{track}", headers=bearer(token)))
            for answer in await asyncio.gather(*changes, removal):
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
                # on a busy machine one may wait for a connection for longer than for the lock
                assert answer.json()["detail"] in {
                    "other changes are in the way: try again in a few seconds",
                    "too many requests of this kind are under way: try again in a few seconds",
                }
            await wait(lambda: running(observer) == 0)
            holder.rollback()
            assert (await change(client, track, token, "Quick Tide")).json()["title"] == "Quick Tide"

    asyncio.run(steps())


def test_a_token_that_is_being_changed_holds_nothing_up(
    settings: Settings, providers: Providers, catalogue: Catalogue, issue: Issue, holder: Connection
) -> None:
    token = issue(catalogue.artist())

    async def steps() -> None:
        async with open_client(settings, providers) as client:
            holder.execute("update search.tokens set label = 'renamed'")
            answers = await asyncio.gather(*(client.get("/me", headers=bearer(token)) for _ in range(10)))
            assert {answer.status_code for answer in answers} == {200}
            holder.rollback()
            assert (await client.get("/me", headers=bearer(token))).status_code == 200

    asyncio.run(steps())
    used = catalogue.connection.execute("select count(*) from search.tokens where last_used_at is not null").fetchone()
    assert used == (1,)


class SlowToLoad:
    """A model that is loaded once, and when it is asked to load again waits until it is let go."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.loads = 0
        self.loading = threading.Event()
        self.go_on = threading.Event()

    def load(self) -> None:
        """Wait, from the second time on."""
        self.loads += 1
        if self.loads > 1:
            self.loading.set()
            assert self.go_on.wait(60)

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[np.float32]:
        """Never asked."""
        raise AssertionError(audio, max_seconds)

    def embed_text(self, text: str) -> NDArray[np.float32]:
        """Answer at once."""
        assert text
        return direction(0)

    def sound_relatedness(self, text: str) -> float:
        """Every text speaks of sound."""
        return float(bool(text))


async def heard(client: httpx2.AsyncClient) -> list[bool]:
    """Which of 15 searches by sound have compared vectors."""
    requests = [client.get("/search/semantic", params={"q": f"calm piano {number}"}) for number in range(15)]
    return [answer.json()["available"] for answer in await asyncio.gather(*requests)]


def test_those_who_ask_for_readiness_share_one_look_and_leave_searches_their_threads(
    settings: Settings, providers: Providers, catalogue: Catalogue
) -> None:
    catalogue.embed(catalogue.track("Slow Tide"), direction(0))
    model = SlowToLoad(providers.embedding.card)

    async def steps() -> None:
        async with open_client(settings, replace(providers, embedding=model)) as client:
            assert model.loads == 1
            asking = [asyncio.create_task(client.get("/readyz")) for _ in range(100)]
            await asyncio.to_thread(model.loading.wait, 60)
            gone = asking.pop(0)
            gone.cancel()
            assert await heard(client) == [True] * 15
            model.go_on.set()
            assert {answer.status_code for answer in await asyncio.gather(*asking)} == {200}
            assert model.loads == 2

    asyncio.run(steps())


def test_what_keeps_all_threads_busy_leaves_searches_and_readiness_alone(
    settings: Settings, providers: Providers, catalogue: Catalogue
) -> None:
    catalogue.embed(catalogue.track("Slow Tide"), direction(0))
    released = threading.Event()

    async def steps() -> None:
        async with open_client(settings, providers) as client:
            loop = asyncio.get_running_loop()
            busy = [loop.run_in_executor(None, released.wait, 60) for _ in range(64)]
            try:
                assert await heard(client) == [True] * 15
                assert (await client.get("/readyz")).status_code == 200
                assert (await client.get("/metrics")).status_code == 200
            finally:
                released.set()
            assert all(await asyncio.gather(*busy))

    asyncio.run(steps())


def test_many_readers_of_figures_read_them_once(
    settings: Settings, providers: Providers, observer: Connection, holder: Connection
) -> None:
    """One connection is enough for all who ask, however slowly Postgres counts."""

    async def steps() -> None:
        async with open_client(settings, providers) as client:
            holder.execute("lock table procrastinate_jobs in access exclusive mode")
            asking = [asyncio.create_task(client.get("/metrics")) for _ in range(50)]
            await wait(lambda: waiting_for_locks(observer) == 1)
            assert waiting_for_locks(observer) == 1
            holder.rollback()
            for answer in await asyncio.gather(*asking):
                assert answer.status_code == 200
                assert "vibe_search_queue_jobs" in answer.text

    asyncio.run(steps())


def test_figures_that_take_too_long_are_left_out(
    settings: Settings, providers: Providers, observer: Connection, holder: Connection
) -> None:
    async def steps() -> str:
        hasty = settings.model_copy(update={"statement_timeout_seconds": 0.1})
        async with open_client(hasty, providers) as client:
            holder.execute("lock table procrastinate_jobs in access exclusive mode")
            answer = await client.get("/metrics")
            await wait(lambda: running(observer) == 0)
            return answer.text

    figures = asyncio.run(steps())
    assert "vibe_search_database_up 1.0" in figures
    assert "vibe_search_queue_jobs" not in figures
