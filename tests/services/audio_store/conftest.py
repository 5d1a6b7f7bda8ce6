"""Every implementation of the interface, as tests need it."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import FileResponse, Response

from services.audio_store import AudioStore, LocalAudioStore, PublicAddress, PublicAudioStore, S3AudioStore
from tests.support.loopback_bucket import new_bucket
from tests.support.relay import relaying
from tests.support.serving import serving


@dataclass(frozen=True)
class Reading:
    """A store that may only be readable.

    Attributes:
        store: What is tested.
        keep: Puts content there, in whatever way; returns its id.
        received: Bytes that have come from its server.
    """

    store: AudioStore
    keep: Callable[[bytes, str], str]
    received: Callable[[], int]


def create_origin(folder: Path) -> FastAPI:
    """A server as a public bucket is one: GET and HEAD below /base, with ranges."""
    origin = FastAPI()

    @origin.head("/base/{key:path}")
    @origin.get("/base/{key:path}")
    def get(key: str) -> Response:
        path = folder / key
        return FileResponse(path) if path.is_file() else Response(status_code=404)

    return origin


def uses(store: AudioStore) -> list[Callable[[], object]]:
    """Everything that asks the server of a store that can be written to."""
    return [
        lambda: store.locate("abc", "mp3"),
        lambda: store.open("abc", "mp3"),
        lambda: store.put(io.BytesIO(b"sound"), "mp3"),
        lambda: store.put(io.BytesIO(bytes(6_000_000)), "mp3"),
        lambda: store.remove("abc", "mp3"),
        lambda: list(store.files()),
    ]


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AudioStore]:
    """An empty store that can be written to."""
    if request.param == "local":
        yield LocalAudioStore(tmp_path / "store")
    else:
        with closing(S3AudioStore(new_bucket(request.getfixturevalue("s3_server")))) as s3:
            yield s3


@pytest.fixture(params=["local", "s3", "public"])
def reading(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reading]:
    """A store that can be read, and what was transferred for it."""

    def put_into(store: AudioStore) -> Callable[[bytes, str], str]:
        return lambda content, file_type: store.put(io.BytesIO(content), file_type).file_id

    def keep_below(folder: Path) -> Callable[[bytes, str], str]:
        (folder / "audio").mkdir()

        def keep(content: bytes, file_type: str) -> str:
            stored = LocalAudioStore(folder / "staged").put(io.BytesIO(content), file_type)
            assert stored.path is not None
            stored.path.rename(folder / "audio" / stored.path.name)
            return stored.file_id

        return keep

    if request.param == "local":
        local = LocalAudioStore(tmp_path)
        yield Reading(local, put_into(local), lambda: 0)
    elif request.param == "s3":
        bucket = new_bucket(request.getfixturevalue("s3_server"))
        with (
            closing(S3AudioStore(bucket)) as direct,
            relaying(bucket.endpoint) as relay,
            closing(S3AudioStore(replace(bucket, endpoint=relay.address))) as s3,
        ):
            yield Reading(s3, put_into(direct), lambda: relay.received)
    else:
        with (
            serving(create_origin(tmp_path)) as origin,
            relaying(origin) as relay,
            closing(PublicAudioStore(PublicAddress.parse(f"{relay.address}/base/"))) as public,
        ):
            yield Reading(public, keep_below(tmp_path), lambda: relay.received)
