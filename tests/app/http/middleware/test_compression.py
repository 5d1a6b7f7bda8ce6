"""Compressing answers."""

import asyncio
import io
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from starlette.datastructures import Headers

from app.http.middleware.compression import Compression, accepts_gzip
from app.providers import Providers
from tests.support.catalogue import Catalogue

WithClient = Callable[..., Any]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([], False),
        (["gzip"], True),
        (["gzip, deflate, br"], True),
        (["br", "GZIP;q=0.5"], True),
        (["*"], True),
        (["identity"], False),
        (["gzip;q=0"], False),
        (["gzip; q=0.0, *"], False),
        (["*;q=0"], False),
        (["gzip;q=much"], False),
    ],
)
def test_what_a_client_takes(sent: list[str], expected: bool) -> None:
    headers = Headers(raw=[(b"accept-encoding", value.encode()) for value in sent])
    assert accepts_gzip(headers) == expected


def ask(with_client: WithClient, *paths: str, **headers: str) -> list[httpx2.Response]:
    async def steps(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return [await client.get(path, headers=headers) for path in paths]

    found: list[httpx2.Response] = with_client(steps)
    return found


def test_json_is_compressed_for_those_who_take_it(with_client: WithClient, catalogue: Catalogue) -> None:
    for number in range(20):
        catalogue.track(f"Calm {number}")
    path = "/search/?q=calm"
    (compressed,) = ask(with_client, path, **{"accept-encoding": "gzip"})
    (plain,) = ask(with_client, path, **{"accept-encoding": "gzip;q=0"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert compressed.json()["results"] == plain.json()["results"]
    assert int(compressed.headers["content-length"]) * 4 < int(plain.headers["content-length"])
    for answer in (compressed, plain):
        assert answer.headers["vary"] == "authorization, accept-encoding"


def test_what_is_small_is_not(with_client: WithClient) -> None:
    (answer,) = ask(with_client, "/healthz", **{"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers


def test_the_pages_files_are_and_stay_the_same_version(with_client: WithClient) -> None:
    (compressed,) = ask(with_client, "/web/page.js", **{"accept-encoding": "gzip"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.headers["etag"].startswith("W/")
    headers = {"accept-encoding": "gzip", "if-none-match": compressed.headers["etag"]}
    (unchanged,) = ask(with_client, "/web/page.js", **headers)
    assert (unchanged.status_code, unchanged.headers["vary"]) == (304, "accept-encoding")
    # a part of the plain file does not belong to what the client has
    part = {"accept-encoding": "gzip", "range": "bytes=0-9", "if-range": compressed.headers["etag"]}
    (whole,) = ask(with_client, "/web/page.js", **part)
    assert (whole.status_code, whole.content) == (200, compressed.content)


@pytest.mark.parametrize("file_type", ["opus", "xyz"])
def test_audio_is_never_touched(
    with_client: WithClient, catalogue: Catalogue, providers: Providers, file_type: str
) -> None:
    content = b"\0" * 100_000
    file_id = providers.audio_store.put(io.BytesIO(content), file_type).file_id
    catalogue.track("Played", file_id=file_id, file_type=file_type)
    (whole,) = ask(with_client, f"/audio/{file_id}", **{"accept-encoding": "gzip"})
    (part,) = ask(with_client, f"/audio/{file_id}", **{"accept-encoding": "gzip", "range": "bytes=0-49999"})
    assert (whole.status_code, part.status_code) == (200, 206)
    for answer, length in ((whole, 100_000), (part, 50_000)):
        assert "content-encoding" not in answer.headers
        assert answer.headers["content-length"] == str(length)
        assert len(answer.content) == length


def test_events_come_as_they_happen(with_client: WithClient, catalogue: Catalogue) -> None:
    track = catalogue.track("Done", extra='{"long": "' + "x" * 4096 + '"}')
    catalogue.connection.execute("delete from procrastinate_jobs")
    (answer,) = ask(with_client, f"/tracks/{track}/events", **{"accept-encoding": "gzip"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "content-encoding" not in answer.headers


def test_the_loop_goes_on_while_much_is_compressed() -> None:
    """The compressor of a large piece runs in a thread: the loop runs another task before it has ended."""

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b"0" * 20_000_000})

    async def steps() -> list[str]:
        order: list[str] = []

        async def other() -> None:
            order.append("other")

        async def send(message: Any) -> None:
            order.append(message["type"])

        scope = {"type": "http", "path": "/", "headers": [(b"accept-encoding", b"gzip")]}
        answering = asyncio.create_task(Compression(application)(scope, None, send))  # type: ignore[arg-type]  # not asked
        await asyncio.sleep(0)
        await other()
        await answering
        return order

    assert asyncio.run(steps()) == ["other", "http.response.start", "http.response.body"]
