"""How long audio may be kept, and by whom."""

import asyncio
import io
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from app.auth import Scope
from app.providers import Providers
from app.settings import Settings
from services.audio_store import AudioStore, S3AudioStore
from tests.app.conftest import Issue, bearer, open_client
from tests.support.catalogue import Catalogue
from tests.support.loopback_bucket import new_bucket

Steps = Callable[[httpx2.AsyncClient], Coroutine[Any, Any, None]]
CONTENT = bytes(range(256)) * 8
SHARED = "public, max-age=300"
OWN = "private, no-cache"
REFUSED = "private, no-store"


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, providers: Providers) -> Iterator[AudioStore]:
    """A folder, and a bucket that the application passes on."""
    if request.param == "local":
        yield providers.audio_store
        return
    with closing(S3AudioStore(new_bucket(request.getfixturevalue("s3_server")))) as opened:
        yield opened


@pytest.fixture
def file_id(store: AudioStore) -> str:
    return store.put(io.BytesIO(CONTENT), "opus").file_id


@pytest.fixture
def run(settings: Settings, providers: Providers, store: AudioStore) -> Callable[[Steps], None]:
    """Runs steps with a client of an application that uses the store."""

    def start(steps: Steps) -> None:
        async def session() -> None:
            async with open_client(settings, replace(providers, audio_store=store)) as client:
                await steps(client)

        asyncio.run(session())

    return start


@pytest.mark.parametrize("visibility", ["public", "unlisted"])
def test_what_all_may_play_is_kept_for_minutes(
    run: Callable[[Steps], None], catalogue: Catalogue, file_id: str, visibility: str
) -> None:
    catalogue.track("Played", file_id=file_id, file_type="opus", visibility=visibility)

    async def steps(client: httpx2.AsyncClient) -> None:
        for headers, status in (({}, 200), ({"range": "bytes=0-9"}, 206)):
            answer = await client.get(f"/audio/{file_id}", headers=headers)
            assert (answer.status_code, answer.headers["cache-control"]) == (status, SHARED)
            assert answer.headers["vary"] == "authorization"
        tag = answer.headers["etag"]
        for method, known in (("GET", tag), ("HEAD", tag), ("GET", f'"other", W/{tag}'), ("GET", "*")):
            headers = {"if-none-match": known, "range": "bytes=0-9"}
            again = await client.request(method, f"/audio/{file_id}", headers=headers)
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
            assert (again.headers["cache-control"], again.headers["vary"]) == (SHARED, "authorization")
        assert (await client.get(f"/audio/{file_id}", headers={"if-none-match": '"other"'})).content == CONTENT

    run(steps)


@pytest.mark.parametrize("visibility", ["supporters", "private"])
def test_what_few_may_play_is_asked_for_again(
    run: Callable[[Steps], None], catalogue: Catalogue, issue: Issue, file_id: str, visibility: str
) -> None:
    me = catalogue.artist("me.example")
    catalogue.track("Kept Back", artist=me, file_id=file_id, file_type="opus", visibility=visibility)
    entitled = [bearer(issue(me)), bearer(issue(None, Scope.ADMIN))]

    async def steps(client: httpx2.AsyncClient) -> None:
        for headers in entitled:
            answer = await client.get(f"/audio/{file_id}", headers=headers)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, OWN)
            again = await client.get(f"/audio/{file_id}", headers=headers | {"if-none-match": answer.headers["etag"]})
            assert (again.status_code, again.headers["cache-control"]) == (304, OWN)

    run(steps)


@pytest.mark.parametrize("known", ["the tag", "*"])
def test_a_stranger_is_not_told_that_hidden_audio_is_unchanged(
    run: Callable[[Steps], None], catalogue: Catalogue, issue: Issue, file_id: str, known: str
) -> None:
    me = catalogue.artist("me.example")
    catalogue.track("Kept Back Later", artist=me, file_id=file_id, file_type="opus")
    strangers = [{}, bearer(issue(catalogue.artist("other.example")))]
    mine = bearer(issue(me))

    async def steps(client: httpx2.AsyncClient) -> None:
        tag = (await client.get(f"/audio/{file_id}")).headers["etag"]
        condition = {"if-none-match": tag if known == "the tag" else known}
        catalogue.connection.execute("update tracks set visibility = 'private'")
        for headers in strangers:
            answer = await client.get(f"/audio/{file_id}", headers=headers | condition)
            assert (answer.status_code, answer.headers["cache-control"]) == (404, REFUSED)
            assert "etag" not in answer.headers
        kept = await client.get(f"/audio/{file_id}", headers=mine | condition)
        assert (kept.status_code, kept.headers["cache-control"]) == (304, OWN)

    run(steps)


def test_missing_audio_is_not_kept(run: Callable[[Steps], None], catalogue: Catalogue) -> None:
    catalogue.track("File Lost", file_id="0123abcd", file_type="opus")

    async def steps(client: httpx2.AsyncClient) -> None:
        for path in ("/audio/0123abcd", "/audio/unknown"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["cache-control"]) == (404, REFUSED)

    run(steps)
