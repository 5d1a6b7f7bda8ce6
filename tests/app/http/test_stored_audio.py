"""GET /audio/{file_id} where the audio lies in a bucket."""

import asyncio
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx2
import numpy as np
import pytest

from app.providers import Providers
from app.settings import Settings
from services.audio_store import PublicAddress, S3AudioStore
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue
from tests.support.command import run_command
from tests.support.loopback_bucket import new_bucket

CONTENT = np.random.default_rng(1).bytes(1_500_000)
Ask = Callable[..., httpx2.Response]


@pytest.fixture
def store(s3_server: str) -> Iterator[S3AudioStore]:
    """A bucket that not everybody can read."""
    with closing(S3AudioStore(new_bucket(s3_server))) as opened:
        yield opened


@pytest.fixture
def file_id(store: S3AudioStore, catalogue: Catalogue) -> str:
    """A track's audio in that bucket."""
    stored = store.put(io.BytesIO(CONTENT), "opus")
    catalogue.track("Played", file_id=stored.file_id, file_type="opus")
    return stored.file_id


@pytest.fixture
def ask(settings: Settings, providers: Providers) -> Ask:
    """Asks an application that uses a store."""

    def request(store: Any, method: str, path: str, *, with_settings: Settings = settings, **options: Any) -> Any:
        async def steps() -> httpx2.Response:
            async with open_client(with_settings, replace(providers, audio_store=store)) as client:
                return await client.request(method, path, **options)

        return asyncio.run(steps())

    return request


def test_whole_file(ask: Ask, store: S3AudioStore, file_id: str) -> None:
    response = ask(store, "GET", f"/audio/{file_id}")
    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["content-type"] == "audio/ogg"
    assert response.headers["content-length"] == str(len(CONTENT))
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_head(ask: Ask, store: S3AudioStore, file_id: str) -> None:
    response = ask(store, "HEAD", f"/audio/{file_id}")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len(CONTENT))
    assert response.headers["content-type"] == "audio/ogg"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=2000-", 2000, 1_500_000), ("bytes=-5", 1_499_995, 1_500_000)],
)
def test_ranges(ask: Ask, store: S3AudioStore, file_id: str, asked: str, start: int, end: int) -> None:
    response = ask(store, "GET", f"/audio/{file_id}", headers={"range": asked})
    assert (response.status_code, response.content) == (206, CONTENT[start:end])
    assert response.headers["content-range"] == f"bytes {start}-{end - 1}/1500000"
    assert response.headers["content-length"] == str(end - start)


def test_a_range_outside_the_file(ask: Ask, store: S3AudioStore, file_id: str) -> None:
    response = ask(store, "GET", f"/audio/{file_id}", headers={"range": "bytes=1500000-"})
    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */1500000")


def test_a_range_of_another_version(ask: Ask, store: S3AudioStore, file_id: str) -> None:
    for tag, status in ((f'"{file_id}"', 206), ('"other"', 200)):
        headers = {"range": "bytes=0-9", "if-range": tag}
        assert ask(store, "GET", f"/audio/{file_id}", headers=headers).status_code == status


def test_the_loop_goes_on_while_the_store_is_asked(
    settings: Settings, providers: Providers, store: S3AudioStore, file_id: str
) -> None:
    asked, answered = threading.Event(), threading.Event()

    class Slow(S3AudioStore):
        def __init__(self) -> None:
            """Nothing: it only stands in the way of the real one."""

        def locate(self, *name: str, **options: Any) -> Any:
            """Wait for another request to be answered."""
            asked.set()
            assert answered.wait(10), "the event loop stood still"
            return store.locate(*name, **options)

        def open(self, *name: str, **options: Any) -> Any:
            """As the real one."""
            return store.open(*name, **options)

    async def steps() -> httpx2.Response:
        async with open_client(settings, replace(providers, audio_store=Slow())) as client:
            playing = asyncio.create_task(client.get(f"/audio/{file_id}"))
            assert await asyncio.to_thread(asked.wait, 10)
            assert (await client.get("/healthz")).status_code == 200
            answered.set()
            return await playing

    assert asyncio.run(steps()).content == CONTENT


def test_a_public_bucket_is_pointed_to(ask: Ask, s3_server: str, catalogue: Catalogue, settings: Settings) -> None:
    bucket = new_bucket(s3_server, public="https://cdn.example.org/base")
    public = settings.model_copy(update={"audio_store": "s3", "r2_public_bucket_url": "https://cdn.example.org/base"})
    with closing(S3AudioStore(bucket)) as store:
        stored = store.put(io.BytesIO(CONTENT), "mp3")
        catalogue.track("Played", file_id=stored.file_id, visibility="unlisted")
        response = ask(store, "GET", f"/audio/{stored.file_id}", headers={"range": "bytes=0-9"})
        assert (response.status_code, response.content) == (307, b"")
        assert response.headers["location"] == f"https://cdn.example.org/base/audio/{stored.file_id}.mp3"
        page = ask(store, "GET", "/", with_settings=public)
        assert "media-src 'self' https://cdn.example.org;" in page.headers["content-security-policy"]

        kept_back = store.put(io.BytesIO(b"kept back"), "mp3")
        catalogue.track("Kept Back", file_id=kept_back.file_id, visibility="private")
        assert ask(store, "GET", f"/audio/{kept_back.file_id}").status_code == 404
        catalogue.track("Lost", file_id="0123abcd")
        lost = ask(store, "GET", "/audio/0123abcd")
        assert (lost.status_code, lost.json()) == (404, {"detail": "the audio file is missing from the store"})


def test_an_adopted_address_is_pointed_to_only_in_the_bucket(ask: Ask, s3_server: str, catalogue: Catalogue) -> None:
    bucket = new_bucket(s3_server)
    with closing(S3AudioStore(bucket)) as plain:
        stored = plain.put(io.BytesIO(CONTENT), "mp3")
    base = "https://cdn.example.org/x"
    with closing(S3AudioStore(replace(bucket, public=PublicAddress.parse(base)))) as store:
        catalogue.track("Adopted", file_id="adopted", r2_url=f"{base}/audio/{stored.file_id}.mp3")
        assert ask(store, "GET", "/audio/adopted").headers["location"] == f"{base}/audio/{stored.file_id}.mp3"
        catalogue.track("Elsewhere", file_id=stored.file_id, r2_url="https://evil.example/x.mp3")
        assert ask(store, "GET", f"/audio/{stored.file_id}").headers["location"].startswith(f"{base}/audio/")


def test_a_store_that_does_not_answer(ask: Ask, s3_server: str, catalogue: Catalogue) -> None:
    catalogue.track("Played", file_id="abc")
    bucket = replace(new_bucket(s3_server), name="nowhere")
    with closing(S3AudioStore(bucket)) as store:
        response = ask(store, "GET", "/audio/abc")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.json()["detail"].startswith("the audio store cannot be reached")


def test_a_command_that_needs_to_write_says_what_is_missing(settings: Settings) -> None:
    environment = {"AUDIO_STORE": "s3", "R2_PUBLIC_BUCKET_URL": "https://cdn.example.org"}
    environment["DATABASE_URL"] = str(settings.database_url)
    finished = run_command("sample", "import", environment=os.environ | environment)
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: the audio store is read at R2_PUBLIC_BUCKET_URL")
    assert finished.stderr.rstrip().endswith("R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY")
