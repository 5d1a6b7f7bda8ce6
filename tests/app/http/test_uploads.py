"""Uploading, changing, replacing and deleting tracks, over HTTP, with real audio and the real worker."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import psycopg
import pytest
import sqlalchemy
from fastapi import HTTPException
from starlette.requests import Request

from app.auth import Scope, create_token
from app.database import Database
from app.http.dependencies import resolve_caller
from app.measure.sample.encoding import encode
from app.measure.sample.pieces import WAYS
from app.providers import Providers
from app.settings import Settings
from services.audio_store import LocalAudioStore
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue
from tests.support.recordings import chirp, excerpt

Connection = psycopg.Connection[Any]
Steps = Callable[[httpx2.AsyncClient], Coroutine[Any, Any, Any]]

MP3 = encode(np.stack([chirp(2.0, 44_100)] * 2), "mp3")
FLAC = encode(np.stack([chirp(2.0, 44_100, start=200.0)] * 2), "flac")


@pytest.fixture
def artist(catalogue: Catalogue) -> str:
    return catalogue.artist("anna.example", "Anna")


@pytest.fixture
def stored(providers: Providers, tmp_path: Path) -> Providers:
    """The default services, with a store of the test's own."""
    return Providers(
        audio_store=LocalAudioStore(tmp_path / "audio"),
        embedding=providers.embedding,
        genres=providers.genres,
        embeddings=providers.embeddings,
    )


@pytest.fixture
def as_uploader(settings: Settings, stored: Providers, artist: str) -> Callable[[Steps], Any]:
    """Runs steps with a client that holds the artist's token."""

    def run(steps: Steps, *, scope: Any = "upload", did: str | None = artist, **changed: Any) -> Any:
        async def session() -> Any:
            async with Database.open(str(settings.database_url), pool_size=1) as opened:
                token = (await create_token(opened, did, [Scope(scope)])).token
            async with open_client(settings.model_copy(update=changed), stored) as client:
                client.headers["authorization"] = f"Bearer {token}"
                return await steps(client)

        return asyncio.run(session())

    return run


async def upload(client: httpx2.AsyncClient, content: bytes = MP3, **fields: Any) -> httpx2.Response:
    return await client.post(
        "/tracks", data={"title": "One"} | fields, files={"audio": ("song.wav", content, "image/png")}
    )


PROCESS_IO = Path("/proc/self/io")


def process_io() -> dict[str, int]:
    """Bytes that this process has read from files and written to them."""
    counted = dict(line.split(": ") for line in PROCESS_IO.read_text().splitlines())
    return {name: int(counted[name]) for name in ("rchar", "wchar")}


def files(stored: Providers) -> list[str]:
    return sorted(file.file_id for file in stored.audio_store.files())


def count(connection: Connection, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_an_upload_is_a_track_with_its_file_and_its_jobs(
    as_uploader: Any, stored: Providers, connection: Connection, artist: str
) -> None:
    response = as_uploader(
        lambda client: upload(
            client, title=" Two  words ", tags=["Ambient, tape", "lo-fi"], album="First", auto_tag="true"
        )
    )
    assert response.status_code == 201, response.text
    track = response.json()
    digest = hashlib.sha256(MP3).hexdigest()
    assert response.headers["location"] == f"/tracks/{track['id']}"
    assert (track["title"], track["artist_did"], track["album_title"]) == ("Two words", artist, "First")
    assert (track["file_id"], track["file_type"], track["visibility"]) == (digest, "mp3", "public")
    assert track["tags"] == ["ambient", "lo-fi", "tape"]
    assert track["processing"]["state"] == "queued"
    assert [task["task"] for task in track["processing"]["tasks"]] == ["embed_track", "classify_genres"]
    with stored.audio_store.open(digest, "mp3") as file:
        assert file.read() == MP3
    assert connection.execute("select extra from tracks").fetchone() == ({"auto_tag": True},)
    jobs = connection.execute("select task_name, args ->> 'file_id' from procrastinate_jobs order by 1").fetchall()
    assert jobs == [("classify_genres", digest), ("embed_track", digest)]
    assert connection.execute("select slug from albums").fetchone() == ("first",)
    assert connection.execute("select * from search.audio_uploads").fetchall() == [(digest, "mp3", artist)]


def test_it_is_found_by_name_at_once_and_by_sound_after_its_jobs(
    as_uploader: Any, stored: Providers, settings: Settings
) -> None:
    from workers.app import run_worker

    async def steps(client: httpx2.AsyncClient) -> Any:
        track = (await upload(client, excerpt("calm_acoustic_1").read_bytes(), title="Uploaded")).json()["id"]
        by_name = (await client.get("/search/", params={"q": "uploaded"})).json()["results"]
        before = (await client.get("/search/semantic", params={"q": "acoustic guitar"})).json()["results"]
        await run_worker(str(settings.database_url), settings, stored, wait=False)
        after = (await client.get("/search/semantic", params={"q": "acoustic guitar"})).json()["results"]
        shown = (await client.get(f"/tracks/{track}")).json()
        return track, by_name, before, after, shown["processing"]

    track, by_name, before, after, processing = as_uploader(steps, sound_min_confidence=0.0)
    assert [result["id"] for result in by_name] == [track]
    assert (before, [result["id"] for result in after]) == ([], [track])
    assert processing["state"] == "done"
    assert {task["state"] for task in processing["tasks"]} == {"done"}


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"title": "  "}, "title", "empty"),
        ({"title": "x" * 201}, "title", "at most 200"),
        ({"title": "nul\0"}, "title", "not text"),
        ({"tags": ["x" * 51]}, "tags", "at most 50"),
        ({"album": "x" * 201}, "album", "at most 200"),
        ({"visibility": "secret"}, "visibility", "public"),
        ({"auto_tag": "perhaps"}, "auto_tag", "bool"),
    ],
)
def test_a_field_that_cannot_be_kept_is_named(
    as_uploader: Any, stored: Providers, connection: Connection, fields: Any, field: str, words: str
) -> None:
    response = as_uploader(lambda client: upload(client, **fields))
    assert response.status_code == 422
    (detail,) = response.json()["detail"]
    assert detail["loc"][-1] == field or detail["loc"] == ["body", field]
    assert words in detail["msg"]
    assert files(stored) == []
    assert count(connection, "tracks") == 0


@pytest.mark.parametrize(
    "way", ["a zip with another name", "empty", "noise", "no samples", "a playlist of other files"]
)
def test_what_is_no_audio_is_refused_by_its_content(
    as_uploader: Any, stored: Providers, connection: Connection, way: str
) -> None:
    content = WAYS[way](MP3, np.random.default_rng(1))
    response = as_uploader(lambda client: upload(client, content))
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "audio"]
    assert files(stored) == []
    assert (count(connection, "tracks"), count(connection, "search.stored_audio")) == (0, 0)


def test_a_missing_file_is_named(as_uploader: Any) -> None:
    response = as_uploader(lambda client: client.post("/tracks", data={"title": "One"}))
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "audio"]


def test_a_request_that_is_too_large_is_refused_in_words(as_uploader: Any, stored: Providers) -> None:
    async def steps(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        audio = {"audio": ("song.mp3", MP3)}
        return [await upload(client), await client.put("/tracks/1/audio", files=audio)]

    for response in as_uploader(steps, upload_max_bytes=10_000):
        assert response.status_code == 413
        assert "10000 bytes: send a smaller file (UPLOAD_MAX_BYTES)" in response.json()["detail"][0]["msg"]
    assert files(stored) == []


def test_nobody_uploads_without_a_token_and_nothing_of_it_is_read(settings: Settings, stored: Providers) -> None:
    async def steps() -> httpx2.Response:
        async def endless() -> Any:
            yield b"--x\r\n"
            raise AssertionError("the body was read")

        async with open_client(settings, stored) as client:
            headers = {"content-type": "multipart/form-data; boundary=x"}
            return await client.post("/tracks", content=endless(), headers=headers)

    response = asyncio.run(steps())
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


def test_a_token_for_reading_does_not_upload(as_uploader: Any) -> None:
    response = as_uploader(upload, scope="read")
    assert response.status_code == 403
    assert "upload" in response.json()["detail"]


def test_only_administrators_upload_for_others(as_uploader: Any, catalogue: Catalogue) -> None:
    other = catalogue.artist("bert.example", "Bert")
    assert as_uploader(lambda client: upload(client, artist_did=other)).status_code == 403
    made = as_uploader(lambda client: upload(client, artist_did=other), scope="admin", did=None)
    assert (made.status_code, made.json()["artist_did"]) == (201, other)
    unknown = as_uploader(lambda client: upload(client, artist_did="did:plc:nobody"), scope="admin", did=None)
    assert unknown.status_code == 422
    assert unknown.json()["detail"][0]["loc"] == ["body", "artist_did"]
    nobody = as_uploader(upload, scope="admin", did=None)
    assert nobody.json()["detail"][0]["loc"] == ["body", "artist_did"]


def test_the_same_file_twice_is_two_tracks_of_one_file(
    as_uploader: Any, stored: Providers, connection: Connection
) -> None:
    async def steps(client: httpx2.AsyncClient) -> list[int]:
        first, second = await upload(client), await upload(client, title="Two")
        await client.delete(f"/tracks/{first.json()['id']}")
        return [first.status_code, second.status_code]

    assert as_uploader(steps) == [201, 201]
    assert len(files(stored)) == 1
    row = connection.execute("select file_id from search_internal.take_unused_audio('0 s') where not used").fetchone()
    assert row is None, "the second track still uses it"


def test_uploads_at_once_are_all_in(as_uploader: Any, stored: Providers, connection: Connection) -> None:
    contents = [encode(np.stack([chirp(0.5, 44_100, start=100.0 + number)] * 2), "wav") for number in range(20)]

    async def steps(client: httpx2.AsyncClient) -> set[int]:
        uploads = (
            upload(client, content, title=f"T{n}", tags="same, tags", album="A") for n, content in enumerate(contents)
        )
        return {response.status_code for response in await asyncio.gather(*uploads)}

    assert as_uploader(steps) == {201}
    assert len(files(stored)) == count(connection, "tracks") == 20
    assert (count(connection, "albums"), count(connection, "tags"), count(connection, "track_tags")) == (1, 2, 40)


# --- once


@contextmanager
def token_look_ups() -> Iterator[list[str]]:
    """The statements of this process that look a token up."""
    seen: list[str] = []

    def note(*call: Any) -> None:
        statement: str = call[2]
        if "t.hash" in statement:
            seen.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)


def test_a_token_is_looked_up_once_a_request(as_uploader: Any) -> None:
    async def steps(client: httpx2.AsyncClient) -> list[tuple[int, int]]:
        with token_look_ups() as seen:
            made = await upload(client)
            found = [(made.status_code, len(seen))]
        track = f"/tracks/{made.json()['id']}"
        requests: list[tuple[str, str, dict[str, Any]]] = [
            ("PUT", f"{track}/audio", {"files": {"audio": ("song.mp3", FLAC)}}),
            ("PATCH", track, {"json": {"title": "Two"}}),
            ("GET", track, {}),
            ("DELETE", track, {}),
        ]
        for method, path, options in requests:
            with token_look_ups() as seen:
                answer = await client.request(method, path, **options)
                found.append((answer.status_code, len(seen)))
        return found

    assert as_uploader(steps) == [(201, 1), (200, 1), (200, 1), (200, 1), (204, 1)]


def test_a_token_that_is_revoked_is_refused_at_the_next_request(as_uploader: Any, connection: Connection) -> None:
    async def steps(client: httpx2.AsyncClient) -> list[int]:
        first = await upload(client)
        connection.execute("update search.tokens set revoked_at = now()")
        return [first.status_code, (await upload(client)).status_code]

    assert as_uploader(steps) == [201, 401]
    assert count(connection, "tracks") == 1


def test_who_is_asking_is_kept_for_one_request_and_its_headers(as_uploader: Any, artist: str) -> None:
    async def steps(client: httpx2.AsyncClient) -> None:
        state = client._transport.app.state.api  # type: ignore[attr-defined]  # noqa: SLF001 - of ASGITransport
        token = client.headers["authorization"].encode()

        def request(*values: bytes) -> Request:
            return Request({"type": "http", "headers": [(b"authorization", value) for value in values]})

        async def find(asking: Request) -> str | None:
            caller = await resolve_caller(asking, state)
            return None if caller is None else caller.did

        known = request(token)
        with token_look_ups() as seen:
            assert [await find(known), await find(known), await find(Request(known.scope))] == [artist] * 3
            assert len(seen) == 1
        assert await find(request()) is None
        with token_look_ups() as seen:
            assert await find(request(token)) == artist
            assert len(seen) == 1, "another request is asked anew"
        for values in ([token, token], [token[:-1] + b"x"], [b"Basic x"]):
            known.scope["headers"] = [(b"authorization", value) for value in values]
            with pytest.raises(HTTPException) as refusal:
                await find(known)
            assert refusal.value.status_code == 401
        known.scope["headers"] = []
        assert await find(known) is None

    as_uploader(steps)


@pytest.mark.skipif(not PROCESS_IO.exists(), reason="Linux counts the bytes that a process reads and writes")
def test_an_upload_is_read_once_and_written_twice(as_uploader: Any, stored: Providers) -> None:
    """The server writes a large form to a temporary file, from which it is hashed and stored in one pass."""
    content = encode(np.stack([chirp(60.0, 44_100)] * 2), "wav")

    async def steps(client: httpx2.AsyncClient) -> tuple[httpx2.Response, dict[str, float]]:
        # what is loaded once, and the decoder's process
        assert (await upload(client)).status_code == 201
        before = process_io()
        response = await upload(client, content)
        after = process_io()
        return response, {name: (after[name] - before[name]) / len(content) for name in before}

    response, parts = as_uploader(steps)
    assert (response.status_code, response.json()["file_id"]) == (201, hashlib.sha256(content).hexdigest())
    assert len(files(stored)) == 2
    assert parts["rchar"] < 1.2
    assert parts["wchar"] < 2.2


def test_what_is_no_audio_is_not_copied(as_uploader: Any, tmp_path: Path) -> None:
    response = as_uploader(lambda client: upload(client, b"a letter, and no song " * 100_000))
    assert response.status_code == 422
    assert [path for path in (tmp_path / "audio").rglob("*") if path.is_file()] == []


def test_audio_that_cannot_be_registered_leaves_no_file(
    as_uploader: Any, tmp_path: Path, connection: Connection
) -> None:
    connection.execute("alter table search.stored_audio rename to elsewhere")
    assert as_uploader(upload).status_code == 500
    assert [path for path in (tmp_path / "audio").rglob("*") if path.is_file()] == []


# --- other audio


def test_other_audio_takes_the_place_of_the_former(as_uploader: Any, stored: Providers, connection: Connection) -> None:
    async def steps(client: httpx2.AsyncClient) -> httpx2.Response:
        track = (await upload(client)).json()["id"]
        return await client.put(f"/tracks/{track}/audio", files={"audio": ("song.mp3", FLAC)})

    response = as_uploader(steps)
    assert response.status_code == 200, response.text
    track = response.json()
    assert (track["file_id"], track["file_type"]) == (hashlib.sha256(FLAC).hexdigest(), "flac")
    assert track["processing"]["state"] == "queued"
    assert len(files(stored)) == 2, "the former file is removed later"
    unused = connection.execute("select file_type from search.stored_audio where unused_since is not null").fetchall()
    assert unused == [("mp3",)]


def test_audio_of_somebody_else_is_not_replaced(as_uploader: Any, catalogue: Catalogue, stored: Providers) -> None:
    other = catalogue.artist("bert.example", "Bert")
    shown, hidden = catalogue.track("His", artist=other), catalogue.track("Secret", artist=other, visibility="private")

    async def steps(client: httpx2.AsyncClient) -> list[int]:
        paths = (f"/tracks/{shown}/audio", f"/tracks/{hidden}/audio", "/tracks/999/audio")
        return [(await client.put(path, files={"audio": ("a.mp3", MP3)})).status_code for path in paths]

    assert as_uploader(steps) == [403, 404, 404]
    assert files(stored) == []


# --- looking and changing


def test_fields_are_changed_and_searches_see_it_at_once(as_uploader: Any, connection: Connection) -> None:
    async def steps(client: httpx2.AsyncClient) -> Any:
        track = (await upload(client, tags="old, kept", album="First")).json()["id"]
        patch = {"title": "Renamed  thing", "tags": ["kept", "NEW"], "album": None, "visibility": "unlisted"}
        changed = await client.patch(f"/tracks/{track}", json=patch)
        unchanged = await client.patch(f"/tracks/{track}", json={})
        listed = (await client.get("/search/", params={"q": "renamed"})).json()["results"]
        await client.patch(f"/tracks/{track}", json={"visibility": "public"})
        found = (await client.get("/search/", params={"q": "renamed"})).json()["results"]
        return track, changed, unchanged, listed, found

    track, changed, unchanged, listed, found = as_uploader(steps)
    assert changed.status_code == 200, changed.text
    shown = changed.json()
    assert (shown["title"], shown["tags"], shown["album_title"]) == ("Renamed thing", ["kept", "new"], None)
    assert unchanged.json() == shown
    assert (listed, [result["id"] for result in found]) == ([], [track])
    assert count(connection, "procrastinate_jobs") == 2, "nothing of this makes a job necessary"


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"title": None}, "title"),
        ({"title": " "}, "title"),
        ({"tags": None}, "tags"),
        ({"tags": ["a\0"]}, "tags"),
        ({"visibility": None}, "visibility"),
        ({"visibility": "x"}, "visibility"),
        ({"file_id": "x"}, "file_id"),
        ({"play_count": 9}, "play_count"),
    ],
)
def test_a_change_that_cannot_be_made_is_named(as_uploader: Any, patch: Any, field: str) -> None:
    async def steps(client: httpx2.AsyncClient) -> httpx2.Response:
        track = (await upload(client)).json()["id"]
        return await client.patch(f"/tracks/{track}", json=patch)

    response = as_uploader(steps)
    assert response.status_code == 422
    assert field in response.json()["detail"][0]["loc"]


def test_what_is_not_ones_own_cannot_be_changed(as_uploader: Any, catalogue: Catalogue, connection: Connection) -> None:
    other = catalogue.artist("bert.example", "Bert")
    shown, hidden = catalogue.track("His", artist=other), catalogue.track("Secret", artist=other, visibility="private")

    async def steps(client: httpx2.AsyncClient) -> list[int]:
        found = []
        for track in (shown, hidden, 999):
            found.append((await client.patch(f"/tracks/{track}", json={"title": "Mine"})).status_code)
            found.append((await client.delete(f"/tracks/{track}")).status_code)
        return found

    assert as_uploader(steps) == [403, 403, 404, 404, 404, 404]
    assert connection.execute("select title from tracks order by id").fetchall() == [("His",), ("Secret",)]
    assert as_uploader(steps, scope="admin", did=None) == [200, 204, 200, 204, 404, 404]


def test_a_private_track_is_there_for_its_artist_alone(
    as_uploader: Any, get: Callable[..., httpx2.Response], catalogue: Catalogue
) -> None:
    async def steps(client: httpx2.AsyncClient) -> Any:
        track = (await upload(client, visibility="private")).json()["id"]
        return track, (await client.get(f"/tracks/{track}")).status_code

    track, seen = as_uploader(steps)
    assert (seen, get(f"/tracks/{track}").status_code, get("/tracks/999").status_code) == (200, 404, 404)
    other = catalogue.artist("bert.example", "Bert")
    assert as_uploader(lambda client: client.get(f"/tracks/{track}"), did=other).status_code == 404


def test_reasons_that_may_pass_are_for_the_artist(
    as_uploader: Any, get: Callable[..., httpx2.Response], connection: Connection
) -> None:
    track = as_uploader(upload).json()["id"]
    connection.execute("update procrastinate_jobs set status = 'failed'")
    for task, permanent in (("embed_track", False), ("classify_genres", True)):
        connection.execute(
            "insert into search.job_failures (track_id, task, model, file_id, reason, permanent, attempts) "
            "select t.id, %s::text, case when %s = 'embed_track' then m.identity else '' end, t.file_id, "
            "'because of ' || %s, %s, 5 from tracks t, search.models m where m.serving",
            [task, task, task, permanent],
        )

    def reasons(response: httpx2.Response) -> dict[str, str | None]:
        assert response.json()["processing"]["state"] == "failed"
        return {task["task"]: task["reason"] for task in response.json()["processing"]["tasks"]}

    own = reasons(as_uploader(lambda client: client.get(f"/tracks/{track}")))
    assert own == {"embed_track": "because of embed_track", "classify_genres": "because of classify_genres"}
    assert reasons(get(f"/tracks/{track}")) == {"embed_track": None, "classify_genres": "because of classify_genres"}


# --- deleting


def test_a_deleted_track_leaves_nothing(
    as_uploader: Any, stored: Providers, connection: Connection, settings: Settings
) -> None:
    from workers.app import run_worker

    async def steps(client: httpx2.AsyncClient) -> list[int]:
        track = (await upload(client)).json()["id"]
        gone = await client.delete(f"/tracks/{track}")
        await run_worker(str(settings.database_url), settings, stored, wait=False)
        return [gone.status_code, (await client.get(f"/tracks/{track}")).status_code]

    assert as_uploader(steps) == [204, 404]
    for table in ("tracks", "search.embeddings", "search.job_failures", "search.documents where kind = 'track'"):
        assert count(connection, table) == 0
    states = connection.execute(
        "select distinct status::text from procrastinate_jobs where queue_name in ('embed', 'classify')"
    ).fetchall()
    assert states == [("succeeded",)]
    assert connection.execute("select unused_since is not null from search.stored_audio").fetchall() == [(True,)]


def test_an_upload_whose_audio_was_removed_again_leaves_no_track(
    settings: Settings, stored: Providers, artist: str, connection: Connection
) -> None:
    from app.catalogue import AudioGoneError, NewTrack, ReceivedAudio, create_track

    async def steps() -> None:
        async with Database.open(str(settings.database_url), pool_size=1) as opened:
            await create_track(opened, NewTrack(artist, "One"), ReceivedAudio("a" * 64, "mp3", None))

    with pytest.raises(AudioGoneError):
        asyncio.run(steps())
    assert count(connection, "tracks") == 0
    assert json.dumps(files(stored)) == "[]"
